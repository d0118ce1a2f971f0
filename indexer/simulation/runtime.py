"""The real runtime: LiteSVM, with our one program at every program id that a script calls.

Time stands still in it, signatures and blockhashes are not asked about, and nothing that a script does changes an
account: a transaction comes out the same whenever it runs. So the chain can put it where it likes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence, Set
from functools import lru_cache
from hashlib import sha256

import msgspec
from solders.account import Account
from solders.address_lookup_table_account import ID as LOOKUP_TABLES
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.solders import ComputeBudget
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from indexer.simulation.memory import MEMORY_ACCOUNT, Frame, Loaded
from indexer.simulation.program import HEAP_BYTES, program_file

LOG_BYTES = 10_000
DEPTH = 5
COMPUTE_UNITS = 1_400_000
TABLES = 32  # Addresses of lookup tables, for each place that a transaction has for one.
LAMPORTS = 10**15  # Of everyone who has any.


class Executed(msgspec.Struct, frozen=True):
    """A transaction that ran, and what the runtime says of it. `failed`: (outer instruction, custom code)."""

    signed: VersionedTransaction
    told: TransactionMetadata
    failed: tuple[int, int] | None
    tables: tuple[AddressLookupTableAccount, ...]


class Runtime:
    """`depth`: how deep instructions may stand, 5 as on the cluster; `log_bytes`: where logs are cut, None: nowhere."""

    def __init__(self, *, log_bytes: int | None = LOG_BYTES, depth: int = DEPTH) -> None:
        budget = ComputeBudget()
        budget.compute_unit_limit, budget.heap_size = COMPUTE_UNITS, HEAP_BYTES
        budget.max_instruction_stack_depth = depth
        svm = LiteSVM().with_compute_budget(budget).with_log_bytes_limit(log_bytes)
        self.svm = svm.with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
        self.svm.warp_to_slot(1)  # A lookup table can be used in the slots behind the one it was written in.
        self.known: set[bytes] = set()

    def run(
        self,
        script: Loaded,
        payer: Keypair,
        payer_key: Pubkey,
        blockhash: bytes,
        *,
        before: Sequence[Instruction] = (),
        tables: Sequence[Sequence[bytes]] | None = None,
        beside: bytes = b"",
    ) -> Executed:
        """Sign and run it. `before`: instructions of native programs that stand before the script's.

        `tables`: the keys that each lookup table holds; None: a legacy transaction. `beside`: what is signed with the
        message, of a version that the runtime does not know. Raises ValueError where the runtime refused to run it.
        """
        self._prepare(script, payer_key)
        instructions = [*before, *(_instruction(frame, script.programs) for frame in script.frames)]
        lookups = tuple(self._table(keys, place) for place, keys in enumerate(tables or ()) if keys)
        message: Message | MessageV0
        if tables is None:
            message = Message.new_with_blockhash(instructions, payer_key, Hash.from_bytes(blockhash))
        else:
            message = MessageV0.try_compile(payer_key, instructions, lookups, Hash.from_bytes(blockhash))
        signed = VersionedTransaction.populate(message, [payer.sign_message(to_bytes_versioned(message) + beside)])
        return _executed(signed, self.svm.send_transaction(signed), lookups)

    def _prepare(self, script: Loaded, payer: Pubkey) -> None:
        for program_id in script.programs - self.known:
            self.svm.add_program(_pubkey(program_id), program_file())
        if (key := bytes(payer)) not in self.known:
            self.svm.set_account(payer, Account(LAMPORTS, b"", SYSTEM_PROGRAM))
        self.known |= {*script.programs, key}
        self.svm.set_account(_pubkey(MEMORY_ACCOUNT), Account(LAMPORTS, script.memory, SYSTEM_PROGRAM))

    def _table(self, keys: Sequence[bytes], place: int) -> AddressLookupTableAccount:
        """A lookup table of these keys, written where an earlier one stood: the runtime forgets no account."""
        address = _pubkey(sha256(b"lookup table %d %d" % (place, keys[0][0] % TABLES)).digest())
        # u32 kind, u64 slot of its end, u64 slot of its last change, u8 first of that change, u8 no authority
        data = struct.pack("<IQQBB", 1, 2**64 - 1, 0, 0, 0).ljust(56, b"\0") + b"".join(keys)
        self.svm.set_account(address, Account(LAMPORTS, data, LOOKUP_TABLES))
        return AddressLookupTableAccount(address, [_pubkey(key) for key in keys])


@lru_cache(maxsize=8_192)
def _pubkey(key: bytes) -> Pubkey:
    return Pubkey.from_bytes(key)


def _instruction(frame: Frame, programs: Set[bytes]) -> Instruction:
    """About a third of the accounts may be written to, always the same ones; programs and the memory may not."""
    metas = [_meta(key, key[0] % 3 == 0 and key not in programs and key != MEMORY_ACCOUNT) for key in frame.accounts]
    return Instruction(_pubkey(frame.program_id), frame.data, metas)


@lru_cache(maxsize=8_192)
def _meta(account: bytes, is_writable: bool) -> AccountMeta:
    return AccountMeta(_pubkey(account), False, is_writable)


def _executed(
    signed: VersionedTransaction,
    result: TransactionMetadata | FailedTransactionMetadata,
    tables: tuple[AddressLookupTableAccount, ...],
) -> Executed:
    if isinstance(result, TransactionMetadata):
        return Executed(signed, result, None, tables)
    error, told = result.err(), result.meta()
    index, inner = getattr(error, "index", None), getattr(error, "err", None)
    code = getattr(inner, "code", None)
    if index is None or code is None:
        raise ValueError(f"the runtime says {error}, not that an instruction failed by itself: {told.logs()[-3:]}")
    return Executed(signed, told, (index, code), tables)
