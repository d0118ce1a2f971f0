"""SQL changed in one place, so that it is wrong: what the comparison with plain Python must notice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from indexer.resources import resource
from indexer.store import statements
from tests.aggregates.days import Numbers


class Mutant(NamedTuple):
    """`file` in queries/ or migrations/views/. `seed`: of a world that notices it."""

    name: str
    file: str
    old: str
    new: str
    seed: int = 0


# What a rollup is made of its rows: seen on any world, once everything is made again.
OF_ROLLUPS = [
    Mutant("rebates are fees", "rollup_hourly_trades", "sum(t.paid_e6)", "sum(t.fee_usd_e6)"),
    Mutant("suspect swaps count", "rollup_hourly_swaps", "FILTER (WHERE NOT t.suspect) AS volume_e6", "AS volume_e6"),
    Mutant("any takeover contains the fee", "rollup_hourly_liquidations", " AND f.sequence = t.sequence", ""),
    Mutant(
        "amounts hold for ever",
        "rollup_hourly_tvl",
        "ELSE coalesce(extract(epoch FROM span.ends_at)::bigint, t.at)",
        "ELSE head.at",
    ),
    Mutant("values never grow old", "rollup_hourly_tvl", "THEN least(t.at + age.longest, head.at)", "THEN head.at"),
    Mutant("prices never grow old", "rollup_hourly_tvl", "p.at + age.longest, p.hour + 3600", "p.hour + 3600"),
    Mutant("zero tokens need a price", "rollup_hourly_tvl", "OR p.amount = 0 THEN p.x2 - p.x1", "THEN p.x2 - p.x1"),
    Mutant(
        "makers are traders",
        "rollup_daily_traders",
        "count(*) FILTER (WHERE p.is_net AND NOT p.is_maker)",
        "count(*) FILTER (WHERE p.is_net)",
    ),
    Mutant("washing needs both signs", "rollup_daily_traders", "OR f.positions >=", "AND f.positions >="),
    Mutant("nothing is ever deleted", "keep_rollup", "WHERE {scope} AND", "WHERE false AND {scope} AND"),
]

# What a row reaches elsewhere: seen only by a world that lives.
OF_MARKS = [
    Mutant(
        "an amount stays in its hour",
        "mark_told_holdings",
        "            next.hour,\n            greatest(",
        "            told.hour,\n            greatest(",
    ),
    Mutant(
        "an amount holds a day and no longer",
        "mark_told_holdings",
        "greatest(span.ends_at, told.hour",
        "greatest(NULL, told.hour",
    ),
    Mutant(
        "a price stays in its hour",
        "mark_holdings_at_prices",
        "t.hour < least(next.hour,",
        "t.hour < least(changed.hour,",
        1,
    ),
    Mutant(
        "a price values flows of its hour",
        "flows_at_prices",
        "least(next.hour, changed.hour + age.value * interval '1 second')",
        "changed.hour",
        4,
    ),
    Mutant("a price judges swaps of its hour", "swaps_at_prices", "interval '2 hours'", "interval '1 hour'", 10),
    Mutant(
        "coverage reaches no holding",
        "rollup_covered_spans",
        "SELECT * FROM reached",
        "SELECT * FROM reached WHERE false",
        2,
    ),
    Mutant(
        "values do not follow the head", "rollup_covered_spans", "WHERE o.at IS DISTINCT FROM n.at", "WHERE false", 30
    ),
    Mutant(
        "slots that come reach nothing", "rollup_covered_spans", "unnest(s.now - s.before)", "unnest(s.now - s.now)", 2
    ),
    Mutant("an owner reaches no day", "mark_days_of_owners", "WHERE f.block_time IS NOT NULL", "WHERE false", 2),
    Mutant(
        "a valued flow reaches no day",
        "mark_days_of_hours",
        "AS bucket (hour, protocol)",
        "AS b (hour, protocol) WHERE false",
        4,
    ),
]

# What a view makes of rollups.
OF_VIEWS = [
    Mutant(
        "volume_daily",
        "51_volume_daily",
        "WHERE market_kind = 'perp' AND excluded = '') AS net_e6",
        "WHERE market_kind = 'perp') AS net_e6",
    ),
    Mutant("fees_daily", "53_fees", "+ k.rebates_e6 - k.rewards_e6", "- k.rewards_e6"),
    Mutant(
        "lp_flows_daily",
        "54_lp_flows",
        "flow = 'deposit' AND NOT internal) AS external_deposits_e6",
        "flow = 'deposit') AS external_deposits_e6",
    ),
    Mutant("tvl_daily", "55_tvl", "tvl_usd - coalesce(strategy_vaults_usd, 0)", "tvl_usd"),
    Mutant(
        "efficiency_daily",
        "56_ratios",
        "RANGE BETWEEN interval '6 days' PRECEDING",
        "RANGE BETWEEN interval '7 days' PRECEDING",
    ),
    Mutant("funding_daily", "58_markets", "f.rate_long_sum, f.rates_long", "f.rate_long_sum, f.rates"),
    Mutant("market_share_7d", "56_ratios", "sum(a.volume_usd) FILTER (WHERE a.is_full)", "sum(a.volume_usd)"),
]


@contextmanager
def mutated(mutant: Mutant, ledger: Numbers, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store reads this query instead."""
    with TemporaryDirectory() as folder, monkeypatch.context() as patch:
        queries = Path(shutil.copytree(statements._QUERIES, Path(folder) / "queries"))
        path = queries / f"{mutant.file}.sql"
        path.write_text(changed(mutant, path.read_text(encoding="utf-8")), encoding="utf-8")
        patch.setattr(statements, "_QUERIES", queries)
        forget(ledger)
        yield
    forget(ledger)


def forget(ledger: Numbers) -> None:
    statements.query.cache_clear()
    ledger.aggregates._statements.clear()


def changed(mutant: Mutant, text: str) -> str:
    assert mutant.old in text, f"{mutant.name}: write this mutant anew, {mutant.file} has no {mutant.old!r}"
    return text.replace(mutant.old, mutant.new)


def selected(mutant: Mutant) -> str:
    """The query of a view, changed."""
    text = (resource("migrations") / "views" / f"{mutant.file}.sql").read_text(encoding="utf-8")
    (query,) = re.findall(rf"CREATE (?:MATERIALIZED )?VIEW perps\.{mutant.name} AS\n(.*?);\n", text, re.DOTALL)
    return changed(mutant, query)
