"""Parts of a budget: what an endpoint may be asked when others ask it too; what the ledger hears of its address."""

from __future__ import annotations

from random import Random

from indexer.sources.addresses import fingerprint
from indexer.sources.endpoint import Endpoint, EndpointSettings, Quarantine
from indexer.sources.rate import Rate

URL = "https://rpc.example/?api-key=SECRET"


def taken(endpoint: Endpoint, seconds: int) -> int:
    """Requests that it may get in so long, one after the other as soon as there is room."""
    count, now = 0, 0.0
    while now < seconds:
        if endpoint.room("getBlock", "live", now):
            endpoint.asked("getBlock", 1, now)
            endpoint.answered("getBlock", [None], now, now)
            count += 1
        else:
            now += 0.01
    return count


def endpoint() -> Endpoint:
    return Endpoint(
        EndpointSettings(url=URL, start_per_s=40, most_per_s=40), "rpc.example", Quarantine(), Random(1), 0.0
    )


def test_each_of_four_gets_a_quarter_and_the_last_one_all_again():
    whole = taken(endpoint(), 60)
    quarter = endpoint()
    quarter.share(4, 0.0)
    assert abs(taken(quarter, 60) - whole / 4) <= whole / 40
    again = endpoint()
    again.share(4, 0.0)
    again.share(1, 0.0)
    assert abs(taken(again, 60) - whole) <= whole / 20


def test_a_method_that_is_asked_first_after_the_division_has_its_part_only():
    one = endpoint()
    one.share(8, 0.0)
    assert one.health().methods == {}
    taken(one, 10)
    assert one.health().methods["getBlock"].per_s <= 5


def test_a_lower_limit_takes_saved_tokens_away():
    rate = Rate(40, 40, 0.0)
    rate.limit(2, 1.0)
    assert rate.tokens("live", 1.0) < 3


def test_a_fingerprint_tells_addresses_apart_and_depends_on_the_key():
    key = bytes(32)
    assert fingerprint(URL, key) == fingerprint(URL, key)
    assert len({fingerprint(URL, key), fingerprint(URL + "2", key), fingerprint(URL, b"1" * 32)}) == 3
    assert b"SECRET" not in fingerprint(URL, key)
