"""Recorded answers: files of getTransaction and getBlock JSON, read with bounds.

A file holds one JSON document (an answer, a JSON-RPC envelope, `{provenance, expected, result}`, or an
array of these) or one document a line; `.zst` is unpacked while it is read. A file that was named must
hold transactions; in a folder what holds none is passed over, and said. Neither size nor nesting of a
file can exhaust memory: what is larger than the limits is refused before it is parsed.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import zstandard

from indexer.core.rpc import Block, Malformed, parse_block, parse_notification, parse_transaction
from indexer.core.transaction import Transaction, Unavailable
from indexer.errors import InputError

STANDARD_INPUT = "-"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PACKED_PIECE = 4096  # Bytes. One piece may unpack to 30,000 times its size, and that is in memory at once.
_DECODE = msgspec.json.Decoder()
_DECODER_SAYS = "JSON is malformed: "


class Limits(msgspec.Struct, frozen=True):
    """In bytes. `document` is what one JSON text may have, `unpacked` what a whole file may unpack to."""

    file: int
    unpacked: int
    document: int


class Answer(msgspec.Struct, frozen=True):
    """One recorded answer. Exactly one of `transaction`, `block`, `unavailable` is set."""

    place: str  # Path, and line where the file has one answer a line.
    transaction: Transaction | None = None
    block: Block | None = None
    unavailable: str | None = None  # Why the answer says nothing about the chain.


class NoTransactions(Exception):
    """The text is readable and holds nothing of a transaction, or is no JSON at all."""


def find_files(paths: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """(named files, files found in named folders), each in order. Raises InputError for what is not there."""
    named: list[Path] = []
    found: list[Path] = []
    for text in dict.fromkeys(paths):
        path = Path(text)
        try:
            mode = None if text == STANDARD_INPUT else os.stat(text).st_mode  # noqa: PTH116 (Path makes "." of "")
            if mode is not None and stat.S_ISDIR(mode):
                found += _inside(path)
            else:
                named.append(path)
        except FileNotFoundError:
            raise InputError("no such file or folder", place=text or "''") from None
        except OSError as error:
            place = name_of(Path(error.filename or text))
            raise InputError(f"cannot be read: {error.strerror}", place=place) from None
    return named, found


def name_of(path: Path) -> str:
    """The path as text that every encoding takes: a name may hold bytes that are no UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _inside(folder: Path) -> list[Path]:
    """All files below that are not hidden, in order. Raises OSError for a folder that cannot be listed."""
    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [path for name in names if not name.startswith(".") and (path := Path(place, name)).is_file()]
    if not files:
        raise InputError("the folder holds no files", place=name_of(folder), remedy="name a folder of recorded answers")
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


