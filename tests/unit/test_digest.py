"""Digests: sets add and subtract in any order, and nothing of a payload's identity can pass for something else."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from indexer.core.digest import MODULUS, NOTHING, Digest, payload_number

places = st.tuples(
    st.sampled_from(["drift", "drif", "gmx_solana", ""]),
    st.binary(max_size=33),
    st.integers(0, 2**62),
    st.binary(max_size=65),
    st.sampled_from(["log", "cpi", "tlog"]),
    st.integers(-1, 2**31 - 1),
    st.none() | st.binary(max_size=40),
    st.sampled_from(["", "truncated_logs", "attribution_mismatch"]),
)
sets = st.lists(places, max_size=12)


def of(payloads: list[tuple]) -> Digest:
    return sum((Digest(1, payload_number(*one)) for one in payloads), NOTHING)


def test_a_payloads_number_is_what_it_was_in_the_first_version():
    """Computed here by hand: a change of the rules makes all manifests of others worthless."""
    number = payload_number("drift", b"\7" * 32, 370_000_000, b"\1" * 64, "log", 5, b"12345678body")
    fields = b"\5drift" + b"\x20" + b"\7" * 32 + b"\3log" + b"\0"
    place = (370_000_000).to_bytes(8, "big") + b"\0\0\0\5" + b"\1" + b"\0\0\0\x40" + b"\1" * 64
    expected = sha256(b"perps-indexer payload 1\0" + fields + place + b"12345678body").hexdigest()
    assert f"{number:064x}" == expected
    assert expected == "659c85822b148dc3309458aee3f8e9bbae7b313f27dbadb76fd0d1e0f57525ea"


@given(sets, st.randoms(use_true_random=False))
def test_the_order_of_payloads_does_not_matter(payloads, dice):
    shuffled = dice.sample(payloads, len(payloads))
    assert of(shuffled) == of(payloads)


@given(sets, sets)
def test_what_was_added_can_be_taken_off(some, others):
    assert of(some + others) - of(others) == of(some)
    assert of(some) + of(others) - of(some) - of(others) == NOTHING
    assert 0 <= (NOTHING - of(some)).total < MODULUS


@given(places, places)
def test_two_payloads_have_one_number_only_if_they_are_one(one, other):
    assert (payload_number(*one) == payload_number(*other)) == (one == other)


@given(places.filter(lambda one: one[6]), st.integers(0, 39), st.integers(1, 255))
def test_one_flipped_byte_gives_another_number(one, place, flip):
    payload = bytearray(one[6])
    payload[place % len(payload)] ^= flip
    assert payload_number(*one) != payload_number(*one[:6], bytes(payload), one[7])


def test_no_byte_moves_between_neighbouring_fields():
    assert payload_number("ab", b"c", 0, b"d", "log", 0, b"e") != payload_number("a", b"bc", 0, b"d", "log", 0, b"e")
    assert payload_number("a", b"b", 0, b"cd", "log", 0, b"e") != payload_number("a", b"b", 0, b"c", "log", 0, b"de")
    assert payload_number("a", b"b", 0, b"c", "log", 0, None) != payload_number("a", b"b", 0, b"c", "log", 0, b"")


def test_a_payload_that_is_doubled_shows():
    one = "drift", b"1", 5, b"2", "log", 0, b"3", ""
    assert of([one, one]) != of([one])
