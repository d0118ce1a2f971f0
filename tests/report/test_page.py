"""The HTML report: one file that names no other host, says all that the tables hold, and trusts no name."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import altair
import msgspec
import pytest

from indexer.report import charts, page
from indexer.report.charts import drawings, spec
from indexer.report.comparison import PROTOCOLS, Course, Report, read_report
from tests import vega_bundle
from tests.unit.test_cli_frame import run

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Reading(HTMLParser):
    """What is in the page: attributes, text outside scripts, and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        (self.scripts if self.cdata_elem == "script" else self.texts).append(data)


async def read(url: str) -> Report:
    return await read_report(url, None, 7, PROTOCOLS, with_course=True, timeout_s=5)


async def test_the_whole_file_names_no_other_host_and_ends_no_script_early(week_url: str, tmp_path: Path) -> None:
    to = tmp_path / "report.html"
    done = run("report", "--format", "html", "--to", str(to), DATABASE_URL=week_url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = Reading(to.read_text(encoding="utf-8"))
    assert [name for name, _ in found.attributes if name in ("src", "href", "srcset", "action")] == []
    assert [value for _, value in found.attributes if "//" in value] == []
    assert found.tags.count("script") == 3
    assert any("default-src 'none'" in value for name, value in found.attributes if name == "content")
    assert "url(" not in "".join(found.texts)
    assert "vegaEmbed" in found.scripts[0]
    assert len(found.scripts[0]) > 300_000
    assert {"BSD-3-Clause", "ISC", "MIT"} <= set(re.findall(r"BSD-3-Clause|ISC|MIT", "".join(found.texts)))


async def test_every_figure_of_the_report_is_text_of_the_page(week_url: str) -> None:
    texts = set(Reading(page.html(await read(week_url))).texts)
    assert {"mean daily volume, USD", "1,286", "unknown", "drift: no trade since 2023-11-16.", "93.33"} <= texts
    assert any("Not fully covered: gmx_solana 2023-11-19 (50.0 % seen)" in text for text in texts)


async def test_a_name_from_the_chain_is_text_whatever_it_says(week_url: str) -> None:
    report = await read(week_url)
    (pools,) = [table for table in report.tables if table.contents.name == "lp_yield"]
    evil = "<script>a()</script>"
    row = tuple(evil if name == "name" else value for name, value in zip(pools.columns, pools.rows[0], strict=True))
    tables = [msgspec.structs.replace(pools, rows=[row])]
    text = page.html(msgspec.structs.replace(report, tables=tables))
    assert "a()</script>" not in text
    assert evil in Reading(text).texts


async def test_what_is_drawn_is_a_mean_of_seven_days_and_a_gap_stays_one(week_url: str) -> None:
    specs = {one.name: spec(one) for one in drawings((await read(week_url)).course or Course((), ()))}
    assert list(specs) == ["tvl-gmx_solana", "tvl-jupiter_perps", "tvl-drift", "efficiency", "fees", "share", "flows"]
    fees = {(v["protocol"], v["day"]): v["value"] for v in specs["fees"]["data"]["values"]}
    assert fees["jupiter_perps", "2023-11-23"] == pytest.approx(0.771429)
    assert fees["gmx_solana", "2023-11-23"] == pytest.approx(0.05)
    assert ("jupiter_perps", "2023-11-18") not in fees  # Four days do not make a week: nothing is drawn before it.
    assert specs["fees"]["mark"]["invalid"] == "break-paths-show-domains"
    flows = {v["day"]: v["value"] for v in specs["flows"]["data"]["values"] if v["protocol"] == "jupiter_perps"}
    assert flows["2023-11-23"] == 200


async def test_a_day_that_nobody_knows_stays_in_the_line_and_days_before_the_first_known_do_not() -> None:
    days = [date(2026, 1, day) for day in (1, 2, 3, 4)]
    values = (None, Decimal("0.5"), None, Decimal(2))
    points = [(day, "drift", value) for day, value in zip(days, values, strict=True)]
    drawing = charts.Drawing(
        name="a", title="A", unit="ratio", form=".2f", by="protocol", palette=charts.COLOURS, points=points
    )
    told = spec(drawing)["data"]["values"]
    assert [one["value"] for one in told] == [0.5, None, 2.0]
    assert spec(drawing)["encoding"]["color"]["scale"]["domain"] == ["drift"]


async def test_drawings_cannot_end_their_script(week_url: str) -> None:
    course = Course(
        ("day", "protocol", "mean_volume_usd", "mean_tvl_ex_vaults_usd", "mean_fees_usd", "capital_efficiency",
         "fee_yield", "market_share", "mean_flow_usd"),
        [(date(2026, 1, 1), "drift</script><!--", *[Decimal(1)] * 7)],
    )  # fmt: skip
    found = Reading(page.html(msgspec.structs.replace(await read(week_url), course=course)))
    assert found.tags.count("script") == 3
    assert "drift</script><!--" in json.dumps(json.loads(found.scripts[1]))


async def test_what_is_drawn_is_valid_vega_lite(week_url: str) -> None:
    course = (await read(week_url)).course
    assert course is not None
    (line, *_), bars = charts.drawings(course), msgspec.structs.replace(charts.drawings(course)[0], bars=True)
    for drawing in (line, bars):
        altair.Chart.from_dict(spec(drawing))  # Raises where the schema does not allow it.


async def test_the_bundle_is_what_its_maker_makes() -> None:
    assert charts.bundle() == vega_bundle.made()
