"""Collections of garbage: fewer of them, and none that looks through what lives as long as the process.

Rows are made by tens of thousands a second, hold no cycles, and are gone with their page by counting alone. Looking for
cycles in them after every 700 took 7 % of a backfill. Cycles (of errors and tasks) are still found, later: what waits
for that is bounded by the thresholds.
"""

from __future__ import annotations

import gc

# So many objects more until the youngest are looked through, then so many times that until the older ones are.
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20


def collect_rarely() -> None:
    """For a process that runs for long, once it has imported what it needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
