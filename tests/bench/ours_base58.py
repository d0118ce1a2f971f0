"""Our side of base58: both ways to read digits, each through the production function."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version

from indexer.core import base58, digits
from tests.bench.turns import Sample, Task, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    ways = {"fast": digits.BY_GMP, "fallback": digits.BY_LANES}
    return {
        work: Task(partial(base58.decode, digits=way), sample["text"], lambda data: [(sample["event"], data.hex())])
        for work, way in ways.items()
        if way is not None
    }


if __name__ == "__main__":
    serve({name: version(name) for name in ("perps-indexer", "gmpy2")}, prepare)
