"""Decoders made of an IDL: what property tests do not say by name."""

import pytest

from indexer.core.layout import Undecodable
from tests.programs import layouts


def test_a_payload_below_the_shortest_layout_is_short_whatever_its_bytes_are() -> None:
    for idl_file in ("drift.json", "drift_vaults.json", "jupiter_perps.json", "gmsol_store.json"):
        for layout in layouts(idl_file).values():
            for filling in (b"\x00", b"\x01", b"\xff"):
                with pytest.raises(Undecodable) as caught:
                    layout.decode(layout.discriminator + filling * 3)
                assert (caught.value.reason, "11 bytes" in caught.value.detail) == ("short_payload", True), layout.name
