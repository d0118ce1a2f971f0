"""A demo as somebody starts it, in a process of its own; and which processes of it there are."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.unit.test_cli_frame import REPOSITORY, clean

MARK = "DEMO_UNDER_TEST"  # An environment variable that children inherit; the server has an environment of its own.
END_S = 5.0  # Within this everything has to be gone after Ctrl-C.


class Running:
    """`began_s` by the monotonic clock. `data`: the data folder that it was given."""

    def __init__(self, process: subprocess.Popen[bytes], data: Path, mark: str) -> None:
        self.process, self.data, self._mark = process, data, mark
        self.began_s = time.monotonic()

    @property
    def folder(self) -> Path:
        return self.data / "demo"

    @property
    def table(self) -> str:
        return (self.data / "out").read_text(encoding="utf-8")

    @property
    def told(self) -> str:
        return (self.data / "err").read_text(encoding="utf-8")

    def answered(self, path: str) -> int:
        """What its web page answers; 0: nobody does."""
        found = re.search(r"web page: (http://127\.0\.0\.1:\d+/)", self.told)
        if found is None:
            return 0
        try:
            with urllib.request.urlopen(found[1] + path, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def until(self, holds: Callable[[], Any], patience_s: float) -> float:
        """Seconds from the demo's start until then."""
        while not holds():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.told}"
            assert time.monotonic() < self.began_s + patience_s, self.told
            time.sleep(0.1)
        return time.monotonic() - self.began_s

    def ended(self, by: signal.Signals) -> float:
        """Seconds until it, and all that it started, was gone."""
        began_s = time.monotonic()
        self.process.send_signal(by)
        self.process.wait(60)
        self.assert_gone(60)
        return time.monotonic() - began_s

    def assert_gone(self, patience_s: float) -> None:
        """A process that gave its lock back may take a moment more to end."""
        before_s = time.monotonic() + patience_s
        while self.left() and time.monotonic() < before_s:
            time.sleep(0.05)
        assert self.left() == {}

    def left(self) -> dict[int, str]:
        """Its living processes, with their command lines."""
        return {pid: words for pid, words in _processes() if self._is_ours(pid, words)}

    def _is_ours(self, pid: int, words: str) -> bool:
        return str(self.folder) in words or f"{MARK}={self._mark}" in _text(Path(f"/proc/{pid}/environ"))


@contextmanager
def running(data: Path, *words: str, python: str = sys.executable, **options: Any) -> Iterator[Running]:
    """`options`: more of Popen. Whatever happens, nothing of it is left."""
    data.mkdir(exist_ok=True)
    mark = uuid.uuid4().hex
    path = os.pathsep.join((str(REPOSITORY), *(one for one in sys.path if one.endswith("site-packages"))))
    environment = {
        **clean({"PERPS_DATA_DIR": str(data), MARK: mark}),
        "PYTHONPATH": path,
        "HOME": str(data),
    }  # For another Python and user too.
    with (data / "out").open("wb") as out, (data / "err").open("wb") as err:
        command = [python, "-m", "indexer", "demo", *words]
        signal.signal(signal.SIGINT, signal.default_int_handler)  # Shells have jobs in the background ignore Ctrl-C.
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err, cwd="/", **options)
    demo = Running(process, data, mark)
    try:
        yield demo
    finally:
        for pid in demo.left():
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _processes() -> Iterator[tuple[int, str]]:
    """Without zombies: what they were is over."""
    for folder in Path("/proc").glob("[0-9]*"):
        if _text(folder / "stat").rpartition(")")[2].split()[:1] not in ([], ["Z"]):
            yield int(folder.name), _text(folder / "cmdline").replace("\0", " ")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:  # It has gone, or is another user's.
        return ""
