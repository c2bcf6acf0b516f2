"""One piece of bad luck: what it is, how it is said in words, and how it is written in a string."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lessonkit.faults import Failure
from lessonkit.luck import Leg
from lessonkit.messages import N_, _, service_name
from lessonkit.shop.customer import ORDER_OPERATION


class Kind(StrEnum):
    """What can befall a message, a process or a shop."""

    REFUSED = "refused"
    DOWN = "lost"  #: the request never arrives
    REPLY_LOST = "reply-lost"  #: it had its effect, and the reply never arrives
    REFUSED_FOR_GOOD = "refused-for-good"  #: this call and all later ones of the same operation
    DOWN_FOR_GOOD = "lost-for-good"
    REPLY_LOST_FOR_GOOD = "reply-lost-for-good"
    LATE = "late"  #: it happens only right after something else, however long that takes
    TWICE = "twice"  #: it is delivered a second time
    KILLED = "killed"  #: the process dies when this has happened
    CLICKS_TWICE = "clicks-twice"  #: the customer sends the same order twice at once
    LAST_PIECES = (
        "last-pieces"  #: another customer orders the same at once; there is enough for one
    )


FAILS: Final = {
    Kind.REFUSED: (Failure.REFUSED, False),
    Kind.DOWN: (Failure.DOWN, False),
    Kind.REPLY_LOST: (Failure.REPLY_LOST, False),
    Kind.REFUSED_FOR_GOOD: (Failure.REFUSED, True),
    Kind.DOWN_FOR_GOOD: (Failure.DOWN, True),
    Kind.REPLY_LOST_FOR_GOOD: (Failure.REPLY_LOST, True),
}
"""How a call fails, and whether all later ones of its operation fail as well."""

CUSTOMERS: Final = (Kind.CLICKS_TWICE, Kind.LAST_PIECES)

NEVER: Final = "end"
"""Stands for the event after which nothing else is left to happen."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run, or was sent.

    Attributes
    ----------
    id
        Six letters and digits that stand for (the event that caused it, its label, the
        how-manieth). They are the same in another run as long as what led to it is the same.
    leg, what, process, order
        See :class:`~lessonkit.luck.Happening`.
    number
        Of a call: the how-manieth call of its operation in the run.
    waited
        Of a timer: for how many seconds it was set.
    touched
        The processes and shared things that had to do with it.
    """

    id: str
    leg: Leg
    what: str
    process: str
    order: str | None
    number: int = 1
    waited: float = 0.0
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """One piece of bad luck.

    Parameters
    ----------
    kind
        What it is.
    event
        The id of the event that it strikes.
    after
        Of a late event: the id of the event right after which it happens.
    service
        Of a kill: whose process dies.
    """

    kind: Kind
    event: str
    after: str = ""
    service: str = ""

    def __str__(self) -> str:
        behind = f">{self.after}" if self.after else ""
        return f"{self.kind}:{self.service}{'@' if self.service else ''}{self.event}{behind}"


# --- in a string ---------------------------------------------------------------------------------

VERSION: Final = "1"
LONGEST: Final = 200
"""How many characters a replay string may have."""

_ONE: Final = re.compile(r"([a-z-]+):(?:([^@:> ]+)@)?([a-z2-7]{6})(?:>([a-z2-7]{6}|end))?")


def encode(decisions: Iterable[Decision]) -> str:
    """Write down the decisions; :func:`decode` reads them."""
    return " ".join([VERSION, *map(str, decisions)])


def decode(text: object) -> tuple[Decision, ...]:
    """Read what :func:`encode` has written.

    Raises
    ------
    TypeError, ValueError
        If it is no such text; the message names the part that cannot be read.
    """
    if not isinstance(text, str):
        raise TypeError(f"replay must be a text such as '1 twice:abc234'; got {text!r}")
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    version, *parts = text.split() or [""]
    if version != VERSION:
        raise ValueError(f"replay must begin with {VERSION!r}, its version; got {shown!r}")
    if len(text) > LONGEST:
        raise ValueError(f"replay must have at most {LONGEST} characters; got {len(text)}")
    return tuple(_decode_one(part) for part in parts)


def _decode_one(part: str) -> Decision:
    found = _ONE.fullmatch(part)
    kinds = [str(kind) for kind in Kind]
    if found is None or found[1] not in kinds:
        raise ValueError(f"replay has a part that is no decision: {part!r}; see Case.replay")
    kind = Kind(found[1])
    if (found[4] is not None) != (kind is Kind.LATE):
        raise ValueError(f"replay: only a late event comes after another one; got {part!r}")
    if (found[2] is not None) != (kind is Kind.KILLED):
        raise ValueError(f"replay: only a kill names a service; got {part!r}")
    return Decision(kind, found[3], found[4] or "", found[2] or "")


# --- in words ------------------------------------------------------------------------------------

_WORDS: Final = {
    Kind.REFUSED: N_("{what}: refused"),
    Kind.DOWN: N_("{what}: down before the effect"),
    Kind.REPLY_LOST: N_("{what}: reply lost after the effect"),
    Kind.REFUSED_FOR_GOOD: N_("{what}: refused, from then on every time"),
    Kind.DOWN_FOR_GOOD: N_("{what}: down before the effect, from then on every time"),
    Kind.REPLY_LOST_FOR_GOOD: N_("{what}: reply lost after the effect, from then on every time"),
    Kind.TWICE: N_("{what}: delivered twice"),
    Kind.CLICKS_TWICE: N_("the customer clicks twice"),
    Kind.LAST_PIECES: N_("two customers want the last pieces"),
}

_LATE: Final = {
    Leg.EFFECT: N_("{what} takes effect only after {other}"),
    Leg.REPLY: N_("the reply to {what} comes only after {other}"),
    Leg.NO_REPLY: N_("that {what} gives no reply is noticed only after {other}"),
    Leg.EVENT: N_("{process} hears {what} only after {other}"),
    Leg.TIMER: N_("{process} ends its wait of {ms} ms only after {other}"),
}

_BEFORE: Final = {
    Leg.ARRIVE: N_("{what} has reached {process}"),
    Leg.EFFECT: N_("{what} has taken effect"),
    Leg.REPLY: N_("the reply to {what} has come"),
    Leg.NO_REPLY: N_("{process} has waited for {what} in vain"),
    Leg.EVENT: N_("{process} has heard {what}"),
    Leg.TIMER: N_("{process} has waited for {ms} ms"),
    Leg.KILL: N_("{process} has been killed"),
}


_OF_THE_CUSTOMER: Final = {
    Leg.ARRIVE: N_("the order has reached {process}"),
    Leg.EFFECT: N_("the order has come in"),
    Leg.REPLY: N_("the customer has the answer"),
}

_ONCE_MORE: Final = {
    Leg.ARRIVE: N_("order no. {number} has reached {process}"),
    Leg.EFFECT: N_("order no. {number} has come in"),
    Leg.REPLY: N_("the answer to order no. {number} has come"),
}


def in_words(decision: Decision, events: Mapping[str, Event]) -> str:
    """The decision as a short sentence in the current language.

    Parameters
    ----------
    decision
        What was decided.
    events
        The events of its run by their ids.
    """
    event = events.get(decision.event)
    if event is None:
        return str(decision)
    if decision.kind is Kind.LATE:
        words = _(_LATE.get(event.leg, "{what}")).format(
            other=_has_happened(events.get(decision.after)), **_parts(event)
        )
    elif decision.kind is Kind.KILLED:
        words = _("{service} is killed when {other}").format(
            service=service_name(decision.service), other=_has_happened(event)
        )
    elif event.leg is Leg.EVENT:  # told to one of its subscribers
        words = _("{process} hears {what} twice").format(**_parts(event))
    else:
        words = _(_WORDS[decision.kind]).format(**_parts(event))
    return words


def _has_happened(event: Event | None) -> str:
    if event is None:
        return _("everything else has happened")
    if event.what == ORDER_OPERATION and event.leg in _OF_THE_CUSTOMER:
        words = (_OF_THE_CUSTOMER if event.number == 1 else _ONCE_MORE)[event.leg]
        return _(words).format(number=event.number, process=service_name(event.process))
    if event.what == GIVES_UP and event.leg is Leg.TIMER:
        words = _("{process} has given up after {ms} ms")
    else:
        words = _(_BEFORE[event.leg])
    return words.format(**_parts(event))


GIVES_UP: Final = "gives up"
"""What a timer is called that ends a wait for something else (a timeout)."""


def _parts(event: Event) -> dict[str, str]:
    times = f" #{event.number}" if event.number > 1 else ""
    return {
        "what": f"{event.what}{times}",
        "process": service_name(event.process),
        "ms": f"{event.waited * 1000:,.0f}",
    }
