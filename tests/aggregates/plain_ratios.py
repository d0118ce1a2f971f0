"""The views of TVL and of ratios over days, and the comparison, recomputed from the plain ones of volume and fees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from indexer.core import base58
from tests.aggregates.book import DAY, HOUR, Book, day_of, dollars, known_sum, ratio, start_of, total
from tests.aggregates.plain_days import coverage_daily
from tests.aggregates.plain_hours import Rollup, hourly_lp_flows, hourly_token_prices
from tests.aggregates.plain_money import fees_daily
from tests.aggregates.plain_rows import paid, shares
from tests.aggregates.plain_tvl import LISTED, daily_tvl, tvl_holdings
from tests.aggregates.plain_volume import View, days_of, volume_daily

COUNTED = {("jupiter_perps", "pool"), ("gmx_solana", "pool"), ("drift", "lending"), ("drift", "insurance_fund")}
PROTOCOLS = ("drift", "gmx_solana", "jupiter_perps")
Table = dict[tuple[Any, ...], dict[str, Any]]


class Plain:
    """Everything that several views need, made once."""

    def __init__(self, book: Book, hourly_tvl: Rollup) -> None:
        self.book = book
        self.covered = coverage_daily(book)
        self.hours = hourly_tvl
        self.days = daily_tvl(book, self.hours)
        self.volume = by_day(volume_daily(book))
        self.fees = by_day(fees_daily(book))
        self.tokens = list(_tokens(self))
        self.components = list(_components(self))
        self.tvl = by_day(list(_tvl(self)))


def by_day(view: View) -> Table:
    return {(row["day"], row["protocol"]): row for row in view}


def one_of(words: Iterable[Any]) -> Any:
    """The one word of all that tell one, or that they differ."""
    told = {word for word in words if word is not None}
    return told.pop() if len(told) == 1 else "mixed" if told else None


def tvl_tokens_hourly(plain: Plain) -> View:
    return [
        {
            "hour": hour,
            "protocol": protocol,
            "component": component,
            "component_key": key,
            "name": plain.book.symbol(protocol, key),
            "mint": base58.encode(holding) if len(holding) > 2 else None,
            "symbol": plain.book.token_symbol(holding),
            "tvl_usd": ratio(row["value_seconds"], row["known_s"], 6),
            "mean_amount": ratio(row["amount_seconds"], row["amount_s"], 12),
            "amount": row["amount"],
            "deposits": row["deposits"],
            "borrows": row["borrows"],
            "known_fraction": ratio(row["known_s"], HOUR, 6),
            "unpriced_fraction": ratio(max(row["amount_s"] - row["known_s"], 0), HOUR, 6),
            "origin": row["origin"],
        }
        for (protocol, component, key, holding, hour), row in plain.hours.items()
    ]


def _tokens(plain: Plain) -> Iterable[dict[str, Any]]:
    """Every holding on every day of its protocol."""
    unknown = {"amount_s": 0, "known_s": 0, "amount_seconds": None, "value_seconds": None, "origin": None}
    least = plain.book.parameter("tvl_known_fraction")
    for protocol, component, key, holding in tvl_holdings(plain.book):
        for (day, name), (word, fraction) in plain.covered.items():
            if name != protocol:
                continue
            row = plain.days.get((protocol, component, key, holding, day), unknown)
            is_known = word != "none" and row["known_s"] >= least * DAY and row["known_s"] > 0
            yield {
                "day": day,
                "protocol": protocol,
                "component": component,
                "component_key": key,
                "holding": holding,
                "coverage": word,
                "covered_fraction": fraction,
                "tvl_usd": ratio(row["value_seconds"], row["known_s"], 6) if is_known else None,
                "row": row,
            }


def tvl_tokens_daily(plain: Plain) -> View:
    made = []
    for token in plain.tokens:
        row, holding = token["row"], token["holding"]
        kept = ("day", "protocol", "component", "component_key", "coverage", "tvl_usd")
        mean = ratio(row["amount_seconds"], row["amount_s"], 12)
        made.append({
            **{name: token[name] for name in kept},
            "name": plain.book.symbol(token["protocol"], token["component_key"]),
            "mint": base58.encode(holding) if len(holding) > 2 else None,
            "symbol": plain.book.token_symbol(holding),
            "mean_amount": mean if token["coverage"] != "none" else None,
            "known_fraction": ratio(row["known_s"], DAY, 6),
            "unpriced_fraction": ratio(max(row["amount_s"] - row["known_s"], 0), DAY, 6),
            "origin": row["origin"],
        })  # fmt: skip
    return made


def _components(plain: Plain) -> Iterable[dict[str, Any]]:
    names = ("day", "protocol", "component", "component_key", "coverage", "covered_fraction")
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for token in plain.tokens:
        found.setdefault(tuple(token[name] for name in names), []).append(token)
    for at, tokens in found.items():
        rows = [token["row"] for token in tokens]
        is_listed = (at[1], at[2]) in LISTED
        known_s = (max if is_listed else min)(row["known_s"] for row in rows)
        yield dict(zip(names, at, strict=True)) | {
            "name": plain.book.symbol(at[1], at[3]),
            "is_counted": (at[1], at[2]) in COUNTED,
            "tvl_usd": _listed(plain, at[4], rows, known_s) if is_listed else _all(t["tvl_usd"] for t in tokens),
            "known_fraction": ratio(known_s, DAY, 6),
            "unpriced_fraction": ratio(max(max(row["amount_s"] - row["known_s"], 0) for row in rows), DAY, 6),
            "origin": one_of(row["origin"] for row in rows),
        }


def _listed(plain: Plain, word: str, rows: list[dict[str, Any]], known_s: int) -> Fraction | None:
    """What comes and goes: all of it, over the seconds in which there was a reading."""
    if word == "none" or known_s < DAY * plain.book.parameter("tvl_known_fraction"):
        return None
    return ratio(known_sum(row["value_seconds"] for row in rows), known_s, 6)


def _all(values: Iterable[Fraction | None]) -> Fraction | None:
    known = list(values)
    return None if None in known else known_sum(known)


def tvl_components_daily(plain: Plain) -> View:
    return plain.components


def _tvl(plain: Plain) -> Iterable[dict[str, Any]]:
    for (day, protocol), (word, fraction) in plain.covered.items():
        there = [c for c in plain.components if (c["day"], c["protocol"]) == (day, protocol)]
        counted = [c for c in there if c["is_counted"]]
        vaults = list(_vaults(there))
        known = sum((c["known_fraction"] for c in counted), Fraction(0))
        is_known = bool(counted) and known / len(counted) >= plain.book.parameter("tvl_known_fraction")
        tvl, held = known_sum(c["tvl_usd"] for c in counted), known_sum(usd for usd, _ in vaults)

        def part(name: str, of: list[dict[str, Any]]) -> Fraction | None:
            return known_sum(c["tvl_usd"] for c in of if c["component"] == name)

        yield {
            "day": day,
            "protocol": protocol,
            "coverage": word,
            "covered_fraction": fraction,
            "tvl_usd": tvl if is_known else None,
            "tvl_ex_vaults_usd": tvl - (held or 0) if is_known and tvl is not None else None,
            "known_fraction": ratio(known, len(counted), 6) or Fraction(0),
            "components_known": sum(c["tvl_usd"] is not None for c in counted),
            "components_total": len(counted),
            "components_unpriced": sum(c["unpriced_fraction"] > 0 for c in counted),
            "origin": one_of(c["origin"] for c in counted),
            "pool_usd": part("pool", counted),
            "lending_usd": part("lending", counted),
            "insurance_fund_usd": part("insurance_fund", counted),
            "strategy_vaults_usd": held,
            "vaults_known": sum(usd is not None for usd, _ in vaults),
            "vaults_read": sum(read is not None for _, read in vaults),
            "vaults_total": len(vaults),
            "glv_usd": part("glv", there),
        }


def _vaults(there: list[dict[str, Any]]) -> Iterable[tuple[Any, Any]]:
    """(worth, by a reading) of each vault."""
    told = {(c["component"], c["component_key"]): c["tvl_usd"] for c in there}
    for key in {key for component, key in told if component in ("strategy_vault", "strategy_vault_spot")}:
        read = told.get(("strategy_vault_spot", key))
        yield (told.get(("strategy_vault", key)) if read is None else read), read


def tvl_daily(plain: Plain) -> View:
    return list(plain.tvl.values())


def week(day: date) -> list[date]:
    return [day - timedelta(days=n) for n in range(7)]


def efficiency_daily(plain: Plain) -> View:
    made = []
    for day, protocol in plain.covered:
        days = [(d, protocol) for d in week(day) if (d, protocol) in plain.covered]
        full = [at for at in days if plain.covered[at][0] == "full"]
        volumes = [(plain.volume[at]["volume_usd"], plain.tvl[at]["tvl_ex_vaults_usd"]) for at in full]
        fees = [(plain.fees[at]["fees_usd"], plain.tvl[at]["tvl_usd"]) for at in full]
        turned, turned_of, days_of_volume = _both(volumes)
        earned, earned_of, days_of_fees = _both(fees)
        least = plain.book.parameter("ratio_days")
        made.append({
            "day": day,
            "protocol": protocol,
            "days": days_of_volume,
            "mean_volume_usd": ratio(turned, days_of_volume, 6),
            "mean_tvl_ex_vaults_usd": ratio(turned_of, days_of_volume, 6),
            "capital_efficiency": ratio(turned, turned_of, 9) if days_of_volume >= least else None,
            "fee_days": days_of_fees,
            "mean_fees_usd": ratio(earned, days_of_fees, 6),
            "mean_tvl_usd": ratio(earned_of, days_of_fees, 6),
            "fee_yield": ratio(earned, earned_of, 9) if days_of_fees >= least else None,
        })  # fmt: skip
    return made


def _both(pairs: list[tuple[Any, Any]]) -> tuple[Fraction | None, Fraction | None, int]:
    """Sums over the days that are known in both terms, and how many they are."""
    known = [pair for pair in pairs if None not in pair]
    return known_sum(pair[0] for pair in known), known_sum(pair[1] for pair in known), len(known)


def market_share_7d(plain: Plain) -> View:
    def is_full(day: date) -> bool:
        words = [plain.covered.get((day, protocol), ("none",))[0] for protocol in PROTOCOLS]
        return words == ["full"] * 3 and None not in [plain.volume[day, p]["volume_usd"] for p in PROTOCOLS]

    made = []
    for day in sorted({day for day, protocol in plain.covered if protocol in PROTOCOLS}):
        full = [d for d in week(day) if is_full(d)]
        everything = known_sum(plain.volume[d, p]["volume_usd"] for d in full for p in PROTOCOLS)
        for protocol in PROTOCOLS:
            volume = known_sum(plain.volume[d, protocol]["volume_usd"] for d in full)
            enough = len(full) >= plain.book.parameter("ratio_days")
            made.append({
                "day": day,
                "protocol": protocol,
                "days": len(full),
                "volume_usd": volume,
                "all_volume_usd": everything,
                "market_share": ratio(volume, everything, 9) if enough else None,
            })  # fmt: skip
    return made


def lp_yield_daily(plain: Plain) -> View:
    book, flows, prices = plain.book, hourly_lp_flows(plain.book), hourly_token_prices(plain.book)
    pools = {
        (protocol, venue, key, row["lp_mint"])
        for (_, protocol, venue, key, *_), row in flows.items()
        if venue in ("jlp", "gm", "glv") and row["lp_mint"] is not None
    }
    made = []
    for pool in pools:
        days = {day: _pool_day(plain, pool, day, flows, prices) for day, name in plain.covered if name == pool[0]}
        for day, now in days.items():
            made.append(_yield(book, pool, day, now, days))
    return made


Pool = tuple[str, str, str, bytes]


def _pool_day(plain: Plain, pool: Pool, day: date, flows: Rollup, prices: Rollup) -> dict[str, Any]:
    protocol, venue, key, mint = pool
    end = start_of(day) + DAY
    since = end - plain.book.parameter("price_max_age_s")
    told = [((hour, 1, -row["close"]), row["close"]) for (hour, of), row in prices.items() if of == mint]
    for (hour, *of, _, _, _), row in flows.items():
        if of == [protocol, venue, key] and row["lp_mint"] == mint and row["lp_price_usd"] is not None:
            told.append(((hour, 0, row["lp_price_usd"]), row["lp_price_usd"]))
    fresh = [(order, price) for order, price in told if since <= order[0] < end]
    component = ("glv" if venue == "glv" else "pool", key)
    tvl = [
        c["tvl_usd"]
        for c in plain.components
        if (c["day"], c["protocol"], c["component"], c["component_key"]) == (day, protocol, *component)
    ]
    return {
        "price": max(fresh)[1] if fresh else None,
        "tvl": tvl[0] if tvl else None,
        "fees": _pool_fees(plain, protocol, venue, key, day),
        "is_covered": plain.covered[day, protocol][0] == "full",
    }


def _pool_fees(plain: Plain, protocol: str, venue: str, key: str, day: date) -> Fraction | None:
    if venue == "jlp":
        fees: Fraction | None = plain.fees[day, protocol]["lp_fees_usd"]
        return fees
    if venue != "gm":
        return None
    fills = [
        t for t in plain.book.rows["trade"] if (t.protocol, t.market_key, day_of(t.block_time)) == (protocol, key, day)
    ]
    return dollars(total(shares(plain.book, t)[0] for t in fills))


def _yield(book: Book, pool: Pool, day: date, now: dict[str, Any], days: dict[date, Any]) -> dict[str, Any]:
    protocol, venue, key, mint = pool
    full = [days[d] for d in week(day) if d in days and days[d]["is_covered"]]
    earned, of, count = _both([(d["fees"], d["tvl"]) for d in full])
    symbol = book.symbol(protocol, key)
    week_ago, month_ago = (days.get(day - timedelta(days=n), {}).get("price") for n in (7, 30))
    enough = count >= book.parameter("ratio_days")
    return {
        "day": day,
        "protocol": protocol,
        "venue": venue,
        "venue_key": key,
        "name": symbol if symbol != key else book.token_symbol(mint) or key,
        "lp_mint": base58.encode(mint),
        "lp_price_usd": now["price"],
        "price_return_7d": _gain(now["price"], week_ago, 1, 1),
        "price_return_30d": _gain(now["price"], month_ago, 1, 1),
        "price_return_7d_annual": _gain(now["price"], week_ago, 365, 7),
        "price_return_30d_annual": _gain(now["price"], month_ago, 365, 30),
        "days": count,
        "mean_lp_fees_usd": ratio(earned, count, 6),
        "mean_tvl_usd": ratio(of, count, 6),
        "fee_yield_annual": ratio(365 * earned, of, 9) if enough and earned is not None else None,
    }


def _gain(now: Fraction | None, then: Fraction | None, times: int, per: int) -> Fraction | None:
    return None if now is None or then is None else ratio(times * (now - then), per * then, 9)


def protocol_overview(plain: Plain) -> View:
    share = by_day(market_share_7d(plain))
    efficiency = by_day(efficiency_daily(plain))
    made = []
    for protocol in sorted({name for _, name in plain.covered}):
        days = sorted(day for day, name in plain.covered if name == protocol)
        full = [day for day in days if plain.covered[day, protocol][0] == "full"]
        at = (full[-1], protocol) if full else (None, protocol)
        volume, tvl, fees = (table.get(at, {}) for table in (plain.volume, plain.tvl, plain.fees))
        kinds = ("trade", "swap", "lp_flow", "fee", "liquidation")
        failures = [*plain.book.rows["failure"], *plain.book.untimed["failure"]]
        made.append({
            "protocol": protocol,
            "first_day": days[0],
            "last_day": days[-1],
            "full_days": len(full),
            "missing_days": (days[-1] - days[0]).days + 1 - len(full),
            "day": at[0],
            **{name: volume.get(name) for name in (
                "volume_usd", "organic_volume_usd", "cumulative_volume_usd", "trades", "traders", "average_trade_usd",
                "markets_traded", "liquidations")},
            **{name: tvl.get(name) for name in (
                "tvl_usd", "tvl_ex_vaults_usd", "components_known", "components_total")},
            **{name: fees.get(name) for name in ("fees_usd", "net_fees_usd", "effective_fee_bps")},
            "mean_volume_7d_usd": efficiency.get(at, {}).get("mean_volume_usd"),
            "capital_efficiency": efficiency.get(at, {}).get("capital_efficiency"),
            "fee_yield": efficiency.get(at, {}).get("fee_yield"),
            "market_share_7d": share.get(at, {}).get("market_share"),
            "failures": sum(f.protocol == protocol for f in failures),
            "rows_without_time": sum(r.protocol == protocol for kind in kinds for r in plain.book.untimed[kind]),
        })  # fmt: skip
    return made


def reconciliation(plain: Plain) -> View:
    fills = days_of(plain.book, "trade")
    made = []
    for at, (word, _) in plain.covered.items():
        ours = plain.volume[at] | plain.fees[at] | {"tvl_usd": plain.tvl[at]["tvl_usd"]}
        for metric, source, name, theirs in THEIRS.get(at[1], ()):
            other = theirs(plain, at, fills.get(at, []), ours) if word != "none" else None
            made.append({
                "day": at[0],
                "protocol": at[1],
                "coverage": word,
                "metric": metric,
                "source": source,
                "ours_usd": ours[name],
                "theirs_usd": other,
                "difference_usd": None if other is None or ours[name] is None else other - ours[name],
            })  # fmt: skip
    return made


def _sum(values: Iterable[Any]) -> Fraction:
    return dollars(known_sum(values)) or Fraction(0)


def _since_2023(theirs: Callable[..., Any]) -> Callable[..., Any]:
    return lambda plain, at, fills, ours: theirs(plain, at, fills, ours) if at[0] >= date(2023, 7, 25) else None


def _jupiter_fees(plain: Plain, at: Any, fills: list[Any], ours: dict[str, Any]) -> Fraction | None:
    calm, forced = ([t for t in fills if bool(t.is_liquidation) is is_it] for is_it in (False, True))
    charged = _sum(t.liquidation_fee_usd_e6 for t in forced)
    borrow, impact = _sum(t.borrow_fee_usd_e6 for t in calm), _sum(t.price_impact_fee_usd_e6 for t in calm)
    if at[0] < date(2026, 3, 22):
        charged += _sum(paid(t)[0] for t in calm if (t.execution or "") != "instant")
    elif at[0] < date(2026, 3, 29):
        charged += _sum(t.base_fee_usd_e6 for t in calm) + 2 * impact + borrow
    else:
        charged += _sum(paid(t)[0] for t in calm) + borrow + impact
    rest = (ours["swap_fees_usd"], ours["mint_burn_fees_usd"])
    return None if None in rest else charged + sum(rest)


def _drift_tvl(plain: Plain, at: Any, fills: list[Any], ours: dict[str, Any]) -> Fraction | None:
    staked = [
        c["tvl_usd"]
        for c in plain.components
        if (c["day"], c["protocol"]) == at and (c["component"], c["component_key"]) == ("insurance_fund", "spot:15")
    ]
    return None if ours["tvl_usd"] is None else ours["tvl_usd"] - (known_sum(staked) or 0)


def _two(ours: dict[str, Any], left: str, right: str) -> Fraction | None:
    return None if None in (ours[left], ours[right]) else ours[left] + ours[right]


THEIRS: dict[str, list[tuple[str, str, str, Callable[..., Any]]]] = {
    "drift": [
        ("volume", "DefiLlama", "volume_usd", _since_2023(lambda p, at, fills, ours: ours["gross_volume_usd"])),
        (
            "spot_volume",
            "DefiLlama",
            "spot_volume_usd",
            _since_2023(
                lambda p, at, fills, ours: dollars(total(t.size_usd_e6 for t in fills if t.market_kind == "spot"))
            ),
        ),
        (
            "fees",
            "DefiLlama",
            "fees_usd",
            _since_2023(lambda p, at, fills, ours: _sum(t.fee_usd_e6 for t in fills if t.taker_order_id is not None)),
        ),
        ("tvl", "DefiLlama", "tvl_usd", _drift_tvl),
    ],
    "jupiter_perps": [
        (
            "volume",
            "Dune",
            "volume_usd",
            lambda p, at, fills, ours: dollars(total(t.size_usd_e6 for t in fills if (t.execution or "") != "instant")),
        ),
        ("fees", "DefiLlama", "fees_usd", _jupiter_fees),
        ("tvl", "DefiLlama", "tvl_usd", lambda p, at, fills, ours: None),
    ],
    "gmx_solana": [
        ("volume", "DefiLlama", "volume_usd", lambda p, at, fills, ours: None),
        (
            "organic_volume",
            "DefiLlama, proposed",
            "organic_volume_usd",
            lambda p, at, fills, ours: ours["organic_volume_usd"],
        ),
        ("fees", "DefiLlama", "fees_usd", lambda p, at, fills, ours: _two(ours, "trading_fees_usd", "swap_fees_usd")),
        ("tvl", "DefiLlama", "tvl_usd", lambda p, at, fills, ours: None),
    ],
}
