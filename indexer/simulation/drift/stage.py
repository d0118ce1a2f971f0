"""What all actors of Drift share: the books, chance, the clock, and how instructions and events are put together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Literal, TypeVar

import msgspec

from indexer.core.record import Record
from indexer.simulation.drift.books import Books, Perp, Spot, User
from indexer.simulation.instructions import fixed_key, global_discriminator
from indexer.simulation.packing import pack
from indexer.simulation.script import Emit, Invoke, Part, Script, Text
from indexer.simulation.streams import DRIFT, VAULTS

STATE = fixed_key("drift state")
TOKEN_PROGRAM = fixed_key("token program")
# Fields after which an older program's payloads end.
ENDS = {
    "OrderActionRecord": ("oraclePrice", "bitFlags", "makerExistingBaseAssetAmount", "triggerPrice"),
    "DepositRecord": ("transferUser",),
    "LiquidationRecord": ("spotBankruptcy",),
    "VaultDepositorRecord": ("managementFeeShares",),
    "VaultDepositorV1Record": ("managementFeeShares",),
}
Style = Literal["text", "data"]  # `Program log:`, as Drift writes what it emits most; or `Program data:`.
_Choice = TypeVar("_Choice")


class DriftRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often what happens, as weights beside each other; and the shape of it all."""

    fill: float = 30
    spot_fill: float = 6
    order: float = 12  # Placed, cancelled, expired: no rows.
    trigger: float = 4
    swap: float = 6
    settle: float = 4  # Settlements, expiries, positions that move between accounts.
    lending: float = 14
    vault: float = 6
    insurance: float = 5
    amm_shares: float = 3
    dlp: float = 3
    funding: float = 4
    fuel: float = 1
    liquidation: float = 6
    older: float = 0.2  # Share of events in a layout of an earlier program, or written in the earlier way.
    users: int = 60
    pool_times: int = 1  # How many times the usual amounts: of what is lent and insured at first,
    trade_times: int = 1  # of fills,
    flow_times: int = 1  # of what is lent, staked, and put into vaults.
    keepers: int = 8
    vaults: int = 6
    volatility: float = 0.001  # Standard deviation of a price's step, a fraction.
    step_s: int = 0  # Between two steps of the prices; 0: each block is one.


class Stage:
    """One for all actors. `slot` and `time` are those of the block that is being made."""

    def __init__(self, rng: Random, rates: DriftRates, books: Books) -> None:
        self.rng, self.rates, self.books = rng, rates, books
        self.slot = self.time = 0
        self.keepers = [rng.randbytes(32) for _ in range(rates.keepers)]

    # --- chance ---

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def choice(self, of: Sequence[_Choice]) -> _Choice:
        return of[self.rng.randrange(len(of))]

    def some_users(self, count: int) -> list[User]:
        return self.rng.sample(self.books.users, count)

    def raw(self, market: Perp | Spot, usd: float, spread: float = 1.3) -> int:
        """An amount in smallest units, as people's amounts lie: many around `usd` dollars, a few very large."""
        usd_e6 = max(1_000, round(usd * 1e6 * self.rng.lognormvariate(0, spread)))
        return max(1, usd_e6 * market.unit // market.price_e6)

    # --- transactions ---

    def event(self, name: str, rows: Sequence[Record] = (), *, style: Style = "data", **values: Any) -> Emit:
        """An event of Drift. Mostly in the newest layout; `end` says after which field it ends."""
        return Emit(pack("drift.json", name, **values), name, "log", style == "text", tuple(rows))

    def vault_event(self, name: str, rows: Sequence[Record] = (), **values: Any) -> Emit:
        return Emit(pack("drift_vaults.json", name, **values), name, "log", False, tuple(rows))

    def end(self, event: str) -> str | None:
        return self.choice(ENDS[event]) if self.chance(self.rates.older) else None

    def invoke(self, name: str, *inside: Part, accounts: Sequence[bytes] = ()) -> Invoke:
        return _invoke(DRIFT, name, (STATE, *accounts), inside)

    def vault_invoke(self, name: str, *inside: Part, accounts: Sequence[bytes] = ()) -> Invoke:
        return _invoke(VAULTS, name, accounts, inside)

    def transfer(self) -> Invoke:
        """Tokens move: another program speaks in the middle of ours."""
        return Invoke(TOKEN_PROGRAM, b"\3".ljust(8, b"\0"), (), (Text("Instruction: Transfer"),))

    def script(self, *calls: Invoke) -> Script:
        return Script(calls, is_v0=self.chance(0.8))


def _invoke(program: bytes, name: str, accounts: Sequence[bytes], inside: Sequence[Part]) -> Invoke:
    said = Text(f"Instruction: {name[0].upper()}{name[1:]}")
    return Invoke(program, global_discriminator(name), tuple(accounts), (said, *inside))