def answers(path: Path, limits: Limits) -> Iterator[Answer]:
    """Every answer of a file, in order. Raises NoTransactions, or InputError where a bound is exceeded."""
    name = name_of(path)
    try:
        with _opened(path, limits) as stream:
            for line, document in _documents(stream, limits, name):
                place = f"{name}:{line}" if line else name
                yield from _answers(_decoded(document, place), place, path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", place=name) from None
    except zstandard.ZstdError as error:
        raise NoTransactions(f"{name}: no valid zstd: {error}") from None


def is_packed(path: Path) -> bool:
    """Whether a file is zstd, so that its size says little of what it holds. False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC
    except OSError:
        return False  # Whoever reads it is told why.


def _opened(path: Path, limits: Limits) -> io.BufferedReader:
    if str(path) == STANDARD_INPUT:
        raw: BinaryIO = sys.stdin.buffer
    else:
        raw = path.open("rb")
        if path.is_file() and (size := path.stat().st_size) > limits.file:
            raw.close()
            raise InputError(f"{size} bytes, the limit is {limits.file}", place=name_of(path), remedy=_RAISE)
    stream = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
    if stream.peek(4)[:4] == _ZSTD_MAGIC:
        stream = io.BufferedReader(_Unpacked(stream))
    elif stream.peek(2)[:2] == _GZIP_MAGIC:
        stream.close()
        raise NoTransactions(f"{name_of(path)}: packed by gzip, which is not read: unpack it, or pack it by zstd")
    if stream.peek(3)[:3] == _BYTE_ORDER_MARK:
        stream.read(3)
    return stream


class _Unpacked(io.RawIOBase):
    """What zstd frames hold. Raises ZstdError where the last one is cut short: zstandard's own reader just ends."""

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed = packed
        self._waiting = memoryview(b"")
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._waiting and self._unpack():
            pass
        size = min(len(into), len(self._waiting))
        into[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def _unpack(self) -> bool:
        """One piece more. False: the end."""
        done = self._frame is None or self._frame.eof
        piece = (self._frame.unused_data if self._frame and done else b"") or self._packed.read(_PACKED_PIECE)
        if not piece and not done:
            raise zstandard.ZstdError("it is cut short")
        if piece:
            if done or self._frame is None:
                self._frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
            self._waiting = memoryview(self._frame.decompress(piece))
        return bool(piece)

    def close(self) -> None:
        self._packed.close()
        super().close()


_RAISE = "raise [replay] limits in the settings, or split the file"


def _documents(stream: io.BufferedReader, limits: Limits, place: str) -> Iterator[tuple[int, bytes]]:
    """(line, text) of every JSON document; line 0 where the whole file is one document."""
    lines = _lines(stream, limits, place)
    first, second = next(lines, (0, b"")), next(lines, None)
    if second is None or not _is_whole(first[1]):
        yield 0, _rest(stream, first[1] + (second[1] if second else b""), limits, place)
        return
    yield first
    yield second
    yield from lines


def _lines(stream: io.BufferedReader, limits: Limits, place: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    number, total = 0, 0
    while line := _line(stream, limits, place):
        number += 1
        total += len(line)
        if total > limits.unpacked:
            raise InputError(f"more than {limits.unpacked} bytes unpacked", place=place, remedy=_RAISE)
        if line.strip():
            yield number, line


def _line(stream: io.BufferedReader, limits: Limits, place: str) -> bytes:
    line = stream.readline(limits.document + 1)
    if len(line) > limits.document:
        raise InputError(f"a document of more than {limits.document} bytes", place=place, remedy=_RAISE)
    return line


def _rest(stream: io.BufferedReader, head: bytes, limits: Limits, place: str) -> bytes:
    rest = stream.read(limits.document + 1 - len(head)) if len(head) <= limits.document else b""
    text = head + rest
    if len(text) > limits.document:
        raise InputError(f"a document of more than {limits.document} bytes", place=place, remedy=_RAISE)
    return text


def _is_whole(line: bytes) -> bool:
    try:
        _DECODE.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def _decoded(document: bytes, place: str) -> Any:
    if not document.strip():
        raise NoTransactions(f"{place}: empty")
    try:
        return _DECODE.decode(document)
    except RecursionError:
        raise NoTransactions(f"{place}: nested too deeply to be an answer") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoTransactions(f"{place}: no JSON: {str(error).removeprefix(_DECODER_SAYS)}") from None


def _answers(document: Any, place: str, path: Path) -> Iterator[Answer]:
    if isinstance(document, list):
        if not document:
            raise NoTransactions(f"{place}: an empty list")
        for number, item in enumerate(document):
            yield _answer(item, f"{place}[{number}]", path)
    else:
        yield _answer(document, place, path)


def _answer(document: Any, place: str, path: Path) -> Answer:
    if not isinstance(document, dict):
        raise NoTransactions(f"{place}: neither a transaction nor a block")
    result = document.get("result", document)
    try:
        if _is_notification(document):
            return Answer(place, transaction=parse_notification(document))
        if result is None:
            return Answer(place, unavailable="the answer is null")
        if isinstance(result, dict) and "transactions" in result and "parentSlot" in result:
            return Answer(place, block=parse_block(result, _slot_of_block(document, result, path, place)))
        if isinstance(result, dict) and "transaction" in result and "meta" in result:
            return Answer(place, transaction=parse_transaction({"slot": document.get("slot"), **result}))
    except Unavailable as error:
        return Answer(place, unavailable=str(error))
    except Malformed as error:
        raise NoTransactions(f"{place}: {error}") from None
    raise NoTransactions(f"{place}: {_what(document)}")


def _is_notification(document: Mapping[str, Any]) -> bool:
    return document.get("method") == "logsNotification"


def _slot_of_block(document: Mapping[str, Any], result: Mapping[str, Any], path: Path, place: str) -> int:
    """A getBlock result does not say its slot: it stands beside it, or is the file's name."""
    name = path.name.split(".")[0]
    for slot in (document.get("slot"), result.get("slot"), int(name) if name.isascii() and name.isdigit() else None):
        if isinstance(slot, int) and not isinstance(slot, bool):
            return slot
    raise Malformed("the block does not say its slot: put `slot` beside `result`, or name the file <slot>.json")


def _what(document: Mapping[str, Any]) -> str:
    error = document.get("error")
    if isinstance(error, dict):
        return f"an RPC error {error.get('code')}, no transaction"
    return "neither a getTransaction nor a getBlock answer"
