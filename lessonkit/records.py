"""What a trace is made of: messages, changes of state, and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from lessonkit.messages import N_


class Fate(StrEnum):
    """How a message ended."""

    IN_FLIGHT = N_("in flight")  #: still on its way when the run ended
    DELIVERED = N_("delivered")  #: it arrived and somebody was there to take it
    REFUSED = N_("refused")  #: it arrived and was turned away
    LOST = N_("lost")  #: it never arrived
    LATE = N_("late")  #: it arrived after the one who waited had gone


class Kind(StrEnum):
    """What a message is for."""

    REQUEST = "request"
    REPLY = "reply"
    EVENT = "event"


def _only_drawn(default: Any) -> Any:
    # For pictures: no part of a trace's table, of its JSON and its digest.
    return field(default=default, compare=False, repr=False)


def columns(kind: type) -> list[str]:
    """What a record of this kind is compared by, and stored with."""
    return [column.name for column in fields(kind) if column.compare]


@dataclass(slots=True)
class Message:
    """One message on its way from a sender to a receiver.

    ``sent`` and ``ended`` are seconds since the start of the run. ``ended`` is the moment at which
    the fate was sealed (for a lost message: where it vanished), or None while it is in flight.
    ``error`` marks a reply that carries an error instead of a result, ``copy`` a message that bad
    luck has doubled. ``sent_step`` and ``ended_step`` say the how-manieth thing in the run it was
    that the message set out, and that it ended; ``gave_up_step`` and ``gave_up``, that (and when)
    the one who asked stopped waiting for the reply.
    """

    number: int
    sender: str
    receiver: str
    what: str
    kind: Kind
    sent: float
    ended: float | None = None
    fate: Fate = Fate.IN_FLIGHT
    correlation: str | None = None
    reply_to: int | None = None
    error: bool = False
    sent_step: int = _only_drawn(0)
    ended_step: int = _only_drawn(0)
    gave_up: float | None = _only_drawn(None)
    gave_up_step: int = _only_drawn(0)
    copy: bool = _only_drawn(False)


@dataclass(slots=True)
class StateChange:
    """At ``time`` (seconds), ``key`` of ``service`` became ``value`` (already a short text)."""

    time: float
    service: str
    key: str
    value: str
    step: int = _only_drawn(0)


@dataclass(slots=True)
class Note:
    """A remark about ``service`` at ``time`` (seconds): a crash, a decision, a timeout."""

    time: float
    service: str
    text: str
    step: int = _only_drawn(0)


@dataclass(frozen=True)
class Row:
    """What the picture of a run shows under its lanes: something that changes, and its values.

    ``values`` are pairs, in the order of time: from that moment (seconds) on, it is this.
    """

    name: str
    values: Sequence[tuple[float, str]]


def everybody(
    messages: Iterable[Message], states: Iterable[StateChange], notes: Iterable[Note]
) -> list[str]:
    """Everybody who took part, in the order of appearance."""
    names = [name for message in messages for name in (message.sender, message.receiver)]
    names += [record.service for records in (states, notes) for record in records]
    return list(dict.fromkeys(names))
