"""A file that is there whole or not at all: written beside its place under another name, then moved there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from indexer.errors import InputError

# What a file system says; any other error out of the block is of something else.
_OF_FILES = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}
    | {errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}
)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """The file to write to. It takes `path`'s place in the end; whatever stops it before leaves `path` as it was.

    Raises InputError where the folder or the disk does not take it.
    """
    if path.is_dir():
        raise InputError("is a folder", place=str(path), remedy="name a file in it")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if error.errno not in _OF_FILES:
            raise
        raise InputError(f"cannot be written: {error.strerror}", place=str(path)) from error
    finally:
        _without_leftovers(beside)


def _without_leftovers(beside: Path) -> None:
    if beside.parent.is_dir():
        beside.unlink(missing_ok=True)
