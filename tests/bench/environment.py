"""A peer's own environment, made once from its lock, exact and by hash: a virtualenv under `.bench/`, or node modules.

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


def node_peers() -> Path | None:
    """The script that runs the JavaScript peers, beside what they need; None: node or npm is absent.

    They are installed by npm into build/bench as the lock names them; no script of a package runs. Raises SetUpFailed.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    here, folder = Path(__file__).with_name("node"), REPOSITORY / "build" / "bench"
    lock, installed = here / "package-lock.json", folder / "node_modules" / "complete"
    folder.mkdir(parents=True, exist_ok=True)
    for path in here.iterdir():
        shutil.copy(path, folder / path.name)
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        print(f"making {folder.relative_to(REPOSITORY)} from {lock.name}", file=sys.stderr)
        _run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        shutil.copy(lock, installed)
    return folder / "peers.mjs"


def _run(command: list[str]) -> None:
    # The lock alone says which versions: a constraint file of this machine has no say.
    environment = os.environ | {"PIP_CONSTRAINT": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if code := subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode:
        raise SetUpFailed(f"{' '.join(command[:4])} ended with code {code}")
