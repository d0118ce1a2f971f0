"""Plant a defect: run a module's source with a piece exchanged, and put what comes of it in the place of the true one.

Functions are replaced wherever they were imported, methods in their classes; classes stay what they are, since what is
caught must be what is raised. A piece of source that is gone says so: the mutant must then be written anew.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import msgspec
import pytest

Piece = tuple[str, str]  # What stands there, and what stands there instead.
Plant = Callable[[pytest.MonkeyPatch], None]


class Mutant(msgspec.Struct, frozen=True):
    """`name`: what it does. `noticed_by`: the test that fails then, without fixtures."""

    name: str
    noticed_by: Callable[[], None]
    module: str
    pieces: tuple[Piece, ...]

    def check(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fails where the test does not notice it."""
        exchanged(self.module, *self.pieces)(monkeypatch)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            self.noticed_by()


def mutant(name: str, noticed_by: Callable[[], None], module: str, *pieces: Piece) -> Mutant:
    return Mutant(name, noticed_by, module, pieces)


def exchanged(module_name: str, *pieces: Piece) -> Plant:
    """`module_name` within the package."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        module = importlib.import_module(f"indexer.{module_name}")
        source = inspect.getsource(module)
        for piece, instead in pieces:
            assert piece in source, f"{module_name} has no {piece!r} any more: write the mutant anew"
            source = source.replace(piece, instead)
        scope: dict[str, Any] = {"__name__": module.__name__}
        exec(compile(source, module.__file__ or "", "exec"), scope)
        for name, true in list(vars(module).items()):
            if isinstance(true, type):
                if true.__module__ == module.__name__:
                    _change_methods(monkeypatch, true, scope[name])
                scope[name] = true
            elif isinstance(true, FunctionType) and true.__module__ == module.__name__:
                _replace(monkeypatch, name, true, scope[name])

    return plant


def _replace(monkeypatch: pytest.MonkeyPatch, name: str, true: object, mutated: object) -> None:
    for module in [m for n, m in sys.modules.items() if n.startswith(("indexer.", "tests."))]:
        if vars(module).get(name) is true:
            monkeypatch.setattr(module, name, mutated)


def _change_methods(monkeypatch: pytest.MonkeyPatch, true: type, mutated: type) -> None:
    for name, method in vars(mutated).items():
        # A method that calls super() belongs to its own class.
        if isinstance(method, FunctionType) and "__class__" not in method.__code__.co_freevars:
            monkeypatch.setattr(true, name, method)
