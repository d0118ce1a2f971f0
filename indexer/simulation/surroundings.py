"""What stands around the protocols' transactions: callers, noise, strangers that look like us, and other people.

Nothing here changes what a script means. Programs of others may print our payloads, call ours as if it were an event,
talk like the runtime, or fill the log before we speak; none of it may give a row or take one away, but for the lines
that the log really loses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

import msgspec
import pybase64

from indexer.core import base58
from indexer.simulation.calls import count_calls, depth, emissions, invokes, with_parts
from indexer.simulation.instructions import fixed_key
from indexer.simulation.memory import event_authority
from indexer.simulation.profile import Profile
from indexer.simulation.program import EVENT_TAG
from indexer.simulation.runtime import DEPTH, LOG_BYTES
from indexer.simulation.script import Chunks, Emit, Invoke, Part, Script, Text
from indexer.simulation.streams import GMX, STREAMS

CALLERS = tuple(fixed_key(name) for name in ("router", "jit proxy", "bundle", "smart wallet"))
STRANGERS = tuple(fixed_key(f"stranger {n}") for n in range(6))
NAMED = (*STRANGERS, *STREAMS)  # What they name, for whatever reason.
NOISY = fixed_key("verbose program")
# Drift's events that have had one layout from the first; all of GMX-Solana's have one.
NEVER_CHANGED = {"SpotInterestRecord", "SwapRecord", "FundingRateRecord", "LPRecord", "InsuranceFundStakeRecord"}
MOST_CALLS = 40  # Of one transaction; the runtime allows 64.
REMEMBERED = 64  # Emissions that strangers copy from.


class Surroundings:
    def __init__(self, rng: Random, profile: Profile) -> None:
        self.rng = rng
        self.truncated = profile.truncated
        self.recent: deque[tuple[bytes, Emit]] = deque(maxlen=REMEMBERED)
        self.changes: tuple[tuple[float, Callable[[Script], Script]], ...] = (
            (profile.unknown, self._with_unknown),
            (profile.grown, self._grown),
            (profile.talk, self._with_talk),
            (profile.nested, self._nested),
            (profile.foreign, self._beside_prints),
            (profile.look_alikes, self._beside_look_alike),
            (profile.truncated, self._drowned),
        )

    def around(self, script: Script) -> Script:
        """The same transaction in company; what it means is what it meant."""
        self.recent.extend(emissions(script.calls))
        for share, change in self.changes:
            if self.rng.random() < share and count_calls(script.calls) < MOST_CALLS:
                script = change(script)
        return script

    def other(self) -> Script:
        """Somebody else's transaction. It may name our programs, which do not run in it, and its log may be cut."""
        rng = self.rng
        calls = []
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            lines: list[Part] = [Text(f"Instruction: {rng.choice(('Swap', 'Route', 'Transfer', 'Mint'))}")]
            if rng.random() < 0.2:
                lines.append(Emit(rng.randbytes(rng.randint(8, 120)), "", "log"))
            calls.append(self._by_stranger(*lines))
        script = Script(tuple(calls), is_v0=rng.random() < 0.6)
        return self._drowned(script) if rng.random() < self.truncated else script

    def too_late(self, script: Script) -> Script:
        """The transaction of a keeper whom another one preceded: the same calls, and it fails as a whole."""
        *before, last = script.calls
        if self.rng.random() < 0.4:
            return Script((*before, _refused(last)), script.is_v0)
        return Script((*before, self._failing(last)), script.is_v0)

    def _failing(self, call: Invoke) -> Invoke:
        """Fails behind all that it does, or one of those that it calls does."""
        inner = [place for place, part in enumerate(call.inside) if isinstance(part, Invoke)]
        if not inner or self.rng.random() < 0.5:
            return msgspec.structs.replace(call, fails=True)
        place = self.rng.choice(inner)
        part = call.inside[place]
        assert isinstance(part, Invoke)
        inside = (*call.inside[:place], self._failing(part), *call.inside[place + 1 :])
        return msgspec.structs.replace(call, inside=inside)

    # --- inside of ours ---

    def _with_unknown(self, script: Script) -> Script:
        """An event that no IDL of ours has, on the stream's own channel."""

        def unknown(program_id: bytes) -> Emit:
            payload = self.rng.randbytes(8 + self.rng.randrange(200))
            return Emit(payload, "", STREAMS[program_id].channel, known=False)

        return self._inserted(script, unknown)

    def _grown(self, script: Script) -> Script:
        """An event of a later program, to whose layout something was appended."""
        events = [emit for program, emit in emissions(script.calls) if program == GMX or emit.event in NEVER_CHANGED]
        if not events:
            return script
        wanted, more = self.rng.choice(events), self.rng.randbytes(self.rng.randint(1, 40))
        grown = msgspec.structs.replace(wanted, payload=wanted.payload + more, surplus=len(more))
        return with_parts(script, lambda part: grown if part is wanted else part)

    def _with_talk(self, script: Script) -> Script:
        return self._inserted(script, lambda program_id: self._talk(program_id))

    def _talk(self, program_id: bytes) -> Part:
        """Lines that look like the runtime's, or like payloads, and are neither."""
        name, rng = base58.encode(program_id), self.rng
        payload = pybase64.b64encode(self._copied().payload).decode()
        return rng.choice(
            (
                Text(f"Program {name} success"),
                Text(f"Program {name} invoke [1]"),
                Text(f"Program {name} failed: custom program error: 0x1"),
                Text("Log truncated"),
                Text(f"Program data: {payload}"),
                Text("Withdraw"),  # Eight letters, so it is base64.
                Text("é 手数料"),
                Text(pybase64.b64encode(rng.randbytes(40)).decode()),
                Chunks((rng.randbytes(8), rng.randbytes(20))),
            )
        )

    def _inserted(self, script: Script, part: Callable[[bytes], Part]) -> Script:
        """With one part more, somewhere in one of our programs' frames."""
        ours = sum(1 for call in invokes(script.calls) if call.program_id in STREAMS)
        if not ours:
            return script
        place = iter(range(ours))
        wanted = self.rng.randrange(ours)

        def changed(call: Invoke) -> Invoke:
            is_it = call.program_id in STREAMS and next(place) == wanted
            inside = [changed(one) if isinstance(one, Invoke) else one for one in call.inside]
            if is_it:
                inside.insert(self.rng.randrange(len(inside) + 1), part(call.program_id))
            return msgspec.structs.replace(call, inside=tuple(inside))

        return Script(tuple(changed(call) for call in script.calls), script.is_v0)

    # --- around ours ---

    def _nested(self, script: Script) -> Script:
        """Called by programs of others, as deep as the runtime allows."""
        calls, room = [], MOST_CALLS + 10 - count_calls(script.calls)
        for call in script.calls:
            levels = max(0, min(self.rng.randint(1, 3), DEPTH - depth(call), room))
            room -= levels
            for caller in self.rng.sample(CALLERS, levels):
                before, after = Text("Instruction: Route"), Text("routed")
                call = Invoke(caller, self.rng.randbytes(8), call.accounts[:2], (before, call, after))
            calls.append(call)
        return Script(tuple(calls), script.is_v0)

    def _beside_prints(self, script: Script) -> Script:
        """A stranger prints what ours emit, in both ways."""
        copied = self._copied()
        printed = Emit(copied.payload, "", "log", self.rng.random() < 0.5)
        return self._beside(script, self._by_stranger(printed, Text("printed")))

    def _beside_look_alike(self, script: Script) -> Script:
        """A stranger calls ours with the tag and the right account; or ours calls itself with a wrong one."""
        emitters = [(program, emit) for program, emit in self.recent if emit.channel == "cpi"]
        if not emitters:
            return script
        program, emit = self.rng.choice(emitters)
        data = EVENT_TAG + emit.payload
        if self.rng.random() < 0.7:
            return self._beside(script, self._by_stranger(Invoke(program, data, event_authority(program)[:1], ())))
        wrong = Invoke(program, data, (self.rng.randbytes(32),), ())
        return self._beside(script, Invoke(program, self.rng.randbytes(8), (), (wrong,)))

    def _drowned(self, script: Script) -> Script:
        """Noise fills the log before ours, behind, on both sides, or with one line too long to be kept."""
        rng = self.rng
        kind = rng.choice(("before", "before", "behind", "around", "one long line"))
        before, behind = 0, 0
        if kind != "behind":
            before = LOG_BYTES * rng.randint(4, 8) // 10 if kind == "around" else LOG_BYTES - rng.randint(0, 400)
        if kind in ("behind", "around"):
            behind = LOG_BYTES
        calls = (*self._noise(before), *script.calls, *self._noise(behind))
        if kind == "one long line":
            calls = (*self._noise(before - 3000), Invoke(NOISY, bytes(8), (), (Text("n" * 4000),)), *script.calls)
        return Script(tuple(calls), script.is_v0)

    def _noise(self, size: int) -> Iterator[Invoke]:
        """About `size` bytes of log."""
        lines: list[Text] = []
        while size > 0:
            length = min(self.rng.randint(100, 900), size)
            lines.append(Text("n" * max(length - len("Program log: "), 1)))
            size -= length
        if lines:
            yield Invoke(NOISY, self.rng.randbytes(8), (), tuple(lines))

    def _beside(self, script: Script, call: Invoke) -> Script:
        calls = list(script.calls)
        calls.insert(self.rng.randrange(len(calls) + 1), call)
        return Script(tuple(calls), script.is_v0)

    def _by_stranger(self, *inside: Part) -> Invoke:
        accounts = tuple(self.rng.choice(NAMED) for _ in range(self.rng.randrange(4)))
        return Invoke(self.rng.choice(STRANGERS), self.rng.randbytes(8), accounts, inside)

    def _copied(self) -> Emit:
        return self.rng.choice(self.recent)[1] if self.recent else Emit(self.rng.randbytes(40), "", "log")


def _refused(call: Invoke) -> Invoke:
    """It fails before anything happens. Its accounts are what they were, the event authorities among them."""
    needed = [key for one in invokes([call]) for key in (one.program_id, *one.accounts)]
    needed += [event_authority(program)[0] for program, emit in emissions([call]) if emit.channel == "cpi"]
    accounts = dict.fromkeys((*call.accounts, *needed[1:]))
    return Invoke(call.program_id, call.discriminator, tuple(accounts), (Text("AnchorError occurred."),), fails=True)
