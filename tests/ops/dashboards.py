"""The dashboards, and what their panels ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "config/grafana"
DASHBOARDS: dict[str, Any] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((GRAFANA / "dashboards").glob("*.json"))
}


def questions(kind: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, panel and target of all that is asked by `kind`: rawSql or expr."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                if kind in target:
                    yield f"{name}: {panel['title']}", panel, target


def recorded() -> dict[str, Any]:
    """Every question to Prometheus as a rule, so that promtool reads it."""
    asked = [target["expr"] for _, _, target in questions("expr")]
    rules = [{"record": f"dashboard:{number}", "expr": expression} for number, expression in enumerate(asked)]
    return {"groups": [{"name": "dashboards", "rules": rules}]}
