"""The peer of blocks: json.loads, and nothing else. What it read is filtered by plain Python where it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.turns import Sample, Task, Values, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    return {
        "loads": Task(json.loads, Path(sample["path"]).read_bytes(), lambda answer: shown(sample, answer["result"]))
    }


def shown(sample: Sample, block: dict[str, Any]) -> Values:
    signatures = [
        [place, one["transaction"]["signatures"][0]]
        for place, one in enumerate(block["transactions"])
        if one["meta"]["err"] is None and not set(sample["programs"]).isdisjoint(_keys(one))
    ]
    return [(sample["event"], [block["parentSlot"], block["blockhash"], block["blockTime"], signatures])]


def _keys(one: dict[str, Any]) -> list[str]:
    loaded = one["meta"].get("loadedAddresses") or {"writable": [], "readonly": []}
    return [*one["transaction"]["message"]["accountKeys"], *loaded["writable"], *loaded["readonly"]]


if __name__ == "__main__":
    serve({"json": json.__version__}, prepare)  # type: ignore[attr-defined]
