"""The commands that documents tell people to type, and the queries."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "OPERATING.md", "ANALYSIS.md", "CONTRIBUTING.md")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a line of a shell begins with; other lines of plain blocks are what a command prints.
_TYPED = re.compile(
    r"^(?:\$ )?((?:\w+=\S+ )*(?:\.venv/bin/perps-indexer|make|docker|psql|pg_dump|createdb|pg_restore|cp|export)\b.*)"
)


def commands() -> list[list[str]]:
    """As words, each once, in the order of the documents. Variables set before a command are words too."""
    found = [tuple(shlex.split(line, comments=True)) for name in DOCUMENTS for line in _lines(name)]
    return [list(words) for words in dict.fromkeys(found)]


def queries(name: str) -> list[str]:
    """The blocks of SQL in a document."""
    return [body.strip() for language, body in _blocks(name) if language == "sql"]


def begins(words: Sequence[str], *first: str) -> bool:
    return list(words[: len(first)]) == list(first)


def _lines(name: str) -> Iterator[str]:
    for language, body in _blocks(name):
        if language == "":
            lines = re.sub(r'"([^"\n]*)\n +([^"\n]*)"', r'"\1 \2"', body).splitlines()  # A query over two lines.
            yield from (found[1] for line in lines if (found := _TYPED.match(line)))


def _blocks(name: str) -> list[tuple[str, str]]:
    return _FENCED.findall((REPOSITORY / name).read_text(encoding="utf-8"))
