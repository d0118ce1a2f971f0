"""Children: they end with the context they live in, whatever they think of it, and their errors lie in their log."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from indexer import children
from indexer.children import child

WELL = "import sys; print('up', flush=True); sys.stdin.read()"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WELL}; import time; time.sleep(60)"
LOUD = "import sys; sys.exit('a word of mine')"


@pytest.mark.parametrize(("program", "by"), [(WELL, signal.SIGTERM), (DEAF, signal.SIGKILL)])
async def test_a_child_ends_with_its_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, by: signal.Signals
):
    monkeypatch.setattr(children, "PATIENCE_S", 0.3)
    async with child("-c", program, environment=os.environ, log=tmp_path / "log") as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        assert os.getsid(process.pid) != os.getsid(0), "Ctrl-C would reach it beside us"
    assert process.returncode == -by


async def test_what_a_child_complains_of_lies_in_its_log_behind_what_was_there(tmp_path: Path):
    (tmp_path / "log").write_text("before\n")
    async with child("-c", LOUD, environment=os.environ, log=tmp_path / "log") as process:
        assert await process.wait() == 1
    assert (tmp_path / "log").read_text() == "before\na word of mine\n"
