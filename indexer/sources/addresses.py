"""Addresses of endpoints: what may be shown of them, and how what others say is rid of the rest.

An address may hold a key anywhere but in its host. Nodes, proxies and libraries quote addresses in what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from urllib.parse import parse_qsl, urlsplit

from indexer.errors import ConfigError
from indexer.redaction import HIDDEN, redacted

LONGEST_TEXT = 300  # Characters that are shown. Cut at last, so that no key is cut and its rest not known for one.
REQUESTS, SUBSCRIPTIONS = ("http", "https"), ("ws", "wss")  # Schemes of the addresses of each.
_LONGEST_WORD = 5  # Characters of a piece of a path that may be a word of it, like a version.


def names_of(urls: Sequence[str], schemes: tuple[str, str] = REQUESTS) -> list[str]:
    """Host and port of each, numbered where several have the same. Raises ConfigError for what is no address."""
    found: list[str] = []
    for number, url in enumerate(urls, start=1):
        host = _host(url, number, schemes)
        same = sum(1 for name in found if name.split("#")[0] == host)
        found.append(f"{host}#{same + 1}" if same else host)
    return found


def _host(url: str, number: int, schemes: tuple[str, str]) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # Its text quotes the address.
        parts, port = urlsplit(""), None
    if parts.scheme not in schemes or not parts.hostname:
        plain, secure = schemes
        raise ConfigError(f"the address of endpoint {number} is no {plain}:// or {secure}:// URL of a host")
    return f"{parts.hostname}:{port}" if port else parts.hostname


def shown(url: str) -> str:
    """Host and port of what may be no address of a host: nothing of it that may be a key."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or HIDDEN, parts.port
    except ValueError:  # Its text quotes the address.
        return HIDDEN
    return f"{host}:{port}" if port else host


def fingerprint(url: str, key: bytes) -> bytes:
    """16 bytes that tell addresses apart, and tell nothing of them to whoever lacks the key (of at most 64 bytes)."""
    return blake2b(url.encode(), key=key, digest_size=16).digest()


class Scrubber:
    """Takes what one address keeps secret out of texts."""

    def __init__(self, url: str) -> None:
        self._secrets = tuple(_secrets(url))

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redacted(text)[:LONGEST_TEXT]


def _secrets(url: str) -> Iterator[str]:
    """Every part of an address that may be a credential; the longest text first, so that none leaves a rest."""
    parts = urlsplit(url)
    values = [
        *(value for _, value in parse_qsl(parts.query)),
        *(one.partition("=")[2] for one in parts.query.split("&")),
    ]
    whole = {
        parts.query,
        parts.path.strip("/"),
        *(piece for piece in parts.path.split("/") if len(piece) > _LONGEST_WORD),
    }
    secrets = {*whole, *values, parts.username or "", parts.password or ""}
    yield from sorted(secrets - {""}, key=len, reverse=True)
