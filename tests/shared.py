"""The material beside the checkout: real mainnet bytes and published IDLs.

It is read and never copied in. Where it is absent its tests are skipped with a printed reason; a folder that is
named by `PERPS_SHARED` and does not exist is an error, so that a typing mistake cannot skip them.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def _found() -> Path | None:
    if named := os.environ.get("PERPS_SHARED"):
        return Path(named).resolve(strict=True)
    beside = REPOSITORY.parent / "shared"
    return beside if beside.is_dir() else None


SHARED: Path | None = _found()

requires_shared = pytest.mark.skipif(
    SHARED is None, reason=f"no shared material at {REPOSITORY.parent / 'shared'}; PERPS_SHARED names another place"
)


def shared(*parts: str) -> Path:
    """The path of a file of the shared material. Only for tests under `requires_shared`."""
    assert SHARED is not None, "a test that reads the shared material needs the mark requires_shared"
    return SHARED.joinpath(*parts)
