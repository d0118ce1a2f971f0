"""The peer: driftpy's parse_logs as released, with the coder of the anchorpy that it brings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from anchorpy.coder.coder import Coder
from anchorpy_core.idl import Idl
from driftpy.events.parse import parse_logs

from tests.bench.peer_anchorpy import shown
from tests.bench.turns import Sample, Task, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    # What parse_logs takes of a Program.
    program = SimpleNamespace(coder=Coder(Idl.from_json(Path(sample["idl"]).read_text(encoding="utf-8"))))
    return {"log": Task(partial(parse_logs, program), sample["lines"], shown)}


if __name__ == "__main__":
    serve({"driftpy": version("driftpy"), "anchorpy": version("anchorpy")}, prepare)
