"""What really happened in a run: every message, every change of state, every note.

Services write into the trace of the run they are part of; pictures, tables and tests read it.
A trace holds no wall-clock time and no memory address, so the same run gives the same trace
(and the same :meth:`Trace.digest`) in every process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lessonkit.mermaid import sequence_diagram
from lessonkit.records import Fate, Kind, Message, Note, Row, StateChange, columns, everybody

if TYPE_CHECKING:
    import pandas as pd


correlation: ContextVar[str | None] = ContextVar("lessonkit_correlation", default=None)
"""The order that the running code works for: it travels along with every call."""

_current: ContextVar[Trace | None] = ContextVar("lessonkit_trace", default=None)


@dataclass
class Trace:
    """The record of one run, in the order in which things happened.

    Parameters
    ----------
    clock
        Gives the seconds since the start of the run.
    run
        Which run of this process it is, among those that have made events; 0 as long as it has not.
    keeps
        Whether it keeps what happens. If not, it stays empty.
    over
        Whether the run is over, and who still waits is only cleared away.
    rows
        What a picture of the run shows under the lanes (:mod:`lessonkit.lab.rows` makes some). No
        part of what is compared.
    """

    clock: Callable[[], float] = field(default=lambda: 0.0, repr=False, compare=False)
    messages: list[Message] = field(default_factory=list)
    states: list[StateChange] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    run: int = field(default=0, repr=False, compare=False)
    keeps: bool = field(default=True, repr=False, compare=False)
    over: bool = field(default=False, repr=False, compare=False)
    rows: list[Row] = field(default_factory=list, repr=False, compare=False)
    _numbers: int = field(default=0, repr=False, compare=False)
    _steps: int = field(default=0, repr=False, compare=False)

    # --- writing ---------------------------------------------------------------------------------

    def send(
        self,
        sender: str,
        receiver: str,
        what: str,
        kind: Kind = Kind.REQUEST,
        *,
        correlation: str | None = None,
        reply_to: Message | None = None,
        error: bool = False,
        copy: bool = False,
    ) -> Message:
        """Record that a message leaves its sender now; give it its fate later with :meth:`end`."""
        self._steps += 1
        message = Message(
            len(self.messages),
            sender,
            receiver,
            what,
            kind,
            self.clock(),
            None,
            Fate.IN_FLIGHT,
            correlation,
            None if reply_to is None else reply_to.number,
            error,
            self._steps,
            copy=copy,
        )
        if self.keeps:
            self.messages.append(message)
        return message

    def end(self, message: Message, fate: Fate = Fate.DELIVERED) -> None:
        """Record that ``message`` met its ``fate`` now."""
        self._steps += 1
        message.ended = self.clock()
        message.ended_step = self._steps
        message.fate = fate

    def give_up(self, message: Message) -> None:
        """Record that the sender of ``message`` stops waiting for the reply."""
        if self.over:
            return
        self._steps += 1
        message.gave_up = self.clock()
        message.gave_up_step = self._steps

    def state(self, service: str, key: str, value: object) -> None:
        """Record that ``key`` of ``service`` is ``value`` from now on."""
        self._steps += 1
        if self.keeps:
            self.states.append(StateChange(self.clock(), service, key, str(value), self._steps))

    def note(self, service: str, text: str) -> None:
        """Record a remark about ``service``."""
        self._steps += 1
        if self.keeps:
            self.notes.append(Note(self.clock(), service, text, self._steps))

    def next_number(self) -> int:
        """1, 2, 3, ...: for what needs a name in this run and gets the same one in every run."""
        self._numbers += 1
        return self._numbers

    # --- reading ---------------------------------------------------------------------------------

    @property
    def services(self) -> list[str]:
        """Everybody who took part, in the order of appearance."""
        return everybody(self.messages, self.states, self.notes)

    @property
    def end_time(self) -> float:
        """The moment of the last thing recorded, in seconds."""
        times = [m.ended if m.ended is not None else m.sent for m in self.messages]
        times += [change.time for change in self.states] + [note.time for note in self.notes]
        return max(times, default=0.0)

    def states_at(self, time: float, step: int | None = None) -> dict[str, dict[str, str]]:
        """Every service's state at ``time`` seconds, as ``{service: {key: value}}``.

        With ``step``, after the ``step``-th thing of the run, where several happen at that moment.
        """
        result: dict[str, dict[str, str]] = {}
        for change in self.states:
            if change.time <= time and (step is None or change.step <= step):
                result.setdefault(change.service, {})[change.key] = change.value
        return result

    def who_knows_whom(self) -> list[tuple[str, str]]:
        """Who addressed whom: (sender, receiver) of all requests and events really sent."""
        return list(
            dict.fromkeys((m.sender, m.receiver) for m in self.messages if m.kind != Kind.REPLY)
        )

    def to_frame(self) -> pd.DataFrame:
        """The messages as a table: one row each, in the order in which they were sent."""
        import pandas as pd

        rows = _as_dicts(Message, self.messages)
        return pd.DataFrame(rows, columns=columns(Message)).set_index("number")

    def to_dict(self) -> dict[str, Any]:
        """Everything in the trace as plain lists and dicts, times rounded to the nanosecond."""
        return {
            "messages": _as_dicts(Message, self.messages),
            "states": _as_dicts(StateChange, self.states),
            "notes": _as_dicts(Note, self.notes),
        }

    def to_json(self) -> str:
        """The trace as JSON text, always the same for the same run."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True)
        # Half of a surrogate pair is no character that UTF-8 has; JSON writes it as \ud800.
        return text.encode(errors="backslashreplace").decode()

    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for the whole trace: equal runs, equal digests."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_mermaid(self) -> str:
        """The run as a Mermaid sequence diagram (source text)."""
        return sequence_diagram(self.messages, self.states, self.notes)


def current_trace() -> Trace:
    """The trace of the run that the calling code is part of.

    Raises
    ------
    RuntimeError
        Outside of a run: there is nothing to write into.
    """
    trace = _current.get()
    if trace is None:
        raise RuntimeError("there is no trace here: call this from code that run(...) executes")
    return trace


def find_trace() -> Trace | None:
    """The trace of the run that the calling code is part of, or None outside of a run."""
    return _current.get()


@contextmanager
def recording(trace: Trace) -> Iterator[Trace]:
    """Make ``trace`` the one that :func:`current_trace` gives inside the ``with`` block."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def _as_dicts(kind: type, records: Sequence[object]) -> list[dict[str, object]]:
    # Not dataclasses.asdict: it copies each value deeply and takes ten times as long.
    names = columns(kind)
    return [{name: _plain(getattr(record, name)) for name in names} for record in records]


def _plain(value: object) -> object:
    # Nanoseconds are finer than anything the course shows, and coarser than the last bit in which
    # one machine's exp() may differ from another's: so digests compare across machines.
    if isinstance(value, float):
        return round(value, 9)
    return str(value) if isinstance(value, StrEnum) else value
