"""Run the tests on another PostgreSQL than the embedded one: `make test-pg`.

The server of DATABASE_URL, else the newest PostgreSQL 15 to 17 whose programs the system has. None is
an error, unless ALLOW_MISSING names postgres.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def main(arguments: list[str]) -> int:
    environment = dict(os.environ)
    if not environment.get("DATABASE_URL"):
        programs = installed()
        if programs is None:
            return missing()
        print(f"tests run on the PostgreSQL in {programs}", flush=True)
        environment["TEST_POSTGRES_BIN"] = str(programs)
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode


def installed() -> Path | None:
    found = [path for place in PLACES for path in Path("/").glob(place.lstrip("/")) if (path / "initdb").exists()]
    return max((path for path in found if 15 <= version(path) <= 17), key=version, default=None)


def version(programs: Path) -> int:
    numbers = re.findall(r"\d+", programs.parent.name)
    return int(numbers[-1]) if numbers else 0


def missing() -> int:
    allowed = "postgres" in os.environ.get("ALLOW_MISSING", "").split(",")
    line = "no DATABASE_URL, and no PostgreSQL 15 to 17 is installed; the tests on another version did not run"
    print(f"{'skipped' if allowed else 'error'}: {line}", file=sys.stderr)
    return 0 if allowed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
