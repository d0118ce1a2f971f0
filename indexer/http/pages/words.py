"""What things are called on the pages: protocols, and columns that the report does not have.

A column means the same on every page, and the same as in the report.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from indexer.report.contents import COLUMNS as REPORTED
from indexer.report.contents import Column

PROTOCOLS = {"gmx_solana": "GMX-Solana", "jupiter_perps": "Jupiter Perps", "drift": "Drift"}

_CODE = re.compile("`([^`]*)`")
_NAMES = re.compile(rf"\b({'|'.join(PROTOCOLS)})\b")

COLUMNS = REPORTED | {
    "day": Column("day, UTC", "date"),
    "coverage": Column("seen", "text"),
    "market": Column("market", "text"),
    "close_usd": Column("last price", "price"),
    "long_usd": Column("long open", "USD"),
    "short_usd": Column("short open", "USD"),
    "skew": Column("skew", "ratio"),
    "funding_rate": Column("funding an hour", "%"),
    "borrow_rate": Column("borrowing an hour", "%"),
    "buy_volume_usd": Column("bought", "USD"),
    "sell_volume_usd": Column("sold", "USD"),
    "tvl_usd": Column("TVL", "USD"),
    "fill_fees_usd": Column("fees of fills", "USD"),
    "net_liquidity_usd": Column("net liquidity", "USD"),
    "covered_until": Column("settled until", "text"),
    # --- liquidations
    "block_time": Column("time, UTC", "text"),
    "liquidation_kind": Column("kind", "text"),
    "value_usd": Column("value", "USD"),
    "insurance_fees_usd": Column("to the insurance fund", "USD"),
    "socialised_loss_usd": Column("loss borne by all", "USD"),
    "unvalued_liquidations": Column("without a value", "count"),
    "liquidation_count": Column("liquidations", "count"),
    "trader": Column("trader", "text"),
    "signature": Column("signature", "text"),
    "settled": Column("state", "text"),
    # --- coverage
    "alive": Column("daemon", "text"),
    "settled_to": Column("settled without a gap up to", "slot"),
    "newest_settled": Column("newest settled", "slot"),
    "finalized_slot": Column("finalized head", "slot"),
    "confirmed_slot": Column("confirmed head", "slot"),
    "lag_slots": Column("lag, slots", "count"),
    "lag_s": Column("lag, seconds", "count"),
    "missing_slots": Column("missing slots", "count"),
    "unavailable_slots": Column("slots that nobody has", "count"),
    "oldest_gap_time": Column("oldest gap, about", "text"),
    "provisional_rows": Column("provisional rows", "count"),
    "failures": Column("payloads that could not be read", "count"),
    "last_settled_at": Column("last settled", "text"),
    "last_source": Column("by", "text"),
    "last_endpoint": Column("from", "text"),
    "state": Column("state", "text"),
    "first_slot": Column("first slot", "slot"),
    "last_slot": Column("last slot", "slot"),
    "slots": Column("slots", "count"),
    "from_time": Column("about from", "text"),
    "to_time": Column("to", "text"),
    "reason": Column("reason", "text"),
    "event": Column("event", "text"),
    "discriminator": Column("discriminator", "text"),
    "payloads": Column("payloads", "count"),
    "last_time": Column("last one", "text"),
    "endpoint": Column("endpoint", "text"),
    "method": Column("method", "text"),
    "requests": Column("requests", "count"),
    "errors": Column("failed", "count"),
    "rate_limited": Column("refused by a limit", "count"),
    "latency_ms": Column("typical time, ms", "count"),
    "rate_per_s": Column("allowed, a second", "ratio"),
    "observed_slot": Column("newest slot seen", "slot"),
    "quarantined_until": Column("not asked until", "text"),
    "last_error": Column("last error", "text"),
    "seen_at": Column("as of", "text"),
    "view": Column("aggregate", "text"),
    "kind": Column("kind", "text"),
    "as_of": Column("as of", "text"),
    "waiting": Column("marks that wait", "count"),
    "error": Column("why it failed", "text"),
}


def worded(text: str) -> str:
    """A sentence of the report, with protocols called as people call them."""
    return _NAMES.sub(lambda found: PROTOCOLS[found[0]], text)


def marked(text: str) -> Markup:
    """A sentence as HTML: what stands between backquotes is code, and nothing is markup."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(worded(text)))))  # noqa: S704 (escaped before)


def called(protocol: str) -> str:
    """What people call it; by its own name one that is not known here."""
    return PROTOCOLS.get(protocol, protocol)
