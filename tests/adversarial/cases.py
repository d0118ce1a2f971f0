"""The corpus: one transaction for each trap, with everything that must come out of it.

A finding is `(protocol, channel, index, word)`: the word is an event's name, a record's kind or a failure's reason.
What is not listed must not come out. All payloads are synthetic, written by `tests.encoder`.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from indexer.core import base58
from indexer.core.transaction import Transaction
from tests.encoder import encode_event
from tests.programs import DRIFT, GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY, VAULTS
from tests.world import EVENT_TAG, Frame, cpi_transaction, data_line, event, frame, key, log_line, transaction
from tests.world import call as outer
from tests.world import log_transaction as logged

Finding = tuple[str, str, int, str]

OTHER, TOKEN = key(101), base58.key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
VELOCITY = base58.key("vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P")
ED25519 = base58.key("Ed25519SigVerify111111111111111111111111111")
D, O = base58.encode(DRIFT), base58.encode(OTHER)  # noqa: E741 - as short as the lines they stand in.

FILL = encode_event(
    "drift.json",
    "OrderActionRecord",
    ts=1_735_689_600,
    action="Fill",
    actionExplanation="OrderFilledWithAMM",
    marketType="Perp",
    filler=key(1),
    fillRecordId=7,
    baseAssetAmountFilled=10**9,
    quoteAssetAmountFilled=150 * 10**6,
    takerFee=75_000,
    taker=key(2),
    takerOrderId=3,
    takerOrderDirection="Long",
    oraclePrice=150 * 10**6,
)
BAD_FILL = FILL[:16] + b"\x09" + FILL[17:]  # An action that does not exist.
CURVE = encode_event("drift.json", "CurveRecord", recordId=5)  # An event without a record of its own.
SEASON = encode_event("drift_vaults.json", "FuelSeasonRecord")
VAULT = encode_event("drift_vaults.json", "ManagerUpdateBorrowRecord")
LEND = encode_event("jupiter_perps.json", "WithdrawFeesEvent")
STORE = encode_event("gmsol_store.json", "BorrowingFeesUpdated")
BESIDE = FILL[:7] + bytes([FILL[7] ^ 1]) + FILL[8:]  # Its base64 begins as that of a fill.
UNKNOWN = bytes.fromhex("0102030405060708") + bytes(32)
FILLED: list[Finding] = [
    ("drift", "log", 1, "OrderActionRecord"),
    *(("drift", "log", 1, k) for k in ("price_observation", "trade")),
]
TRUNCATED: Finding = ("drift", "log", -1, "truncated_logs")
MISMATCH: Finding = ("drift", "log", -1, "attribution_mismatch")


class Case(msgspec.Struct, frozen=True):
    name: str
    tx: Transaction
    found: list[Finding]
    loaded: frozenset[bytes] = frozenset()  # Keys that come out of a lookup table.
    heights: bool = True  # False: history before stack heights were recorded.


def at(index: int, found: list[Finding]) -> list[Finding]:
    return [(protocol, channel, index, word) for protocol, channel, _, word in found]


def log(index: int, word: str) -> Finding:
    return "drift", "log", index, word


def lend(index: int, word: str = "WithdrawFeesEvent") -> Finding:
    return "jupiter_perps", "cpi", index, word


def with_lines(tx: Transaction, *lines: str) -> Transaction:
    return msgspec.structs.replace(tx, logs=lines)


def jupiter_event(payload: bytes = LEND, authority: bytes = JUPITER_AUTHORITY) -> Frame:
    return event(JUPITER, authority, payload)


def nested(depth: int, innermost: Frame) -> Frame:
    """`depth` frames around one; each is of another program."""
    for level in range(depth):
        innermost = frame(key(200 + level), innermost)
    return innermost


def encoded(payload: bytes) -> str:
    return b64encode(payload).decode()


FILL_TX = logged(DRIFT, FILL)
ONE_CALL = transaction(frame(OTHER, frame(DRIFT, data_line(FILL))))
MADE = frame(DRIFT, data_line(FILL))

LOGS = [
    Case("a fill in Program data", FILL_TX, FILLED),
    Case("a fill in Program log", logged(DRIFT, FILL, text=True), FILLED),
    Case(
        "text of another program that looks like frames of ours",
        transaction(
            frame(OTHER, log_line(f"Program {D} invoke [2]"), log_line(FILL), log_line(f"Program {D} success")),
            frame(DRIFT, log_line("idle")),
        ),
        [],
    ),
    Case(
        "text of our program that looks like the end of its frame",
        transaction(
            frame(DRIFT, log_line(f"Program {D} success"), log_line(f"Program {O} invoke [2]"), data_line(FILL))
        ),
        at(3, FILLED),
    ),
    Case(
        "text that only mentions a failure",
        transaction(frame(DRIFT, log_line("oracle check failed, using twap"), log_line("failed: x"), data_line(FILL))),
        at(3, FILLED),
    ),
    Case(
        "text with line breaks is one line",
        transaction(frame(OTHER, log_line(f"x\nProgram {D} invoke [2]\nProgram data: {encoded(FILL)}")), MADE),
        at(5, FILLED),
    ),
    Case(
        "our discriminators printed by another program",
        transaction(frame(OTHER, data_line(FILL), log_line(FILL), frame(DRIFT, log_line("idle")), data_line(FILL))),
        [],
    ),
    Case(
        "a callee prints while our program waits",
        transaction(frame(DRIFT, frame(OTHER, data_line(FILL), log_line(FILL)), data_line(CURVE))),
        [log(6, "CurveRecord")],
    ),
    Case(
        "our program calls another and goes on",
        transaction(frame(DRIFT, frame(TOKEN, log_line("Transfer")), data_line(FILL))),
        at(5, FILLED),
    ),
    Case(
        "our program is its own callee",
        transaction(frame(DRIFT, data_line(CURVE), frame(DRIFT, data_line(CURVE)), data_line(CURVE))),
        [log(1, "CurveRecord"), log(3, "CurveRecord"), log(6, "CurveRecord")],
    ),
    Case("depth 9", transaction(nested(8, MADE)), at(9, FILLED)),
    Case("depth 12", transaction(nested(11, MADE)), at(12, FILLED)),
    Case(
        "words that are valid base64",
        transaction(
            frame(DRIFT, *map(log_line, ("Withdraw", "PlaceAndTake", "4ENDR8Lt", "abcdefghijkl", "", " "))), MADE
        ),
        at(10, FILLED),
    ),
    Case("text with our discriminator and a bad enum", logged(DRIFT, BAD_FILL, text=True), [log(1, "invalid_value")]),
    Case("data with our discriminator and a bad enum", logged(DRIFT, BAD_FILL), [log(1, "invalid_value")]),
    Case("text with an unknown discriminator", logged(DRIFT, UNKNOWN, text=True), []),
    Case(
        "text one bit beside our discriminator",
        logged(DRIFT, BESIDE, text=True),
        [],
    ),
    Case("data with an unknown discriminator", logged(DRIFT, UNKNOWN), [log(1, "unknown_event")]),
    Case(
        "data that is no base64",
        transaction(
            frame(
                DRIFT, "Program data: !!!!", "Program data: ", f"Program data: {encoded(FILL)}=", data_line(b"7 bytes")
            )
        ),
        [log(index, "short_payload") for index in (1, 2, 3, 4)],
    ),
    Case(
        "base64 with signs that a lenient reader skips",
        transaction(frame(DRIFT, f"Program data: {encoded(FILL)[:20]}\n{encoded(FILL)[20:]}", "Program data: é")),
        [log(1, "short_payload"), log(2, "short_payload")],
    ),
    Case(
        "several chunks are no event",
        transaction(
            frame(
                DRIFT, data_line(FILL[:8], FILL[8:]), data_line(FILL, FILL), data_line(b"", FILL), data_line(FILL, b"")
            )
        ),
        [],
    ),
    Case(
        "a payload that is cut",
        logged(DRIFT, FILL[:-1], CURVE[:60]),
        [log(1, "short_payload"), log(2, "short_payload")],
    ),
    Case("a payload that is too long", logged(DRIFT, FILL + b"\0"), [*FILLED, log(1, "unexpected_length")]),
    Case("the same line twice", logged(DRIFT, CURVE, CURVE), [log(1, "CurveRecord"), log(2, "CurveRecord")]),
    Case(
        "text beyond ASCII",
        transaction(
            frame(DRIFT, log_line("Gebühr 手数料 \U0001f4b8\u2028\x00"), data_line(FILL)), frame(OTHER, log_line("é"))
        ),
        at(2, FILLED),
    ),
    Case("a successor with the same discriminators", logged(VELOCITY, FILL, CURVE), []),
    Case(
        "one discriminator in both Drift programs",
        transaction(frame(VAULTS, data_line(SEASON), frame(DRIFT, data_line(SEASON), data_line(VAULT)))),
        [log(1, "FuelSeasonRecord"), log(3, "FuelSeasonRecord"), log(4, "unknown_event")],
    ),
    Case(
        "a GMX event in the logs is outside its stream",
        logged(GMX, encode_event("gmsol_store.json", "OrderCreated")),
        [],
    ),
    Case(
        "other kinds of lines",
        transaction(
            frame(
                DRIFT, f"Program return: {D} {encoded(FILL)}", "Program consumption: 5 units remaining", data_line(FILL)
            )
        ),
        at(3, FILLED),
    ),
    Case("a precompile logs nothing", transaction(frame(ED25519, silent=True), MADE), FILLED),
    Case("a failed transaction", logged(DRIFT, FILL, succeeded=False), []),
]

TRUNCATION = [
    Case(
        "what stands before the cut counts",
        with_lines(FILL_TX, *FILL_TX.logs[:2], "Log truncated"),
        [*FILLED, TRUNCATED],
    ),
    Case(
        "a payload behind the cut has no owner",
        with_lines(
            ONE_CALL,
            f"Program {O} invoke [1]", "Log truncated", data_line(FILL), f"Program {D} success", f"Program {O} success",
        ),
        [TRUNCATED],
    ),
    Case(
        "behind the cut even whole frames are not believed",
        with_lines(
            transaction(frame(OTHER), MADE),
            f"Program {O} invoke [1]", "Log truncated", f"Program {O} success",
            f"Program {D} invoke [1]", data_line(FILL), f"Program {D} success",
        ),
        [TRUNCATED],
    ),
    Case("the cut comes first", with_lines(FILL_TX, "Log truncated", *FILL_TX.logs), [TRUNCATED]),
    Case("the cut is all there is", with_lines(FILL_TX, "Log truncated"), [TRUNCATED]),
    Case(
        "a cut that is none of our business",
        with_lines(transaction(frame(OTHER)), f"Program {O} invoke [1]", "Log truncated"),
        [],
    ),
    Case(
        "text about a cut is no cut",
        transaction(frame(DRIFT, log_line("Log truncated"), data_line(FILL))),
        at(2, FILLED),
    ),
    Case(
        "a cut in the calls of another, before ours",
        with_lines(transaction(frame(OTHER), frame(VAULTS, MADE)), f"Program {O} invoke [1]", "Log truncated"),
        [TRUNCATED],
    ),
    Case(
        "a cut hides nothing of self-CPI events",
        with_lines(transaction(frame(JUPITER, jupiter_event())), "Log truncated"),
        [lend(1)],
    ),
]  # fmt: skip

DISAGREEMENT = [
    Case("logs are recorded and empty", with_lines(FILL_TX), [MISMATCH]),
    Case("logs are recorded and empty, and are not ours", with_lines(transaction(frame(OTHER))), []),
    Case("an invoke line is gone", with_lines(ONE_CALL, ONE_CALL.logs[0], *ONE_CALL.logs[2:]), [MISMATCH]),
    Case("a success line is gone", with_lines(ONE_CALL, *ONE_CALL.logs[:4], *ONE_CALL.logs[5:]), [MISMATCH]),
    Case(
        "the logs tell of a call that the tree lacks",
        with_lines(FILL_TX, *FILL_TX.logs, f"Program {O} invoke [1]", f"Program {O} success"),
        [MISMATCH],
    ),
    Case(
        "the tree has another program in that place",
        with_lines(transaction(frame(DRIFT), frame(OTHER)), *logged(OTHER).logs, *FILL_TX.logs),
        [MISMATCH],
    ),
    Case(
        "the depths differ", with_lines(ONE_CALL, *(line.replace("[2]", "[1]") for line in ONE_CALL.logs)), [MISMATCH]
    ),
    Case(
        "the tree nests what the logs do not",
        with_lines(ONE_CALL, *logged(OTHER).logs, *FILL_TX.logs),
        [MISMATCH],
    ),
    Case(
        "self-CPI events do not depend on the logs",
        with_lines(transaction(frame(JUPITER, jupiter_event()), MADE)),
        [lend(1), MISMATCH],
    ),
    Case("logs were not recorded", logged(DRIFT, FILL, logs=None), []),
]

CPI = [
    Case("an event", cpi_transaction(JUPITER, JUPITER_AUTHORITY, outer(bytes(8), [], LEND)), [lend(1)]),
    Case(
        "a GMX event",
        cpi_transaction(GMX, GMX_AUTHORITY, outer(bytes(8), [], STORE)),
        [("gmx_solana", "cpi", 1, "BorrowingFeesUpdated")],
    ),
    Case("another account than the authority", transaction(frame(JUPITER, jupiter_event(authority=key(4)))), []),
    Case("the authority of another program", transaction(frame(JUPITER, jupiter_event(authority=GMX_AUTHORITY))), []),
    Case(
        "an account too many or none",
        transaction(
            frame(
                JUPITER,
                frame(JUPITER, discriminator=EVENT_TAG + LEND, accounts=(JUPITER_AUTHORITY, key(4))),
                frame(JUPITER, discriminator=EVENT_TAG + LEND),
            )
        ),
        [],
    ),
    Case("a caller forges it", transaction(frame(OTHER, jupiter_event())), []),
    Case(
        "a caller forges it beside a true one",
        transaction(frame(OTHER, frame(JUPITER, jupiter_event()), jupiter_event())),
        [lend(2)],
    ),
    Case("a callee of ours forges it", transaction(frame(JUPITER, frame(OTHER, jupiter_event()))), []),
    Case(
        "a forgery at top level",
        transaction(jupiter_event(), frame(JUPITER, jupiter_event())),
        [lend(2)],
    ),
    Case("a forgery in a program of their own", transaction(frame(OTHER, event(OTHER, JUPITER_AUTHORITY, LEND))), []),
    Case("no tag", transaction(frame(JUPITER, frame(JUPITER, discriminator=LEND, accounts=(JUPITER_AUTHORITY,)))), []),
    Case("an unknown discriminator", transaction(frame(JUPITER, jupiter_event(UNKNOWN))), [lend(1, "unknown_event")]),
    Case(
        "too short for a discriminator",
        transaction(frame(JUPITER, jupiter_event(b""), jupiter_event(b"1234567"))),
        [lend(1, "short_payload"), lend(2, "short_payload")],
    ),
    Case(
        "a payload cut or too long",
        transaction(frame(JUPITER, jupiter_event(LEND[:-1]), jupiter_event(LEND + b"\0"))),
        [lend(1, "short_payload"), lend(2), lend(2, "unexpected_length")],
    ),
    Case(
        "several events at one depth",
        transaction(
            frame(OTHER),
            frame(JUPITER, frame(TOKEN), jupiter_event(), jupiter_event()),
            frame(JUPITER, jupiter_event()),
        ),
        [lend(3), lend(4), lend(6)],
    ),
    Case(
        "the program calls itself before it emits",
        transaction(frame(JUPITER, frame(JUPITER, jupiter_event()), jupiter_event())),
        [lend(2), lend(3)],
    ),
    Case("depth 9 of events", transaction(nested(7, frame(JUPITER, jupiter_event()))), [lend(8)]),
    Case("a failed transaction of events", transaction(frame(JUPITER, jupiter_event()), succeeded=False), []),
    Case(
        "both channels in one transaction",
        transaction(MADE, frame(JUPITER, jupiter_event())),
        [*FILLED, lend(2)],
    ),
    Case(
        "Jupiter's bytes in GMX's place",
        transaction(frame(GMX, event(GMX, GMX_AUTHORITY, LEND))),
        [("gmx_solana", "cpi", 1, "unknown_event")],
    ),
]

ADDRESSING = [
    Case(
        "program and authority out of a lookup table",
        CPI[-2].tx,
        CPI[-2].found,
        loaded=frozenset({DRIFT, JUPITER_AUTHORITY}),
    ),
    Case(
        "the program itself out of a lookup table",
        CPI[0].tx,
        CPI[0].found,
        loaded=frozenset({JUPITER, JUPITER_AUTHORITY}),
    ),
    Case("no stack heights: logs", ONE_CALL, at(2, FILLED), heights=False),
    Case("no stack heights: events", CPI[0].tx, CPI[0].found, heights=False),
    Case("no stack heights: a caller forges it", transaction(frame(OTHER, jupiter_event())), [], heights=False),
]

CASES = [*LOGS, *TRUNCATION, *DISAGREEMENT, *CPI, *ADDRESSING]
