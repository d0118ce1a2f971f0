"""How a contestant is asked: one JSON question a line on its standard input, one JSON answer a line on its output.

Both contestants run this same loop, each in its own process and environment, so that they are timed alike. It takes
nothing but the standard library, since the peer's environment has nothing of ours.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from itertools import repeat
from time import process_time
from typing import Any, NamedTuple

Work = str  # What is done with a sample; contestants may know several ways.
Values = list[tuple[str, Any]]  # (event, its values in order, nested; keys and byte arrays as lists of numbers).
Sample = dict[str, Any]  # What is given to the contestants, in words that JSON knows; its name is under `event`.


class Task(NamedTuple):
    """One call to be timed, and how its result is shown."""

    call: Callable[[Any], Any]
    argument: Any
    shown: Callable[[Any], Values]


def timed(task: Task, times: int) -> float:
    """CPU seconds that so many calls take: waiting for a core that others use is nobody's work.

    The garbage collector works as it does in production.
    """
    gc.collect()
    call, argument = task.call, task.argument
    start = process_time()
    for _ in repeat(None, times):
        call(argument)
    return process_time() - start


def serve(versions: Mapping[str, str], prepare: Callable[[Sample], Mapping[Work, Task]]) -> None:
    """Answer until the input ends."""
    tasks: dict[tuple[str, Work], Task] = {}
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "versions":
            answer: Any = {"python": sys.version.split()[0], **versions}
        elif question["ask"] == "load":
            tasks |= {(question["sample"]["event"], work): task for work, task in prepare(question["sample"]).items()}
            answer = sorted(tasks)
        else:
            task = tasks[question["event"], question["work"]]
            is_time = question["ask"] == "time"
            answer = timed(task, question["times"]) if is_time else task.shown(task.call(task.argument))
        print(json.dumps(answer), flush=True)
