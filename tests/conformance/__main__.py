"""Ask the simulated nodes and portal with JavaScript clients: `make conformance`.

The clients are installed by npm into build/conformance, in the versions of the lock beside this file. Missing node or
npm is an error, unless ALLOW_MISSING names node.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance import checks

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "conformance"
FILES = ("package.json", "package-lock.json", "clients.mjs")


def main() -> int:
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        return _missing(missing)
    _install()
    failed = 0
    for name, trouble in asyncio.run(checks.run([shutil.which("node") or "node", str(BUILD / "clients.mjs")])):
        print(f"{'ok' if trouble is None else 'FAILED':7} {name}{'' if trouble is None else ': ' + trouble}")
        failed += trouble is not None
    print(f"{failed} failed")
    return 1 if failed else 0


def _install() -> None:
    """What the lock names, anew only where the lock is another; no script of a package runs."""
    BUILD.mkdir(parents=True, exist_ok=True)
    lock, installed = HERE / "package-lock.json", BUILD / "package-lock.json"
    is_new = not (BUILD / "node_modules").exists() or installed.read_bytes() != lock.read_bytes()
    for name in FILES:
        shutil.copy(HERE / name, BUILD / name)
    if is_new:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=BUILD, check=True)


def _missing(names: list[str]) -> int:
    allowed = "node" in os.environ.get("ALLOW_MISSING", "").split(",")
    line = f"no {' and no '.join(names)} here; the JavaScript clients did not run"
    print(f"{'skipped' if allowed else 'error'}: {line}", file=sys.stderr)
    return 0 if allowed else 1


if __name__ == "__main__":
    sys.exit(main())
