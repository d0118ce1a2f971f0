"""A report of the ledger that a daemon wrote through faults, forks and kills says what the simulated programs did.

One life here; `make parity` lives many more (LIVES).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from indexer.core.record import LpFlow, Record, Swap, Trade, TvlObservation
from indexer.report import programs
from indexer.report.comparison import PROTOCOLS, read_report
from indexer.store.connection import Connection
from tests.aggregates.days import numbers
from tests.report.lives import Life, lived, write_again
from tests.report.true_figures import COUNTED, DAY_S, TrueFigures, days_between, midnight

SEEDS = range(6, 6 + int(os.environ.get("LIVES", "1")))  # The first has all kinds of faults.
NEAR = Fraction(1, 10**4)  # Of dollars: each daily mean is rounded to micro-dollars.
ALIKE = {"gmx_solana pool", "drift insurance_fund"}  # What events tell to the last unit; lending accrues interest.
CLOSE = Fraction(1, 10**8)  # Of ratios.


async def reported(life: Life, url: str) -> list[dict[str, Any]]:
    """Reports of the last week, of three days and of every single full day, as programs get them."""
    async with numbers(url) as ledger:
        await write_again(life, ledger)
        week = await asked(url, None, 7)
        days = days_between(date.fromisoformat(week["first_day"]), date.fromisoformat(week["last_day"]))
        assert [line async for line in wrong_amounts(life, days, ledger.connection)] == []
    return [week, await asked(url, days[-2], 3), *[await asked(url, day, 1) for day in days]]


async def wrong_amounts(life: Life, days: Sequence[date], connection: Connection) -> AsyncIterator[str]:
    """Where a day does not end with the amount that the programs' own books have then."""
    truth = TrueFigures(life.chain.truth.records)
    compared = untold = 0
    for day, (time, rows) in books(life, days).items():
        end = midnight(day) + DAY_S
        for row in rows:
            at = (row.origin.protocol, row.component, row.component_key)
            events = truth.amount_since(at, row.mint, time, end - 1)
            if events == row.amount:
                told = await connection.fetchval(_AMOUNT, datetime.fromtimestamp(end - 3600, UTC), *at, row.mint)
                compared += 1
                if told != row.amount:
                    yield f"{day} {at}: {told} tokens, the books have {row.amount}"
            elif events is not None:
                untold += 1  # By a block without a time, or in a log that was cut.
    assert compared > 50, f"{compared} amounts were compared"
    assert 4 * untold < compared, f"{untold} amounts of {compared} were changed without a word"


_AMOUNT = """
SELECT amount FROM perps.tvl_tokens_hourly
WHERE hour = $1 AND protocol = $2 AND component = $3 AND component_key = $4 AND mint = perps.base58($5)
"""


def books(life: Life, days: Sequence[date]) -> dict[date, tuple[int, list[TvlObservation]]]:
    """By day: when its last state of accounts was, and what lay in GMX's pools and Drift's insurance fund then."""
    times = {slot: block.block_time for slot, block in life.chain.blocks.items() if block.block_time}
    found: dict[date, tuple[int, list[TvlObservation]]] = {}
    for day in days:
        end = midnight(day) + DAY_S
        states = [
            max((one for one in versions if times.get(one.slot, end) < end), key=lambda one: one.slot, default=None)
            for versions in life.chain.accounts.values()
        ]
        rows = [
            msgspec.structs.replace(row, origin=msgspec.structs.replace(row.origin, protocol=state.protocol))
            for state in states
            if state is not None
            for row in state.held.rows
            if isinstance(row, TvlObservation) and f"{state.protocol} {row.component}" in ALIKE and row.mint is not None
        ]
        found[day] = times[max(state.slot for state in states if state is not None)], rows
    return found


