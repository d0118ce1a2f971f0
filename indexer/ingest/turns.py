"""Whose turn it is among missing slots: what a step leaves waits until everything else was tried. Pure.

A slot that nobody has, or that breaks every answer, so keeps no other one waiting, however many there are.
"""

from __future__ import annotations

from indexer.core.coverage import Spans, common, missing, union


class Turns:
    """`rounds`: how often everything was tried since anything was settled."""

    def __init__(self) -> None:
        self.rounds = 0
        self._left: Spans = ()

    def next(self, lacking: Spans) -> Spans:
        """The slots whose turn it is, of those that are missing."""
        self._left = common(self._left, lacking)
        untried = missing(lacking, self._left)
        if untried or not lacking:
            return untried
        self.rounds, self._left = self.rounds + 1, ()
        return lacking

    def tried(self, left: Spans, *, progress: bool) -> None:
        """A step left these."""
        self._left = union(self._left, left)
        self.rounds = 0 if progress else self.rounds
