"""The subscriptions of one WebSocket: what was asked, what was confirmed, and since when each is silent.

Pure: frames and times come in, texts to send and what they tell come out. What must stay true:
- A stream is subscribed while every one of its addresses is, and not one of them is asked anew.
- The watchdog of every subscription is armed again by whatever ends its wait: a notification, a new request, a
  refusal. A request that is not answered ends the link, and so the wait.
- A living subscription that did not speak for long is quiet by nature, and is waited for longer the next time; how
  long a dead one was silent teaches nothing.
- No frame raises anything: what cannot be read is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from indexer.core.rpc import MAX_SLOT
from indexer.redaction import redacted

_HEARTBEAT = ""  # The address of slotSubscribe, which has none.
_REASON_CHARS = 200
_LATE = 0.25  # Of its silence: what speaks later than this after it was asked for anew was not dead before.
_FORGETTING = 0.9  # What is left of a known silence with each notification, so that a loud day ends a quiet night.


class Silent(Exception):
    """The link has to be opened anew: it is silent, or does not answer. The message says what was waited for."""


class LinkCounts(msgspec.Struct):
    """What an endpoint sent beside notifications, over all its links."""

    odd_frames: int = 0  # No JSON-RPC.
    unknown: int = 0  # Notifications of a subscription that is not ours, or not any more.
    resubscribed: int = 0  # Addresses that were silent for too long.
    slot: int | None = None  # The newest that the endpoint told.

    def saw(self, slot: int) -> None:
        self.slot = max(slot, self.slot or 0)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds."""

    answer_s: float = 15.0  # For the answer to a request.
    link_s: float = 15.0  # Without any frame on a link whose node tells its slots: some 35 of them.
    stream_s: float = 60.0  # Without a notification of one address before it is subscribed anew, or twice as long as
    longest_stream_s: float = 600.0  # it is silent by nature, but no longer than this.
    refused_s: float = 60.0  # Until a refused subscription is asked for again.
    resubscribes: int = 2  # In vain, before the link is opened anew.


class Notification(msgspec.Struct, frozen=True):
    """A logsNotification of a stream; `result` as it came."""

    stream: str
    result: Any


class State(msgspec.Struct, frozen=True):
    """A stream began or ceased to be told. `reason` is None where it began."""

    stream: str
    reason: str | None


class _Subscription(msgspec.Struct):
    """One address, or the heartbeat. `until`: when its wait ends, whatever it waits for."""

    stream: str
    address: str
    until: float
    state: Literal["asked", "active", "refused"] = "asked"
    id: int | None = None  # As the node calls it; an old one is kept until the new one is confirmed.
    since: float = 0.0  # Its last notification or confirmation.
    heard: float = 0.0  # Its last notification; before the first one, the beginning of the link.
    in_vain: int = 0  # Subscribed anew since its last notification.

    @property
    def method(self) -> str:
        return "logs" if self.address else "slot"


class _Params(msgspec.Struct):
    subscription: int | str | None = None
    result: Any = None


class _Frame(msgspec.Struct):
    id: int | str | None = None
    method: str | None = None
    params: _Params | None = None
    result: Any = None
    error: Any = None


_read = msgspec.json.Decoder(_Frame).decode


