"""No value of any field of any event makes a rule fail, whatever the reference knows."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.protocol import process
from indexer.core.record import TvlObservation
from indexer.core.reference import Market, Reference
from tests.encoder import encode_event, random_event, random_payload
from tests.unit.protocols.drift_world import DRIFT_PROTOCOL, REFERENCE, UNKNOWN, USDC, event, rows, world
from tests.world import SLOT

# The indexes that random values prefer, with decimals that no token has.
WIDE = Reference(
    Market(protocol="drift", market_key=f"spot:{index}", market_kind="spot", symbol="X", base_decimals=30, mint=USDC)
    for index in (0, 1, 65535)
)
drift_payloads = st.lists(random_payload("drift.json"), max_size=3)
vault_payloads = st.lists(random_payload("drift_vaults.json"), max_size=2)
references = st.sampled_from([REFERENCE, UNKNOWN, WIDE])


@given(
    st.lists(random_payload("drift.json"), max_size=3),
    st.lists(random_payload("drift_vaults.json"), max_size=2),
    references,
)
def test_no_value_raises(drift: list[bytes], vault: list[bytes], reference: Reference) -> None:
    result = process(world(*drift, vault=tuple(vault)), [DRIFT_PROTOCOL], reference)
    assert (len(result.events), result.failures) == (len(drift) + len(vault), [])


@given(random_event("drift.json"), references)
def test_rows_of_one_payload_differ_in_kind_or_part(drawn: tuple[str, dict[str, Any]], reference: Reference) -> None:
    name, values = drawn
    result = process(world(encode_event("drift.json", name, **values)), [DRIFT_PROTOCOL], reference)
    keys = [(record.kind, record.origin.index, record.part) for record in result.records]
    assert len(keys) == len(set(keys))


@given(drift_payloads)
def test_rows_survive_json(drift: list[bytes]) -> None:
    """Every number is finite and every key is text or bytes."""
    for record in process(world(*drift), [DRIFT_PROTOCOL], REFERENCE).records:
        assert record.origin.slot == SLOT
        assert msgspec.json.encode(record)


@pytest.mark.parametrize("raw", [10**15, 2**128 - 1])
def test_the_extremes_of_a_market_stay_exact(raw: int) -> None:
    state = event("SpotInterestRecord", marketIndex=0, depositBalance=raw, cumulativeDepositInterest=raw)
    (only,) = rows(TvlObservation, state)
    assert f"{only.deposits:f}".replace(".", "") == str(raw * raw // 10**13)
