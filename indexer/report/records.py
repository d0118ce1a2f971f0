"""What commands print of records: laid out for people, or JSON lines for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from indexer.ingest.replay import Summary
from indexer.ingest.reprocess import Rebuilt

Row = Mapping[str, Any]
_IDENTITY = (
    "record", "protocol", "program_id", "slot", "signature", "channel", "index", "part", "tx_index", "block_time",
    "event", "settled", "decoder_version",
)  # fmt: skip


def json_lines(rows: Iterable[Row]) -> str:
    """One object a line."""
    return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)


def listing(title: str, rows: Sequence[Row], events: Sequence[str]) -> str:
    """Every record as a small block: who said it, and what is known. Unknown values are left out."""
    head = f"{title}: {len(rows)} records of {len(events)} events ({_counts(Counter(events)) or 'none'})"
    return "\n".join([head, *(_block(row) for row in rows), ""])


def _block(row: Row) -> str:
    where = f"slot {row['slot']}, {row['signature']}, {row['channel']} {row['index']}"
    said = {name: value for name, value in row.items() if name not in _IDENTITY and value is not None}
    width = max(map(len, said), default=0)
    head = (
        f"\n{row['record']}  {row['protocol']} {row['event'] or ''}  {row['block_time'] or 'time unknown'}\n  {where}"
    )
    return "\n".join([head, *(f"    {name:<{width}}  {value}" for name, value in said.items())])


def summary(done: Summary) -> str:
    """What a replay did."""
    lines = [
        f"files         {done.files}",
        f"transactions  {done.transactions} ({done.failed_transactions} failed on chain, {done.blocks} whole blocks)",
        f"events        {done.events}",
        f"records       {_counts(done.records) or 'none'}",
        f"failures      {_counts(done.failures) or 'none'}",
        f"rows          {_counts(done.rows) or 'none'}",
    ]
    if done.settled or done.unsettled:
        lines.append(f"settled       {_counts(done.settled) or 'none'}")
    if done.unsettled:
        lines.append(f"not settled   {_counts(done.unsettled)}")
    if done.waiting:
        lines.append(f"waiting       {done.waiting} slots, for `perps-indexer reprocess`: markets or tokens changed")
    lines += _section("unavailable", done.unavailable) + _section("skipped", done.skipped)
    return "\n".join(lines) + "\n"


def rebuilt(done: Rebuilt) -> str:
    """What a reprocess did."""
    return (
        f"reprocessed   {done.transactions} transactions in {done.buckets} slot buckets\n"
        f"rows          {_counts(done.rows) or 'none'}\n"
        + (f"left alone    slots below {done.bytes_from}: their bytes were let go\n" if done.bytes_from else "")
    )


class Backfilled(msgspec.Struct):
    """What a backfill did. Slots by stream."""

    wanted: dict[str, int]  # Missing when it began.
    missing: dict[str, int] = {}  # Missing when it ended.
    transactions: int = 0


def backfilled(done: Backfilled) -> str:
    """What a backfill did."""
    settled = {name: count - done.missing.get(name, 0) for name, count in done.wanted.items()}
    lines = [f"settled       {_counts(settled) or 'nothing was missing'}", f"transactions  {done.transactions}"]
    if done.missing:
        lines.append(f"missing       {_counts(done.missing)}: no source has them; see `perps-indexer gaps`")
    return "\n".join(lines) + "\n"


def failures(rows: Sequence[Row]) -> str:
    """Failures by reason, program and event."""
    return table(rows) if rows else "no failures\n"


def table(rows: Sequence[Row]) -> str:
    """Rows of equal names under one line of these names; unknown values are blank."""
    names = list(rows[0])
    lines = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    return "".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "" if value is None else str(value)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}: {len(lines)}", *(f"  {line}" for line in lines)] if lines else []


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)
