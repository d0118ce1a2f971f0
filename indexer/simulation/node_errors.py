"""The errors of a node, with the codes and the words of Agave."""

from __future__ import annotations

from typing import Any


class RpcError(Exception):
    """The node answers with an error instead of a result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def shown(self) -> dict[str, Any]:
        """The object under `error`."""
        told = {"code": self.code, "message": self.message}
        return told if self.data is None else {**told, "data": self.data}


def parse_error() -> RpcError:
    return RpcError(-32700, "Parse error")


def invalid_request() -> RpcError:
    return RpcError(-32600, "Invalid request")


def method_not_found() -> RpcError:
    return RpcError(-32601, "Method not found")


def invalid_params(why: str) -> RpcError:
    return RpcError(-32602, why)


def block_cleaned_up(slot: int, first_available: int) -> RpcError:
    words = f"Block {slot} cleaned up, does not exist on node. First available block: {first_available}"
    return RpcError(-32001, words)


def block_not_available(slot: int) -> RpcError:
    return RpcError(-32004, f"Block not available for slot {slot}")


def node_unhealthy(slots_behind: int) -> RpcError:
    return RpcError(-32005, f"Node is behind by {slots_behind} slots", {"numSlotsBehind": slots_behind})


def slot_skipped(slot: int) -> RpcError:
    return RpcError(-32007, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot")


def archive_slot_skipped(slot: int) -> RpcError:
    return RpcError(-32009, f"Slot {slot} was skipped, or missing in long-term storage")


def block_status_not_yet(slot: int) -> RpcError:
    return RpcError(-32014, f"Block status not yet available for slot {slot}")


def unsupported_version(version: int) -> RpcError:
    words = (
        f"Transaction version ({version}) is not supported by the requesting client. Please try the request again "
        f'with the following configuration parameter: "maxSupportedTransactionVersion": {version}'
    )
    return RpcError(-32015, words)


def min_context_slot_not_reached(context_slot: int) -> RpcError:
    return RpcError(-32016, "Minimum context slot has not been reached", {"contextSlot": context_slot})
