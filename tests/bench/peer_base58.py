"""The peer of base58: the `base58` package as released, in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

import base58

from tests.bench.turns import Sample, Task, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    return {"decode": Task(base58.b58decode, sample["text"], lambda data: [(sample["event"], data.hex())])}


if __name__ == "__main__":
    serve({"base58": version("base58")}, prepare)
