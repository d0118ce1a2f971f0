"""A page as text: templates, filled in with what was read; nothing of the outside is ever markup.

A page is whole or not there: it is rendered when everything was read, and before the first byte is sent.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from indexer.http.pages import assets
from indexer.http.pages.cells import address
from indexer.http.pages.frame import Frame
from indexer.http.pages.words import PROTOCOLS, marked

_FOLDER = Path(__file__).parent / "templates"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`template`: its name, without the ending. `place`: the link of the navigation that leads here.

    `shown`: what the template fills in. `charts`: where the page's drawings are fetched from; None: it has none.
    """

    template: str
    title: str
    place: str
    shown: dict[str, Any]
    charts: str | None = None


def rendered(page: Page, frame: Frame | None) -> str:
    """`frame`: None where not even that could be read."""
    template = _templates().get_template(f"{page.template}.html")
    return template.render(page=page, frame=frame, places=_places(), asset=assets.address, **page.shown)


def _places() -> list[tuple[str, str]]:
    """(text, address) of what the navigation leads to."""
    protocols = [(text, address("protocol", name)) for name, text in PROTOCOLS.items()]
    others = [("Liquidations", "/liquidations"), ("Coverage", "/coverage"), ("SQL", "/examples")]
    return [("Overview", "/"), *protocols, *others]


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["marked"] = marked
    return made
