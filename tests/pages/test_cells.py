"""Cells and charts in words: unknown is said, numbers have their unit, and nothing shown is markup."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from indexer.http.pages import assets, cells, drawn, examples, page
from indexer.http.pages.cells import Cell
from indexer.http.pages.frame import DEVNET, MAINNET, Frame
from indexer.http.pages.words import COLUMNS, marked
from indexer.report import examples as report_examples
from indexer.report.charts import Drawing, spec
from tests.pages.reading import Reading

KEY = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
EVIL = "<script>a()</script>\"'&"


def cell(column: str, value: Any, **others: Any) -> Cell:
    (line,) = cells.listed("a", "A", "", ("day", column), [{"day": None, column: value, **others}]).lines
    return line.cells[0]


def frame(genesis: str | None, cluster: str | None = "mainnet-beta") -> Frame:
    return Frame(cluster, genesis, "1.2.3", datetime(2026, 1, 1, tzinfo=UTC), 0, 0)


def shown(title: str = "A", **row: Any) -> page.Page:
    columns = [name for name in row if name in COLUMNS]
    grid = cells.listed("a", title, title, columns, [row], below=[title])
    return page.Page(
        template="example", title=title, place="/", shown={"answer": grid, "told": [title], "sql": title, "name": title}
    )


def test_a_number_is_to_the_right_and_what_nobody_knows_is_said() -> None:
    assert cell("volume_usd", Decimal("1234.56")) == Cell("1,235", right=True)
    assert cell("volume_usd", Decimal(0)) == Cell("0", right=True)
    assert cell("volume_usd", None) == Cell("unknown", right=True, unknown=True)
    assert cell("last_error", None) == Cell("")
    assert cell("newest_settled", 365_000_123) == Cell("365000123", right=True)


def test_how_much_of_a_day_was_seen_is_beside_its_numbers() -> None:
    assert cell("coverage", "full", covered_fraction=Decimal(1)) == Cell("full", mark="full")
    assert cell("coverage", "partial", covered_fraction=Decimal("0.99999")) == Cell("99.9 %", mark="partial")
    assert cell("settled", False) == Cell("provisional", mark="partial")


def test_keys_are_shortened_and_names_and_sentences_are_not() -> None:
    assert cell("trader", KEY) == Cell("5eykt4Us...7dw2N9d".replace("7dw2N9d", KEY[-8:]), title=KEY)
    assert (
        cell("last_endpoint", "a-long-name.of-a-provider.example.com").text == "a-long-name.of-a-provider.example.com"
    )
    assert cell("last_error", "HTTP 503 from somebody who is away").is_long


def test_a_market_is_linked_by_its_key_whatever_is_in_it() -> None:
    found = cell("market", "SOL/USD", protocol="drift", market_key="a/b?c#d e")
    assert found.link == "/market/drift/a%2Fb%3Fc%23d%20e"


@pytest.mark.parametrize(
    ("text", "compact"),
    [("999,999", "999,999"), ("1,038,029,450", "1.038 B"), ("-3,657,631", "-3.658 M"), ("unknown", "unknown")],
)
def test_large_dollars_are_short_and_whole_in_the_title(text: str, compact: str) -> None:
    value = None if text == "unknown" else Decimal(text.replace(",", ""))
    grid = cells.compact(cells.listed("a", "A", "", ("day", "volume_usd"), [{"day": None, "volume_usd": value}]))
    found = grid.lines[0].cells[0]
    assert (found.text, found.title) == (compact, text if compact != text else None)


def test_what_the_ledger_says_is_text_and_never_markup() -> None:
    text = page.rendered(shown(EVIL, market=EVIL, protocol="drift", market_key=EVIL), frame(EVIL, EVIL))
    read = Reading(text)
    assert "a()</script>" not in text
    assert EVIL in read.texts
    assert all(set(one) == {"src"} or one.get("type") == "module" for one in read.of("script"))
    assert marked("`<b>` of drift") == "<code>&lt;b&gt;</code> of Drift"


@pytest.mark.parametrize(
    ("genesis", "says"), [(MAINNET, None), (None, None), (DEVNET, "Devnet."), (KEY[::-1], "Simulated.")]
)
def test_a_ledger_that_is_not_of_mainnet_says_so(genesis: str | None, says: str | None) -> None:
    texts = Reading(page.rendered(shown(day=date(2026, 1, 1)), frame(genesis))).texts
    assert [text for text in texts if text in ("Simulated.", "Devnet.")] == ([says] if says else [])


def test_numbers_that_wait_or_failed_are_told_on_every_page() -> None:
    around = Frame(None, None, "1.2.3", None, 1234, 2)
    assert around.freshness == (
        "Views were never refreshed; 1,234 marks wait to be rolled up; 2 aggregates could not be brought up to date."
    )
    assert around.freshness in Reading(page.rendered(shown(day=date(2026, 1, 1)), around)).texts


# --- charts


def drawing(days: int = 30) -> Drawing:
    first = date(2026, 1, 1)
    rows = [
        {"day": first + timedelta(days=number), "a": Decimal(number) if number % 3 else None, "b": None}
        for number in range(days)
    ]
    return drawn.of_days("name", "Title, USD", rows, {"a": "an a", "b": "a b"})


def test_a_chart_says_in_words_what_it_shows() -> None:
    assert (
        drawn.said(drawing())
        == "Title, USD. Bars by day, 2026-01-02 to 2026-01-30. Last known: an a 29.00 on 2026-01-30."
    )


def test_below_a_chart_are_its_numbers_week_by_week_back_from_the_last() -> None:
    grid = drawn.numbers(drawing())
    assert [line.head.text for line in grid.lines] == [f"2026-01-{day:02}" for day in (30, 23, 16, 9, 2)]
    assert [line.cells[0].text for line in grid.lines] == ["29.00", "22.00", "unknown", "8.00", "1.00"]
    assert len(drawn.numbers(drawing(10)).lines) == 9


def test_a_drawing_of_which_nothing_is_known_is_no_chart() -> None:
    nothing = drawn.of_days("name", "Title", [{"day": date(2026, 1, 1), "a": None}], {"a": "an a"})
    assert drawn.charts([nothing, drawing()])[0].name == "name"
    assert len(drawn.charts([nothing, drawing()])) == len(drawn.specs([nothing, drawing()])) == 1


def test_pools_of_the_same_name_are_told_apart() -> None:
    rows = [
        {"day": date(2026, 1, 1), "protocol": protocol, "name": name, "fee_yield_annual": Decimal("0.1")}
        for protocol, name in (("gmx_solana", "SOL"), ("drift", "SOL"), ("jupiter_perps", "JLP"))
    ]
    assert list(drawn.of_pools(rows).palette) == ["SOL (GMX-Solana)", "SOL (Drift)", "JLP"]


def test_a_bar_is_as_wide_as_a_day_and_a_price_is_not_drawn_from_zero() -> None:
    assert spec(drawing())["encoding"]["x"]["timeUnit"] == "utcyearmonthdate"
    assert spec(drawing())["encoding"]["y"]["scale"] == {"zero": True}
    price = drawn.of_days("p", "P", [{"day": date(2026, 1, 1), "a": Decimal(9)}], {"a": "a"}, unit="price", bars=False)
    assert spec(price)["encoding"]["y"]["scale"] == {"zero": False}


# --- examples


@pytest.mark.parametrize("name", report_examples.names())
def test_an_example_says_where_to_look_and_what_deceives_and_keeps_its_whole_sql(name: str) -> None:
    told, sql = examples.split(report_examples.example(name))
    assert [one.split(":")[0] for one in (told[0], told[-1])] == ["Look at", "Pitfalls"]
    assert not any(one.startswith("--") for one in told)
    assert sql == report_examples.example(name)


def test_an_answer_keeps_every_digit() -> None:
    found = examples.Found(
        "top_traders",
        ["day", "value_usd", "trader", "count"],
        [(date(2026, 1, 1), Decimal("1234.5678901"), KEY, None)],
        is_cut=True,
    )
    grid = examples.page(found).shown["answer"]
    assert [one.text for one in grid.lines[0].cells] == ["1,234.5678901", cells.shortened(KEY), ""]
    assert grid.notes == ["The first 100 rows; `perps-indexer sql --example top_traders` has them all."]


# --- files


def test_a_file_is_named_by_what_is_in_it() -> None:
    found = assets.asset(assets.address("style.css").removeprefix("/static/"))
    assert found is not None
    assert re.fullmatch(r"style\.[0-9a-f]{12}\.css", found.name)
    assert found.kind == "text/css"
    assert assets.asset("style.css") is None
    assert assets.asset("../words.py") is None


def test_colours_can_be_read_and_dark_is_the_same_by_choice_and_by_system() -> None:
    style = (assets._HERE / "style.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r"\{([^{}]*--ink:[^{}]*)\}", style)
    ]
    assert len(blocks) == 3
    assert blocks[1] == blocks[2]
    for colours in blocks:
        for ink in ("--ink", "--quiet", "--link", "--good", "--some", "--bad"):
            for back in ("--back", "--raised"):
                assert contrast(colours[ink], colours[back]) >= 4.5, f"{ink} {colours[ink]} on {colours[back]}"
        assert contrast(colours["--warn-ink"], colours["--warn-back"]) >= 4.5
        for state in ("--settled", "--missing", "--unavailable", "--provisional"):
            assert contrast(colours[state], colours["--raised"]) >= 3, state


def contrast(one: str, other: str) -> float:
    """Of WCAG 2."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
