"""A contestant's process, as the one who asks sees it. It works only while a question is open."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.bench.environment import SetUpFailed
from tests.bench.turns import Sample, Values, Work
from tests.shared import REPOSITORY


class Contestant:
    def __init__(self, name: str, program: str | Path, *words: str) -> None:
        self.name = name
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        self._process = subprocess.Popen(
            [str(program), *words],
            cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def versions(self) -> dict[str, str]:
        return dict(self._ask(ask="versions"))

    def load(self, sample: Sample) -> None:
        self._ask(ask="load", sample=sample)

    def values(self, event: str, work: Work) -> Values:
        """What the work gives: events and their values."""
        return [(name, values) for name, values in self._ask(ask="values", event=event, work=work)]

    def seconds(self, event: str, work: Work, times: int) -> float:
        return float(self._ask(ask="time", event=event, work=work, times=times))

    def run(self, **question: Any) -> dict[str, Any]:
        """A whole pipeline, as flow_runs tells it."""
        return dict(self._ask(ask="run", **question))

    def _ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError) as error:
            raise SetUpFailed(f"{self.name} gave no answer to {question['ask']}") from error
