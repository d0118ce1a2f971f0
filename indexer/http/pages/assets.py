"""Files that never change: their names hold a digest of what is in them, so browsers may keep them for good."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from indexer.report.charts import BUNDLE

_HERE = Path(__file__).parent / "static"
_FILES = {
    "style.css": (_HERE / "style.css", "text/css"),
    "theme.js": (_HERE / "theme.js", "text/javascript"),
    "page.js": (_HERE / "page.js", "text/javascript"),
    "icon.svg": (_HERE / "icon.svg", "image/svg+xml"),
    "vega.js": (BUNDLE, "text/javascript"),
    "licences.txt": (BUNDLE.parent / "licences.txt", "text/plain"),
}


class Asset(msgspec.Struct, frozen=True):
    """`kind`: its MIME type. `packed`: the same bytes, by gzip."""

    name: str
    kind: str
    body: bytes
    packed: bytes


def address(name: str) -> str:
    """Where the file of this name is fetched from."""
    return f"/static/{_hashed()[name]}"


def asset(hashed: str) -> Asset | None:
    """The file by its name with the digest; None: there is none."""
    named = {with_digest: name for name, with_digest in _hashed().items()}
    return _read(hashed, named[hashed]) if hashed in named else None


@cache
def _read(hashed: str, name: str) -> Asset:
    path, kind = _FILES[name]
    body = path.read_bytes()
    return Asset(hashed, kind, body, gzip.compress(body, mtime=0))


@cache
def _hashed() -> dict[str, str]:
    return {name: _with_digest(name, path.read_bytes()) for name, (path, _) in _FILES.items()}


def _with_digest(name: str, body: bytes) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{sha256(body).hexdigest()[:12]}.{ending}"
