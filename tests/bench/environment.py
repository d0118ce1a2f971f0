"""A peer's own environment: a virtualenv under `.bench/`, made once from its lock, exact and by hash.

It is named after the interpreter and the lock, so a change of either makes another one; a half-made one is made anew.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.shared import REPOSITORY

ANCHORPY, BASE58, DRIFTPY = (Path(__file__).with_name(f"{name}.lock") for name in ("anchorpy", "base58", "driftpy"))


class SetUpFailed(Exception):
    """The contest cannot be held: an environment, a contestant or an answer is not what it must be."""


def peer_python(lock: Path) -> Path:
    """The interpreter that has the peer of this lock. Raises SetUpFailed."""
    version = platform.python_version()
    folder = REPOSITORY / ".bench" / f"{lock.stem}-{version}-{sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not (complete.exists() and python.exists()):
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making {folder.relative_to(REPOSITORY)} from {lock.name}", file=sys.stderr)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "-qq", "install", "--require-hashes", "--requirement", str(lock)])
        complete.touch()
    return python


def _run(command: list[str]) -> None:
    # The lock alone says which versions: a constraint file of this machine has no say.
    environment = os.environ | {"PIP_CONSTRAINT": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if code := subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode:
        raise SetUpFailed(f"{' '.join(command[1:4])} ended with code {code}")
