"""JSON-RPC 2.0 as a server reads it: requests, batches, and notifications, which have no id and no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from indexer.simulation.encodings import Json
from indexer.simulation.node_errors import RpcError, invalid_params, invalid_request, parse_error

_MOST_IN_BATCH = 1_000
Call = Callable[[str, list[Any]], Any]  # Method and parameters -> result. Raises RpcError.


def answered(body: bytes | str, call: Call) -> bytes:
    """The answer to a request or a batch; empty where all of it were notifications."""
    try:
        request = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return msgspec.json.encode(_failed(None, parse_error()))
    if not isinstance(request, list):
        answer = _answer(request, call)
        return b"" if answer is None else msgspec.json.encode(answer)
    if not 0 < len(request) <= _MOST_IN_BATCH:
        return msgspec.json.encode(_failed(None, invalid_request()))
    answers = [answer for one in request if (answer := _answer(one, call)) is not None]
    return msgspec.json.encode(answers) if answers else b""


def _answer(request: Any, call: Call) -> Json | None:
    if not isinstance(request, Mapping) or not isinstance(request.get("method"), str):
        return _failed(None, invalid_request())
    try:
        params = request.get("params")
        if params is not None and not isinstance(params, list):
            raise invalid_params("Invalid params: expected a sequence.")
        result = call(request["method"], params or [])
    except RpcError as error:
        return _failed(request["id"], error) if "id" in request else None
    return {"jsonrpc": "2.0", "result": result, "id": request["id"]} if "id" in request else None


def _failed(request_id: Any, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "error": error.shown(), "id": request_id}
