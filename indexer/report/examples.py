"""Questions that people ask, as SQL files: `sql --examples` lists them, `sql --example NAME` runs one.

Each file opens with a comment: its question in one line, what to look at, and what deceives. It is one statement that
can be pasted into psql as it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from indexer.errors import InputError

_FOLDER = Path(__file__).parent / "examples"


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.sql"))


@cache
def example(name: str) -> str:
    """The text of an example. Raises InputError."""
    if name not in names():
        raise InputError(f"no example {name!r}", remedy=f"one of {', '.join(names())}")
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def question(name: str) -> str:
    """What it answers, in one line."""
    return example(name).splitlines()[0].removeprefix("-- ")


def listing() -> str:
    """A line for each example."""
    width = max(map(len, names()))
    return "".join(f"{name:<{width}}  {question(name)}\n" for name in names())