async def asked(url: str, at: date | None, days: int) -> dict[str, Any]:
    return json.loads(programs.json(await read_report(url, at, days, PROTOCOLS, timeout_s=10)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_report_is_what_an_independent_calculation_makes_of_the_chain(seed: int, database_url: str) -> None:
    life = lived(seed)
    assert life.outcome.is_true, life.outcome.details
    assert life.outcome.kills
    assert life.chain.forks
    assert any(life.outcome.struck.values())
    reports = asyncio.run(reported(life, database_url))
    assert [report["tables"]["volume"]["incomplete_days"] for report in reports] == [[]] * 9
    found = differing(reports, TrueFigures(life.chain.truth.records))
    assert not found, "\n".join(found)
    if seed == SEEDS[0]:
        for name, another in anothers(life.chain.truth.records):
            assert differing(reports[:1], TrueFigures(another)), f"nobody notices another {name}"


def anothers(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """The same chain but for one row of a day in the middle, told otherwise or not at all."""
    middle = records[len(records) // 2].origin.slot
    for kind, field in (
        (Trade, "size_usd_e6"), (Trade, "fee_usd_e6"), (Swap, "fee_usd_e6"), (LpFlow, "value_usd_e6"),
        (TvlObservation, "amount"),
    ):  # fmt: skip
        place = next(
            number
            for number, row in enumerate(records)
            if type(row) is kind and row.origin.slot > middle and row.origin.block_time and getattr(row, field)
        )  # fmt: skip
        row = records[place]
        more = msgspec.structs.replace(row, **{field: getattr(row, field) + 1})
        yield f"{kind.__name__}.{field}", [*records[:place], more, *records[place + 1 :]]
        yield f"{kind.__name__} less", [*records[:place], *records[place + 1 :]]


def differing(reports: Sequence[dict[str, Any]], truth: TrueFigures) -> list[str]:
    found, compared = [], 0
    for report in reports:
        days = days_between(date.fromisoformat(report["first_day"]), date.fromisoformat(report["last_day"]))
        lines = list(differences(report, truth, days))
        found += [f"{days[0]} to {days[-1]}: {line}" for line in lines if line]
        compared += len(lines)
    assert compared > 100 * len(reports), "a report that has nothing to compare shows nothing"
    return found


def differences(report: dict[str, Any], truth: TrueFigures, days: list[date]) -> Iterator[str]:
    """A line for each figure: empty where both are the same."""
    for protocol in PROTOCOLS:
        for table, expected in (
            ("volume", truth.volume(protocol, days)),
            ("activity", truth.activity(protocol, days)),
            ("fees", truth.fees(protocol, days)),
        ):
            yield from compare(f"{protocol} {table}", only(report, table, protocol), expected)
        yield from compare(f"{protocol} tvl", only(report, "tvl", protocol), _tvl(truth, protocol, days), NEAR)
        ratios = truth.efficiency(protocol, days)
        shown = only(report, "efficiency", protocol)
        yield from compare(f"{protocol} mean", shown, {"mean_tvl_usd": ratios.pop("mean_tvl_usd")}, NEAR)
        yield from compare(f"{protocol} efficiency", shown, ratios, CLOSE)
        share = {"market_share": truth.market_share(protocol, days)}
        yield from compare(f"{protocol} share", only(report, "market_share", protocol), share, CLOSE)
        if truth.volume(protocol, days)["volume_usd"]:
            fee = {"effective_fee_bps": truth.effective_fee_bps(protocol, days)}
            yield from compare(f"{protocol} fee", only(report, "effective_fee", protocol), fee, Fraction(1, 10**5))
        for venue, expected in truth.flows(protocol, days).items():
            yield from compare(f"{protocol} {venue}", only(report, "lp_flows", protocol, venue=venue), expected)
    for row in report["tables"]["tvl_components"]["rows"]:
        at = (row["protocol"], row["component"], row["component_key"])
        yield from compare(" ".join(at), row, {"mean_tvl_usd": truth.component_mean(at, days)}, NEAR)
    counted = {at for at in truth.holdings if at[1] in COUNTED[at[0]]}
    yield "" if len(report["tables"]["tvl_components"]["rows"]) == len(counted) else f"components: not {len(counted)}"
    for (kind, source), e6 in truth.sources(days).items():
        shown = only(report, "liquidity_sources", "drift", market_kind=kind, liquidity_source=source)
        yield from compare(f"drift {source}", shown, {"volume_usd": Fraction(e6, 10**6)})


def _tvl(truth: TrueFigures, protocol: str, days: list[date]) -> dict[str, Fraction | None]:
    """Means over the days on which each is known."""
    names = {
        "tvl": "mean_tvl_usd", "ex_vaults": "mean_tvl_ex_vaults_usd", "pool": "pool_usd", "lending": "lending_usd",
        "insurance_fund": "insurance_fund_usd", "glv": "glv_usd", "strategy_vault": "strategy_vaults_usd",
    }  # fmt: skip
    by_day = [truth.tvl(protocol, day) for day in days]
    known = {name: [one[name] for one in by_day if one.get(name) is not None] for name in names}
    return {column: sum(known[name]) / len(known[name]) if known[name] else None for name, column in names.items()}


def only(report: dict[str, Any], table: str, protocol: str, **keys: str) -> dict[str, Any]:
    rows = [row for row in report["tables"][table]["rows"] if row["protocol"] == protocol]
    (found,) = [row for row in rows if all(row[name] == value for name, value in keys.items())]
    return found


def compare(
    what: str, shown: dict[str, Any], expected: dict[str, Any], within: Fraction = Fraction(0)
) -> Iterator[str]:
    for name, true in expected.items():
        told = None if shown[name] is None else Fraction(Decimal(shown[name]))
        same = told == true if told is None or true is None else abs(told - Fraction(true)) <= within
        yield "" if same else f"{what}.{name}: reported {shown[name]}, true {None if true is None else float(true)}"
