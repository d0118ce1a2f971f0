"""What must hold of the web pages in a browser, each with what is wrong; None: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from tests.e2e.browser import DESKTOP, PHONE, Page

# Each page, and how many tables it has for those who run no script: below charts, and beside.
PAGES = {
    "overview": ("/", 15), "protocol": ("/protocol/gmx_solana?window=30d", 12),
    "market": ("/market/jupiter_perps/sol", 2),
    "liquidations": ("/liquidations", 5), "coverage": ("/coverage", 2), "examples": ("/examples", 0),
    "example": ("/examples/top_traders", 1), "trouble": ("/?from=never", 0),
}  # fmt: skip
_REFUSED = "status of 400"  # What the browser says of the page of trouble.
_PLACES = "document.querySelectorAll('[data-chart]').length"
_DRAWN = "Number(document.documentElement.dataset.drawn || 0)"
_MARKS = "Array.from(document.querySelectorAll('[data-chart]'), f => f.querySelectorAll('svg path').length)"
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_BACK = "getComputedStyle(document.body).backgroundColor"
_LABEL = "document.querySelector('[data-chart] svg text')?.getAttribute('fill') ?? ''"
_TABLES = "Array.from(document.querySelectorAll('table')).filter(t => t.textContent.trim().length > 20).length"
_SMALL = "Array.from(document.querySelectorAll('header a, header button, .days a'), a => a.getBoundingClientRect().height).filter(h => h && h < 24).length"  # noqa: E501
# Charts are drawn when they come near: somebody walks down the page.
_WALK = """(async () => {
  for (const place of document.querySelectorAll('[data-chart]')) {
    place.scrollIntoView();
    await new Promise((done) => setTimeout(done, 50));
  }
  scrollTo(0, 0);
})()"""
_SWITCH = "document.getElementById('theme').click()"
_HOVER = "document.querySelector('#vg-tooltip-element.visible')?.textContent ?? ''"


async def run(page: Page, address: str, pictures: Path | None) -> AsyncIterator[tuple[str, str | None]]:
    """Every page at two widths, light and dark; then what scripts do, and what is there without them."""
    for name, (path, _) in PAGES.items():
        looks = {}
        for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
            for scheme in ("light", "dark"):
                await page.open(address + path, size, dark=scheme == "dark")
                async for check, trouble in _seen(page):
                    yield f"{name}, {width}, {scheme}: {check}", trouble
                looks[scheme] = (await page.evaluate(_BACK), await page.evaluate(_LABEL))
                if pictures is not None:
                    (pictures / f"{name}-{width}-{scheme}.png").write_bytes(await page.picture())
        yield f"{name}: page and charts change their colours", _differ(looks["light"], looks["dark"])
    async for told in _switched(page, address):
        yield told
    yield "SQL can be copied by a button", await _copied(page, address)
    yield "a chart tells the number below the pointer", await _hovered(page, address)
    yield "no script complains, and no policy is broken", "; ".join(_complaints(page)) or None
    foreign = {asked for asked in page.asked if not asked.startswith((address, "data:", "about:"))}
    yield "nobody else is asked for anything", ", ".join(foreign) or None
    async for told in _without_scripts(page, address):
        yield told


async def _seen(page: Page) -> AsyncIterator[tuple[str, str | None]]:
    places = await page.evaluate(_PLACES)
    await page.evaluate(_WALK)
    await page.until(f"{_DRAWN} === {places}")
    counts = await page.evaluate(_MARKS)
    yield "no chart is empty", None if min(counts, default=3) > 2 else f"paths {counts}"
    yield "nothing but tables is wider than the screen", _unless(await page.evaluate(_WIDER), 0)
    yield "what is touched is large enough", _unless(await page.evaluate(_SMALL), 0)


async def _switched(page: Page, address: str) -> AsyncIterator[tuple[str, str | None]]:
    await page.open(address, DESKTOP)
    await page.evaluate(_WALK)
    await page.until(f"{_DRAWN} === {await page.evaluate(_PLACES)}")
    light = (await page.evaluate(_BACK), await page.evaluate(_LABEL))
    await page.evaluate(_SWITCH)
    await page.until(f"{_LABEL} !== '{light[1]}'")
    dark = (await page.evaluate(_BACK), await page.evaluate(_LABEL))
    yield "the switch changes the colours of page and charts", _differ(light, dark)
    await page.open(address + "/coverage", DESKTOP)
    yield "what was chosen holds on the next page", _unless(await page.evaluate(_BACK), dark[0])
    await page.evaluate(_SWITCH)
    yield "and can be chosen again", _unless(await page.evaluate(_BACK), light[0])


async def _hovered(page: Page, address: str) -> str | None:
    await page.open(address, DESKTOP)
    await page.evaluate(_WALK)
    await page.until(f"{_DRAWN} === {await page.evaluate(_PLACES)}")
    x, y = await page.evaluate("""(() => {
      const point = document.querySelector('[data-chart="fees"] .mark-symbol.role-mark path');
      point.scrollIntoView({ block: 'center' });
      const box = point.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    })()""")
    await page.tell("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    told = await page.until(_HOVER)
    return None if "day" in told and "value" in told else f"it says {told!r}"


async def _copied(page: Page, address: str) -> str | None:
    await page.open(f"{address}/examples/top_traders", DESKTOP)
    await page.until("document.querySelector('.copy') !== null")
    await page.evaluate("document.querySelector('.copy').click()")
    told = await page.until(
        "(() => { const t = document.querySelector('.copy').textContent; return t !== 'Copy' && t })()"
    )
    return None if told in ("Copied", "Press Ctrl-C") else f"it says {told!r}"


async def _without_scripts(page: Page, address: str) -> AsyncIterator[tuple[str, str | None]]:
    for name, (path, least) in PAGES.items():
        await page.open(address + path, PHONE, scripts=False)
        found = await page.evaluate(_TABLES)
        yield f"{name}: tables are there without scripts", None if found >= least else f"{found} tables, not {least}"


def _complaints(page: Page) -> list[str]:
    return [one for one in page.complaints if _REFUSED not in one]


def _unless(found: object, wanted: object) -> str | None:
    return None if found == wanted else f"{found!r}, not {wanted!r}"


def _differ(one: tuple[str, str], other: tuple[str, str]) -> str | None:
    changed = one[0] != other[0] and (one[1] != other[1] or not one[1])
    return None if changed else f"{one} and {other}"
