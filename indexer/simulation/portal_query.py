"""What a client can ask a portal for: filters, what is to come with the matches, and the fields that are sent.

Within one filter everything named must hold; a list names alternatives, and an empty one matches nothing. An
unknown name anywhere is refused, as the real service does.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

_MOST_FILTERS = 100


class BadQuery(Exception):
    """The query does not parse. The message goes to the client."""


class _Strict(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Names are camel case; an unknown one is an error."""


class InstructionFilter(_Strict, frozen=True):
    program_id: list[str] | None = None
    d1: list[str] | None = None  # Hex with 0x: how the data begins.
    d2: list[str] | None = None
    d4: list[str] | None = None
    d8: list[str] | None = None
    a0: list[str] | None = None  # The account at that place.
    a1: list[str] | None = None
    a2: list[str] | None = None
    a3: list[str] | None = None
    a4: list[str] | None = None
    a5: list[str] | None = None
    a6: list[str] | None = None
    a7: list[str] | None = None
    a8: list[str] | None = None
    a9: list[str] | None = None
    a10: list[str] | None = None
    a11: list[str] | None = None
    a12: list[str] | None = None
    a13: list[str] | None = None
    a14: list[str] | None = None
    a15: list[str] | None = None
    mentions_account: list[str] | None = None
    is_committed: bool | None = None
    transaction: bool = False
    transaction_balances: bool = False
    transaction_token_balances: bool = False
    transaction_instructions: bool = False
    inner_instructions: bool = False
    logs: bool = False


class LogFilter(_Strict, frozen=True):
    program_id: list[str] | None = None
    kind: list[Literal["log", "data", "other"]] | None = None
    transaction: bool = False
    instruction: bool = False


class TransactionFilter(_Strict, frozen=True):
    fee_payer: list[str] | None = None
    mentions_account: list[str] | None = None
    instructions: bool = False
    logs: bool = False
    balances: bool = False
    token_balances: bool = False


class BlockFields(_Strict, frozen=True):
    number: bool = False
    hash: bool = False
    parent_number: bool = False
    parent_hash: bool = False
    height: bool = False
    timestamp: bool = False


class TransactionFields(_Strict, frozen=True):
    transaction_index: bool = False
    version: bool = False
    account_keys: bool = False
    address_table_lookups: bool = False
    num_readonly_signed_accounts: bool = False
    num_readonly_unsigned_accounts: bool = False
    num_required_signatures: bool = False
    recent_blockhash: bool = False
    signatures: bool = False
    err: bool = False
    fee: bool = False
    compute_units_consumed: bool = False
    loaded_addresses: bool = False
    fee_payer: bool = False
    has_dropped_log_messages: bool = False


class InstructionFields(_Strict, frozen=True):
    transaction_index: bool = False
    instruction_address: bool = False
    program_id: bool = False
    accounts: bool = False
    data: bool = False
    d1: bool = False
    d2: bool = False
    d4: bool = False
    d8: bool = False
    error: bool = False
    compute_units_consumed: bool = False
    is_committed: bool = False
    has_dropped_log_messages: bool = False


class LogFields(_Strict, frozen=True):
    transaction_index: bool = False
    log_index: bool = False
    instruction_address: bool = False
    program_id: bool = False
    kind: bool = False
    message: bool = False


class Fields(_Strict, frozen=True):
    block: BlockFields = BlockFields()
    transaction: TransactionFields = TransactionFields()
    instruction: InstructionFields = InstructionFields()
    log: LogFields = LogFields()
    balance: dict[str, bool] = {}
    token_balance: dict[str, bool] = {}
    reward: dict[str, bool] = {}


class Query(_Strict, frozen=True):
    type: Literal["solana"]
    from_block: int
    to_block: int | None = None
    parent_block_hash: str | None = None
    fields: Fields = Fields()
    include_all_blocks: bool = False
    transactions: list[TransactionFilter] = []
    instructions: list[InstructionFilter] = []
    logs: list[LogFilter] = []
    balances: list[dict[str, Any]] = []  # Balances and rewards are none of this chain's: they match nothing.
    token_balances: list[dict[str, Any]] = []
    rewards: list[dict[str, Any]] = []


_DECODER = msgspec.json.Decoder(Query)


def parsed(body: bytes) -> Query:
    """Raises BadQuery."""
    try:
        query = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise BadQuery(f"Couldn't parse query: {error}") from None
    if query.to_block is not None and query.to_block < query.from_block:
        raise BadQuery('invalid block range: got "toBlock" < "fromBlock"')
    filters = len(query.transactions) + len(query.instructions) + len(query.logs)
    if filters > _MOST_FILTERS:
        raise BadQuery(f"too many item requests: {filters} of at most {_MOST_FILTERS}")
    return query
