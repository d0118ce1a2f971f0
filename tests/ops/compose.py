"""docker-compose.yml as docker compose reads it: variables put in, overlays merged; and what its services run."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
BASE, SECRETS = REPOSITORY / "docker-compose.yml", REPOSITORY / "config/compose/secrets.yml"
ADDED = ("secrets", "volumes", "ports")  # Lists that an overlay adds to; others take the place of those before.
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?])((?:[^{}]|\{[^{}]*\})*))?\})")


class Unset(Exception):
    """A variable that must be set is not: its name."""


def project(environment: Mapping[str, str], *overlays: Path) -> dict[str, Any]:
    """The whole file, with every variable replaced. Raises Unset."""
    merged: dict[str, Any] = {}
    for file in (BASE, *overlays):
        merged = merge(merged, interpolated(yaml.safe_load(file.read_text(encoding="utf-8")), environment))
    return merged


def interpolated(value: Any, environment: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _put_in(value, environment)
        case list():
            return [interpolated(inner, environment) for inner in value]
        case dict():
            return {key: interpolated(inner, environment) for key, inner in value.items()}
    return value


def merge(below: Any, above: Any, key: str = "") -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below.get(key), inner, key) for key, inner in above.items()}}
    if isinstance(below, list) and isinstance(above, list) and key in ADDED:
        return below + above
    return above


def checked(*files: Path) -> list[str]:
    """The command that holds files against the schema of the compose specification; its exit code says if they fit."""
    return [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, files)]


def variables(text: str) -> set[str]:
    """Every variable that a file reads, also those inside the defaults of others."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


def command(service: Mapping[str, Any]) -> list[str]:
    """What runs: entry point and arguments; an image's own entry point left out."""
    return [*service.get("entrypoint", ()), *service.get("command", ())]


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def _put_in(text: str, environment: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        escaped, name, way, words = found.groups()
        if escaped:
            return "$"
        if environment.get(name):
            return environment[name]
        if way == ":?":
            raise Unset(name)
        return _put_in(words or "", environment)

    return _VARIABLE.sub(value, text)
