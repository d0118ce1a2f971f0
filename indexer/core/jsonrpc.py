"""JSON-RPC on the wire: requests as bytes, and answers read from bytes in one typed pass.

Only what is used is made into objects. What does not fit the expected shape is read once more as plain
objects by the lenient reader, which decides what is wrong with it; so the typed pass can only be faster,
never stricter. One body may answer many requests; each is answered, or at fault, on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from indexer.core.transaction import Unavailable

_Shape = TypeVar("_Shape")
_Value = TypeVar("_Value")
LONGEST_MESSAGE = 4000  # Characters of a node's words; who shows them takes credentials out and then cuts them short.


class Malformed(Exception):
    """The JSON is not of the shape that was promised. The message names the path."""


class NoAnswer(Exception):
    """The body is no JSON-RPC answer to this request: HTML, cut short, another id, none in the batch."""


class RpcError(Exception):
    """The node answered by an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"error {code}: {message}")
        self.code = code
        self.message = message


Fault = NoAnswer | RpcError | Malformed | Unavailable


class Lighter(Generic[_Shape, _Value]):
    """A lighter way to read the bodies that `serves` says it may; what does not fit its shape goes the usual way.

    `cut`: such a body without what is passed over in it, unread; or the same bytes. It is given exact bodies alone:
    what it takes out may be anything.
    """

    def __init__(
        self,
        shape: Any,
        make: Callable[[_Shape], _Value],
        serves: Callable[[bytes], bool],
        cut: Callable[[bytes], bytes] = lambda body: body,
    ) -> None:
        self.shape = shape
        self.make = make
        self.serves = serves
        self.cut = cut


class Reading(Generic[_Shape, _Value]):
    """How a result is read: the shape of what is used of it, and what is made of that.

    `make` and `lenient` (which gets plain objects) raise Unavailable or Malformed. A null result is Unavailable.
    `lighter` gives what `make` would. `task`: what another process has to know in order to read the same.
    `check`: takes or changes the value, or raises Unavailable: whoever answered this does not have it.
    """

    def __init__(
        self,
        shape: Any,
        make: Callable[[_Shape], _Value],
        lenient: Callable[[Any], _Value] | None = None,
        lighter: Lighter[Any, _Value] | None = None,
        task: msgspec.Struct | None = None,
        check: Callable[[_Value], _Value] = lambda value: value,
    ) -> None:
        self.shape = shape
        self.make = make
        self.lenient = lenient or self._converted
        self.lighter = lighter
        self.task = task
        self.check = check

    def checked(self, check: Callable[[_Value], _Value]) -> Reading[_Shape, _Value]:
        """The same, and then `check`."""
        before = self.check
        return Reading(self.shape, self.make, self.lenient, self.lighter, self.task, lambda value: check(before(value)))

    def ways(self, body: bytes, *, is_exact: bool) -> Iterator[tuple[bytes, Any, Callable[[Any], _Value]]]:
        """What to try: the body or what is left of it, the shape, and what is made of it. The lightest first."""
        if self.lighter is not None and self.lighter.serves(body):
            yield self.lighter.cut(body) if is_exact else body, self.lighter.shape, self.lighter.make
        yield body, self.shape, self.make

    def _converted(self, value: Any) -> _Value:
        try:
            return self.make(msgspec.convert(value, self.shape))
        except (msgspec.ValidationError, RecursionError) as error:
            raise Malformed(f"result: {error}") from None


def plain(shape: type[_Value]) -> Reading[_Value, _Value]:
    """A result that is used as it comes."""
    return Reading(shape, lambda value: value)


class _Request(msgspec.Struct):
    id: int
    method: str
    params: Sequence[Any]
    jsonrpc: str = "2.0"


class _Envelope(msgspec.Struct, Generic[_Shape]):
    id: int | str | None = None
    result: _Shape | UnsetType | None = UNSET
    error: Any = None


def request(number: int, method: str, params: Sequence[Any]) -> bytes:
    """The body of one request."""
    return msgspec.json.encode(_Request(number, method, params))


def batch(first: int, method: str, params: Sequence[Sequence[Any]]) -> bytes:
    """The body of a batch; its requests are numbered from `first` on."""
    return msgspec.json.encode([_Request(first + place, method, one) for place, one in enumerate(params)])


def answer(body: bytes, number: int, reading: Reading[Any, _Value], *, is_exact: bool = False) -> _Value:
    """The result in the answer to request `number`. Raises every kind of Fault.

    `is_exact`: the body is byte for byte what was sent, so that it need not be JSON throughout to be believed.
    """
    return reading.check(unchecked(body, number, reading, is_exact=is_exact))


def unchecked(body: bytes, number: int, reading: Reading[Any, _Value], *, is_exact: bool = False) -> _Value:
    """The same before its check. Raises every kind of Fault."""
    for text, shape, make in reading.ways(body, is_exact=is_exact):
        try:
            return _value(_one_decoder(shape).decode(text), number, make)
        except (msgspec.ValidationError, RecursionError):
            continue
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NoAnswer(f"no JSON: {error}") from None
    return _value(_plain(body, _Envelope[Any]), number, reading.lenient)


def batch_answers(body: bytes, first: int, readings: Sequence[Reading[Any, _Value]]) -> list[_Value | Fault]:
    """What became of each request of a batch; all readings have one shape. Raises RpcError, NoAnswer of the whole."""
    is_usual = True
    try:
        found = _many_decoder(readings[0].shape).decode(body)
    except (msgspec.ValidationError, RecursionError):
        found, is_usual = _plain_batch(body), False
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoAnswer(f"no JSON: {error}") from None
    by_number = {envelope.id: envelope for envelope in found}
    return [_outcome(by_number, first + place, reading, is_usual) for place, reading in enumerate(readings)]


def _outcome(
    found: Mapping[int | str | None, _Envelope[Any]], number: int, reading: Reading[Any, Any], is_usual: bool
) -> Any:
    if number not in found:
        return NoAnswer(f"the batch has no answer to request {number}")
    try:
        return reading.check(_value(found[number], number, reading.make if is_usual else reading.lenient))
    except (NoAnswer, RpcError, Malformed, Unavailable) as fault:
        return fault


def _value(envelope: _Envelope[Any], number: int, make: Callable[[Any], _Value]) -> _Value:
    if envelope.error is not None:
        raise _error(envelope.error)
    if envelope.id != number:
        raise NoAnswer(f"an answer to request {str(envelope.id)[:20]}, not to {number}")
    if envelope.result is UNSET:
        raise NoAnswer("neither a result nor an error")
    if envelope.result is None:
        raise Unavailable("the node answers null")
    return make(envelope.result)


def _error(error: Any) -> RpcError:
    """Of any shape: proxies answer by texts, and by objects without a code."""
    if not isinstance(error, dict):
        return RpcError(0, str(error)[:LONGEST_MESSAGE])
    code = error.get("code")
    return RpcError(code if isinstance(code, int) else 0, str(error.get("message"))[:LONGEST_MESSAGE])


def _plain_batch(body: bytes) -> list[_Envelope[Any]]:
    found = _plain(body, list[_Envelope[Any]] | _Envelope[Any])
    if isinstance(found, _Envelope):
        raise _error(found.error) if found.error is not None else NoAnswer("one answer to a whole batch")
    return found  # type: ignore[no-any-return]  # What is left of the union that was asked for.


def _plain(body: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoAnswer(f"no JSON-RPC answer: {error}") from None


@cache
def _one_decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_Envelope[shape])


@cache
def _many_decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[_Envelope[shape]])
