"""Instructions of our programs as they stand in a script: the right discriminator, the accounts in the IDL's order.

An account that a caller does not name is a fixed key of its own name: a token program, a vault, an oracle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from random import Random

from solders.pubkey import Pubkey

from indexer.simulation.encoder import document, program_id
from indexer.simulation.script import Emit, Invoke, Text

AGGREGATORS = ("aggregator", "strategy vault", "keeper contract", "multisig")


def key(base58: str) -> bytes:
    return bytes(Pubkey.from_string(base58))


@cache
def fixed_key(name: str) -> bytes:
    """A key for something that is always the same thing."""
    return sha256(f"simulated {name}".encode()).digest()


def global_discriminator(instruction: str) -> bytes:
    """sha256("global:snake_case")[:8]."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", instruction).lower()
    return sha256(f"global:{snake}".encode()).digest()[:8]


class Instructions:
    """What one program can be asked to do. `known`: keys of accounts by their name in the IDL."""

    def __init__(self, idl_file: str, known: Mapping[str, bytes]) -> None:
        self.program = key(program_id(idl_file))
        self._known = {"program": self.program, **known}
        self._accounts = {
            listed["name"]: tuple(account["name"] for account in listed["accounts"])
            for listed in document(idl_file)["instructions"]
        }
        self._discriminators = {name: global_discriminator(name) for name in self._accounts}

    def invoke(self, name: str, *inside: Emit | Text | Invoke, **accounts: bytes) -> Invoke:
        """Raises KeyError for an instruction, AssertionError for an account, that the IDL does not have."""
        listed = self._accounts[name]
        assert accounts.keys() <= set(listed), f"{name} has no account {sorted(accounts.keys() - set(listed))}"
        keys = tuple(accounts.get(account) or self._known.get(account) or fixed_key(account) for account in listed)
        return Invoke(self.program, self._discriminators[name], keys, inside)

    def unknown(self, name: str, *inside: Emit | Text | Invoke, accounts: tuple[bytes, ...] = ()) -> Invoke:
        """An instruction that a later program may have; our IDL does not."""
        assert name not in self._accounts, f"{name} is in the IDL"
        return Invoke(self.program, global_discriminator(name), accounts, inside)


def behind(rng: Random, call: Invoke, depth: int) -> Invoke:
    """The call, reached through `depth` other programs."""
    for name in rng.sample(AGGREGATORS, depth):
        program = fixed_key(name)
        note = Text(f"Instruction: Route{rng.randrange(100)}")
        call = Invoke(program, fixed_key(f"{name} route")[:8], (call.program_id, *call.accounts[:4]), (note, call))
    return call