class Subscriptions:
    """`wanted`: base58 addresses by stream. `now` in seconds of any clock, always of the same one.

    `silences`: how long each address is silent by nature; it is learned here and outlives the link.
    """

    def __init__(
        self,
        wanted: Mapping[str, Sequence[str]],
        patience: Patience,
        now: float,
        counts: LinkCounts,
        silences: dict[str, float],
    ) -> None:
        self._patience = patience
        self._silences = silences
        self.counts = counts
        self._requests: dict[int, _Subscription] = {}
        self._by_id: dict[int, _Subscription] = {}
        self._next = 1
        self._heard = now
        self._heartbeat = _Subscription("", _HEARTBEAT, now)
        streams = [
            _Subscription(name, address, now, heard=now) for name, listed in wanted.items() for address in listed
        ]
        self._all = [self._heartbeat, *streams]
        self.outgoing: list[str] = [text for one in self._all for text in self._ask(one, now)]

    # --- time ---------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `due` has something to do, unless a frame comes before."""
        ends = [one.until for one in self._all if one is not self._heartbeat or one.state != "active"]
        return min([*ends, self._heard + self._patience.link_s] if self._heartbeat.state == "active" else ends)

    def excuse(self, waited: float) -> None:
        """Nobody listened for so long, which was no silence."""
        self._heard += waited
        for one in self._all:
            one.until += waited
            one.since += waited
            one.heard += waited

    def due(self, now: float) -> Iterator[State]:
        """Do what is due, if anything. Raises Silent."""
        if self._heartbeat.state == "active" and now >= self._heard + self._patience.link_s:
            raise Silent(f"no frame for {self._patience.link_s:g} s")
        for one in self._all:
            if now >= one.until and (one is not self._heartbeat or one.state != "active"):
                yield from self._overdue(one, now)

    def _overdue(self, one: _Subscription, now: float) -> Iterator[State]:
        if one.state == "asked" and one is self._heartbeat:
            self._refused(one, None, now)  # Some do not tell their slots; the streams are watched all the same.
            return
        if one.state == "asked":
            raise Silent(f"no answer to {one.method}Subscribe for {self._patience.answer_s:g} s")
        if one.state == "active":
            if one.in_vain >= self._patience.resubscribes:
                raise Silent(f"no notification of {one.stream} after {one.in_vain} new subscriptions")
            one.in_vain += 1
            self.counts.resubscribed += 1
            yield State(one.stream, f"no notification for {now - one.since:.0f} s")
        self.outgoing += self._ask(one, now)

    def _ask(self, one: _Subscription, now: float) -> Iterator[str]:
        """A node may give the same id to the same subscription again, so that the old one is left first."""
        if one.id is not None:
            yield self._request(f"{one.method}Unsubscribe", [one.id])
        self._requests[self._next] = one
        one.state, one.until = "asked", now + self._patience.answer_s
        params = [{"mentions": [one.address]}, {"commitment": "confirmed"}] if one.address else []
        yield self._request(f"{one.method}Subscribe", params)

    def _request(self, method: str, params: list[Any]) -> str:
        request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        self._next += 1
        return msgspec.json.encode(request).decode()

    # --- frames -------------------------------------------------------------------------------------------------

    def received(self, text: str | bytes, now: float) -> Notification | State | None:
        """What a frame tells of a stream, if anything. Never raises."""
        self._heard = now
        try:
            frame = _read(text)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self.counts.odd_frames += 1
            return None
        if frame.params is not None:
            return self._notified(frame.params, now)
        one = self._requests.pop(frame.id, None) if isinstance(frame.id, int) else None
        if one is None or one.state != "asked":
            return None  # The answer to an unsubscription, or to nothing of ours.
        if isinstance(frame.result, int) and not isinstance(frame.result, bool):
            return self._confirmed(one, frame.result, now)
        return self._refused(one, frame.error, now)

    def _notified(self, params: _Params, now: float) -> Notification | None:
        one = self._by_id.get(params.subscription) if isinstance(params.subscription, int) else None
        if one is None:
            self.counts.unknown += 1
            return None
        if one is self._heartbeat:
            self._slot(params.result)
            return None
        one.in_vain = 0
        if one.state == "active":
            self._learn(one, now)
            self._watch(one, now)
        one.heard = now
        return Notification(one.stream, params.result)

    def _learn(self, one: _Subscription, now: float) -> None:
        """How long it is silent by nature. A dead one that was asked for anew speaks soon, a quiet one does not."""
        alive, silent = now - one.since, now - one.heard
        natural = silent if alive >= silent * _LATE else alive
        self._silences[one.address] = max(natural, self._silences.get(one.address, 0.0) * _FORGETTING)

    def _watch(self, one: _Subscription, now: float) -> None:
        """Arm the watchdog."""
        patience = max(self._patience.stream_s, 2 * self._silences.get(one.address, 0.0))
        one.since, one.until = now, now + min(patience, self._patience.longest_stream_s)

    def _slot(self, result: Any) -> None:
        slot = result.get("slot") if isinstance(result, dict) else None
        if isinstance(slot, int) and not isinstance(slot, bool) and 0 <= slot <= MAX_SLOT:
            self.counts.saw(slot)

    def _confirmed(self, one: _Subscription, found: int, now: float) -> State | None:
        if one.id is not None:
            self._by_id.pop(one.id, None)
        one.id, one.state = found, "active"
        self._by_id[found] = one
        self._watch(one, now)
        family = [other for other in self._all if other.stream == one.stream]
        if one is self._heartbeat or any(other.state != "active" for other in family):
            return None
        return State(one.stream, None)

    def _refused(self, one: _Subscription, error: Any, now: float) -> State | None:
        one.state, one.until = "refused", now + self._patience.refused_s
        if one.id is not None:
            self._by_id.pop(one.id, None)
            one.id = None
        if one is self._heartbeat:
            return None
        return State(one.stream, f"{one.method}Subscribe refused: {_told(error)}")


def _told(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(message, str):
        return redacted(f"{code} {message}"[:_REASON_CHARS])
    return "neither a subscription nor an error was answered"
