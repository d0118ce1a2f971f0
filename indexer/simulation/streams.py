"""Our programs: whose they are, and the channel that their stream is read from."""

from __future__ import annotations

import msgspec

from indexer.core import base58
from indexer.core.record import Channel
from indexer.simulation.encoder import program_id

DRIFT, VAULTS, GMX, JUPITER = (
    base58.key(program_id(idl)) for idl in ("drift.json", "drift_vaults.json", "gmsol_store.json", "jupiter_perps.json")
)


class Stream(msgspec.Struct, frozen=True):
    protocol: str
    channel: Channel


STREAMS = {
    DRIFT: Stream("drift", "log"),
    VAULTS: Stream("drift", "log"),
    JUPITER: Stream("jupiter_perps", "cpi"),
    GMX: Stream("gmx_solana", "cpi"),
}
