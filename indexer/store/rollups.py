"""Which marks and rollups there are, and the statement that keeps one: for many marked buckets at once.

A rollup is a table of schema ledger and a file `queries/rollup_<table>.sql`, which says as two steps of a
query which `bucket`s to make again and what is `made` of the rows in them. What is the same for all of
them, writing what changed and deleting what nothing stands for, is in `queries/keep_rollup.sql`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.store.statements import query

Bucket = tuple[Any, ...]

# Of rows of equal time the place on the chain decides; views read prices in the same order.
NEWEST = (
    "t.block_time DESC, t.slot DESC, t.tx_index DESC NULLS LAST, t.index DESC, t.signature DESC,"
    " t.channel DESC, t.part DESC"
)
OLDEST = "t.block_time, t.slot, t.tx_index NULLS FIRST, t.index, t.signature, t.channel, t.part"


class Marks(NamedTuple):
    """A table of marks, and its key with the types of its columns."""

    table: str
    key: Mapping[str, str]

    @property
    def take(self) -> str:
        """Reads up to $1 marks, the newest first, each with its writer and its version."""
        names = [f"d.{name}" for name in self.key]
        return query("take_marks", table=self.table, key=", ".join(names), newest=", ".join(f"{n} DESC" for n in names))

    @property
    def clear(self) -> str:
        """Takes away marks that are as they were read."""
        arrays = [f"${place}::{kind}[]" for place, kind in enumerate((*self.key.values(), "int", "text"), start=1)]
        return query(
            "clear_marks",
            table=self.table,
            arrays=", ".join(arrays),
            names=", ".join(self.key),
            key=", ".join(f"d.{name}" for name in self.key),
            same=" AND ".join(f"d.{name} = u.{name}" for name in self.key),
        )


class Rollup(NamedTuple):
    """A table, and the columns of its key that make a bucket; in the order of the statement's parameters."""

    table: str
    scope: tuple[str, ...]


_HOLDING = {"protocol": "text", "component": "text", "component_key": "text", "holding": "bytea"}
HOURS = Marks("dirty_hours", {"hour": "timestamptz", "protocol": "text", "market_key": "text"})
PRICES = Marks("dirty_prices", {"hour": "timestamptz", "protocol": "text", "mint": "bytea"})
AMOUNTS = Marks("dirty_amounts", {"hour": "timestamptz", **_HOLDING})
OWNERS = Marks("dirty_owners", {"protocol": "text", "action_key": "bytea"})
DAYS = Marks("dirty_days", {"day": "date", "protocol": "text"})
PROOFS = Marks("dirty_proofs", {"bucket": "bigint", "protocol": "text"})

BY_MARKET = tuple(
    Rollup(f"hourly_{name}", tuple(HOURS.key))
    for name in ("trades", "fees", "liquidations", "market_prices", "funding_rates", "open_interest")
)
SWAPS = Rollup("hourly_swaps", tuple(HOURS.key))
LP_FLOWS = Rollup("hourly_lp_flows", ("hour", "protocol"))
INCENTIVES = Rollup("hourly_incentives", ("hour", "protocol"))
TOKEN_PRICES = Rollup("hourly_token_prices", ("hour", "mint"))
OBSERVATIONS = Rollup("hourly_observations", ("hour", *_HOLDING))
HOLDINGS = Rollup("tvl_holdings", tuple(_HOLDING))
BY_DAY = tuple(Rollup(name, tuple(DAYS.key)) for name in ("daily_traders", "daily_providers", "active_days"))
COVERED_SPANS = Rollup("covered_spans", ("stream",))  # All of it at once: no parameters.
HOURLY_TVL = Rollup("hourly_tvl", ("hour", *_HOLDING))
DAILY_TVL = Rollup("daily_tvl", (*_HOLDING, "day"))
ROLLUPS = (
    *BY_MARKET, SWAPS, LP_FLOWS, INCENTIVES, TOKEN_PRICES, OBSERVATIONS, HOLDINGS, *BY_DAY, COVERED_SPANS, HOURLY_TVL,
    DAILY_TVL,
)  # fmt: skip


def keep_statement(rollup: Rollup, columns: Sequence[tuple[str, bool]]) -> str:
    """`columns`: of the table, in order, with whether each is of its key."""
    key = [name for name, is_key in columns if is_key]
    values = [name for name, is_key in columns if not is_key]
    return query(
        "keep_rollup",
        made=query(f"rollup_{rollup.table}", newest=NEWEST, oldest=OLDEST),
        table=rollup.table,
        columns=", ".join(name for name, _ in columns),
        key=", ".join(key),
        update=_update(values),
        scope=" AND ".join(f"r.{name} = bucket.{name}" for name in rollup.scope),
        same=" AND ".join(f"made.{name} = r.{name}" for name in key),
    )


def _update(values: Sequence[str]) -> str:
    if not values:
        return "NOTHING"
    old, new = (", ".join(f"{row}.{name}" for name in values) for row in ("r", "excluded"))
    return f"UPDATE SET ({', '.join(values)}) = ROW ({new}) WHERE ({old}) IS DISTINCT FROM ({new})"


def arrays(buckets: Iterable[Bucket], width: int) -> list[list[Any]]:
    """One list for each column, as the statements take them."""
    columns = [list(column) for column in zip(*buckets, strict=True)]
    return columns or [[] for _ in range(width)]
