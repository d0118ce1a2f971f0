"""Why an endpoint did not give what it was asked for, and what follows of it.

    refused      it answered, and it does not have this, or not yet: asking it again changes nothing
    overloaded   it asks for fewer requests: its rate goes down
    failed       it did not answer as a node: many of these in a row and it is left alone for a while
    again        nothing is wrong but the form of the question: ask once more, in another

No reason says anything about the chain: "skipped" in the words of a node is one of several that it uses
for what it does not have. What a node says is shown without what the endpoint's address keeps secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

from indexer.core.jsonrpc import Fault, NoAnswer, RpcError
from indexer.sources.base import SourceInterrupted
from indexer.sources.wire import Reply

_METHOD_NOT_FOUND = -32601
_NOT_HERE = {
    -32001: "the block was cleaned up",
    -32004: "the block is not available here",
    -32007: "the slot was skipped, or is missing here",
    -32009: "the slot was skipped, or is missing in long-term storage",
    -32010: "the account is not indexed here",
    -32011: "the history of transactions is not kept here",
    -32014: "the status of the block is not there yet",
    -32015: "the version of a transaction is above the one that was asked for",
    -32016: "the node has not reached the slot yet",
    -32602: "invalid parameters",
    _METHOD_NOT_FOUND: "the method is not offered",
}
_OVERLOAD_CODES = (429, -32429)
# Vendors say "too much" under codes that mean something else to Solana, -32007 and -32005 among them.
_OVERLOAD_WORDS = re.compile(
    r"rate.?limit|too many requests|limit (?:was )?(?:reached|exceeded)|exceeded.{0,30}(?:rate|limit)", re.IGNORECASE
)
_OVERLOAD_STATUS = (429, 503)
_LONGEST_WAIT_S = 3600.0


class Reason(msgspec.Struct, frozen=True):
    kind: Literal["refused", "overloaded", "failed", "again"]
    text: str  # Without credentials.
    wait_s: float | None = None  # So long the endpoint wants to be left alone.
    is_unoffered: bool = False  # It does not have the method at all.
    is_final: bool = False  # No time will mend it soon: a wrong key, a wrong address.


class Refused(SourceInterrupted):
    """Every endpoint that can be reached answered, and none has this, or not yet. `reasons`: by endpoint."""

    def __init__(self, what: str, reasons: Mapping[str, str]) -> None:
        super().__init__(f"{what}: {told(reasons)}")
        self.reasons = reasons


def told(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{endpoint}: {reason}" for endpoint, reason in reasons.items()) or "no endpoint is left"


def reason_of_fault(fault: Fault) -> Reason:
    """What a JSON-RPC answer with status 200 says."""
    if isinstance(fault, RpcError):
        return _reason_of_error(fault)
    # Whole, and it does not say what it should: another endpoint may, and this one is no worse for it.
    return Reason("failed" if isinstance(fault, NoAnswer) else "refused", str(fault))


def reason_of_status(reply: Reply, fault: Fault | None) -> Reason:
    """What an HTTP status other than 200 says; `fault`: what the body says as JSON-RPC."""
    if reply.status in _OVERLOAD_STATUS:
        return Reason("overloaded", f"HTTP {reply.status}", wait_s=retry_after_s(reply.headers))
    if isinstance(fault, RpcError) and fault.code < -32000:
        return _reason_of_error(fault)
    text = f"HTTP {reply.status}" + (f", {fault}" if isinstance(fault, RpcError) else "")
    return Reason("failed", text, is_final=reply.status in (401, 403, 404))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait; a date counts from the answer's own, so that no clock of ours has a say."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), _LONGEST_WAIT_S)
    try:
        seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


def _reason_of_error(error: RpcError) -> Reason:
    if error.code in _OVERLOAD_CODES or (error.code != -32602 and _OVERLOAD_WORDS.search(error.message)):
        return Reason("overloaded", str(error))
    if error.code in _NOT_HERE:
        text = f"{_NOT_HERE[error.code]} ({error})"
        return Reason("refused", text, is_unoffered=error.code == _METHOD_NOT_FOUND)
    return Reason("failed", str(error))
