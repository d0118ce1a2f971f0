"""Statements of the store: their text in `queries/`, and how spans travel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import asyncpg

from indexer.core.coverage import Span, Spans

_QUERIES = Path(__file__).parent / "queries"


@cache
def query(name: str, **parts: str) -> str:
    """The statement in queries/<name>.sql with its {parts} filled in."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8").format(**parts).strip()


def multirange(spans: Iterable[Span]) -> list[asyncpg.Range[int]]:
    return [span_range(span) for span in spans]


def span_range(span: Span) -> asyncpg.Range[int]:
    return asyncpg.Range(span.start, span.end)


def spans_of(multirange: Sequence[asyncpg.Range[int]] | None) -> Spans:
    """The spans of a multirange; none of NULL."""
    return tuple(span_of(part) for part in multirange or ())


def span_of(part: asyncpg.Range[int]) -> Span:
    assert part.lower is not None, "a coverage has bounds"
    assert part.upper is not None, "a coverage has bounds"
    return Span(part.lower, part.upper)
