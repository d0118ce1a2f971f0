"""The kinds of faults that servers can have, and the profiles that put them together.

What one server keeps back for good, every other one tells, as far as its ledger goes: the lies that never end are all
of one server, which is no honest one. What ends has ended well before the run does: what is then still missing was
lost by the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from random import Random
from typing import Literal

import msgspec

from indexer.simulation.faults import Fault

Part = Literal["network", "nodes", "history", "portal", "subscriptions"]
Range = tuple[float, float]
PROFILES: Mapping[str, Sequence[Part]] = {
    "calm": (),
    "network": ("network",),
    "nodes": ("nodes", "subscriptions"),
    "history": ("history",),
    "portal": ("portal",),
    "forks": ("subscriptions",),
    "everything": ("network", "nodes", "history", "portal", "subscriptions"),
}
_STARTS, _ENDS = (0.02, 0.6), 0.8  # Parts of the run's time.


class Server(msgspec.Struct, frozen=True):
    """A server as far as planning is concerned."""

    name: str
    is_portal: bool = False
    is_honest: bool = False


class Kind(msgspec.Struct, frozen=True):
    part: Part
    chance: Range = (1.0, 1.0)
    lasts_s: Range = (2.0, 10.0)
    amount: Range = (0.0, 0.0)  # Its unit stands beside the kind.
    at_portal: bool = False
    for_good: bool = False  # It never ends.


def _portal(chance: Range, lasts_s: Range = (2.0, 10.0), amount: Range = (0.0, 0.0)) -> Kind:
    return Kind("portal", chance, lasts_s, amount, at_portal=True)


KINDS: Mapping[str, Kind] = {
    # The wire.
    "rate_limited": Kind("network", (0.4, 1.0), (2.0, 8.0), amount=(1.0, 3.0)),  # Seconds to wait, which are told.
    "rate_limited_bare": Kind("network", (0.4, 1.0)),
    "rate_limited_dear": Kind("network", (0.4, 1.0), (2.0, 8.0), amount=(1.0, 3.0)),  # getBlock and signatures alone.
    "server_error": Kind("network", (0.2, 0.8)),
    "html_body": Kind("network", (0.1, 0.5)),
    "reset": Kind("network", (0.1, 0.5)),
    "reset_in_body": Kind("network", (0.1, 0.5)),
    "cut_short": Kind("network", (0.1, 0.5)),
    "slow_body": Kind("network", (0.1, 0.5), amount=(0.2, 3.0)),  # Seconds that it takes longer.
    "hang": Kind("network", (0.05, 0.3)),
    # Nodes as a whole.
    "restart": Kind("nodes", lasts_s=(1.0, 6.0)),
    "floor_moved": Kind("nodes", for_good=True),
    "node_stalled": Kind("nodes", lasts_s=(4.0, 20.0)),
    "lagging_backend": Kind("nodes", (0.2, 0.7), (5.0, 20.0), amount=(5.0, 60.0)),  # Slots.
    "context_refused": Kind("nodes", (0.3, 1.0)),
    # What is told of history.
    "transaction_late": Kind("history", (0.1, 0.5), (10.0, 30.0), amount=(0.5, 5.0)),  # Seconds behind its commitment.
    "transaction_lost": Kind("history", (0.02, 0.2), for_good=True),
    "meta_null": Kind("history", (0.02, 0.2)),
    "block_null": Kind("history", (0.1, 0.4)),
    "row_missing": Kind("history", (0.02, 0.2), for_good=True),
    "rows_shuffled": Kind("history", lasts_s=(5.0, 20.0)),
    "short_page": Kind("history", (0.3, 1.0), (5.0, 20.0), amount=(1.0, 20.0)),  # Rows.
    "archive_seam": Kind("history", for_good=True, amount=(2.0, 40.0)),  # Slots.
    "not_available": Kind("history", (0.05, 0.3)),
    "skipped_lie": Kind("history", (0.02, 0.2)),
    "archive_skipped_lie": Kind("history", (0.02, 0.2)),
    "slot_omitted": Kind("history", (0.02, 0.2)),
    "status_not_yet": Kind("history", (0.1, 0.5), (10.0, 30.0), amount=(0.2, 2.0)),  # Seconds behind its commitment.
    "unknown_field": Kind("history", (0.3, 1.0), (5.0, 30.0)),
    "unknown_error_variant": Kind("history", (0.3, 1.0), (5.0, 30.0)),
    # Subscriptions.
    "notification_dropped": Kind("subscriptions", (0.05, 0.4), (5.0, 20.0)),
    "notifications_dropped": Kind("subscriptions"),
    "notification_doubled": Kind("subscriptions", (0.1, 0.6), (5.0, 20.0)),
    "placeholder_signature": Kind("subscriptions", (0.05, 0.4), (5.0, 20.0)),
    "false_success": Kind("subscriptions", (0.3, 1.0), (5.0, 30.0)),
    "websocket_silent": Kind("subscriptions", lasts_s=(5.0, 40.0)),
    "websocket_refused": Kind("subscriptions", lasts_s=(1.0, 8.0)),
    "subscription_mute": Kind("subscriptions", (0.3, 1.0), (5.0, 20.0)),
    "closed_1006": Kind("subscriptions"),
    "closed_1009": Kind("subscriptions"),
    "closed_1000": Kind("subscriptions"),
    # The portal.
    "portal_cut": _portal((0.3, 1.0)),
    "portal_stops_early": _portal((0.3, 1.0), (5.0, 30.0), amount=(1.0, 20.0)),  # Blocks of the answer.
    "portal_no_workers": _portal((0.5, 1.0)),
    "portal_overloaded": _portal((0.3, 1.0), amount=(1.0, 3.0)),  # Seconds to wait, which are told.
    "portal_server_error": _portal((0.3, 1.0)),
    "portal_behind": _portal((1.0, 1.0), (5.0, 20.0), amount=(20.0, 400.0)),  # Slots.
    "portal_slow": _portal((0.3, 1.0), amount=(0.2, 3.0)),  # Seconds that it takes longer.
    "portal_hang": _portal((0.1, 0.5)),
}


def draw(seed: int, profile: str, servers: Sequence[Server], span_s: float, history: range) -> list[Fault]:
    """A plan for a run of `span_s` seconds. `history`: the slots that lie behind the start.

    Every kind of the profile is planned for at least one server, and those that end for about half of the servers.
    """
    random, parts = Random(f"plan {seed} {profile}"), PROFILES[profile]
    liar = random.choice([one for one in servers if not (one.is_portal or one.is_honest)])
    plan: list[Fault] = []
    for name, kind in KINDS.items():
        able = [liar] if kind.for_good else [one for one in servers if one.is_portal == kind.at_portal]
        if kind.part in parts:
            struck = [one for one in able if random.random() < 0.5] or [random.choice(able)]
            plan += [fault for one in struck for fault in _windows(random, name, kind, one.name, span_s, history)]
    return plan


def _windows(random: Random, name: str, kind: Kind, server: str, span_s: float, history: range) -> Iterator[Fault]:
    for _ in range(1 if kind.for_good else random.choice((1, 1, 2))):
        start_s = random.uniform(*_STARTS) * span_s
        end_s = inf if kind.for_good else min(start_s + random.uniform(*kind.lasts_s), _ENDS * span_s)
        yield Fault(
            kind=name,
            server=server,
            start_s=0.0 if kind.for_good and name != "floor_moved" else start_s,
            end_s=end_s,
            chance=random.uniform(*kind.chance),
            amount=random.uniform(*kind.amount),
            first_slot=random.choice(history) if history else 0,
        )
