"""One piece of bad luck: what it is, how it is said in words, and how it is written in a string."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lessonkit.faults import AnyFault, Crash, Failure
from lessonkit.files import toml_beside
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
    LAST_PIECES = "last-pieces"  #: two customers order at once; there is enough for one of them


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

GIVES_UP: Final = "gives up"
"""What a timer is called that ends a wait for something else (a timeout)."""

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

_ONE: Final = re.compile(
    rf"({'|'.join(Kind)}):(?:([^@:> ]+)@)?([a-z2-7]{{6}})(?:>([a-z2-7]{{6}}|end))?"
)


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
    if found is None:
        raise ValueError(f"replay has a part that is no decision: {part!r}; see Case.replay")
    kind = Kind(found[1])
    if (found[4] is not None) != (kind is Kind.LATE):
        raise ValueError(f"replay: only a late event comes after another one; got {part!r}")
    if (found[2] is not None) != (kind is Kind.KILLED):
        raise ValueError(f"replay: only a kill names a service; got {part!r}")
    return Decision(kind, found[3], found[4] or "", found[2] or "")


# --- in words ------------------------------------------------------------------------------------

_SAYS: Final = toml_beside(__file__, "decision.toml")


def in_words(decision: Decision | AnyFault, events: Mapping[str, Event]) -> str:
    """The decision as a short sentence in the current language.

    Parameters
    ----------
    decision
        What was decided, or a fault that the shop itself was made with.
    events
        The events of its run by their ids.
    """
    if not isinstance(decision, Decision):
        return _fault_in_words(decision)
    event = events.get(decision.event)
    if event is None:
        return str(decision)
    kind = decision.kind
    other = event if kind is Kind.KILLED else events.get(decision.after)
    if kind is Kind.LATE:
        words = _SAYS["late"].get(event.leg.name, "{what}")
    elif kind is not Kind.KILLED and event.leg is Leg.EVENT:  # told to one of its subscribers
        words = N_("{process} hears {what} twice")
    else:
        words = _SAYS["strikes"][kind.name]
    return _(words).format(
        service=service_name(decision.service), other=_has_happened(other), **_parts(event)
    )


def _has_happened(event: Event | None) -> str:
    if event is None:
        return _("everything else has happened")
    words = _SAYS["happened"][event.leg.name]
    if event.what == ORDER_OPERATION:
        orders = _SAYS["ordered" if event.number == 1 else "ordered_again"]
        words = orders.get(event.leg.name, words)
    elif event.what == GIVES_UP:
        words = N_("{process} has given up after {ms} ms")
    return _(words).format(**_parts(event))


def _parts(event: Event) -> dict[str, object]:
    times = f" #{event.number}" if event.number > 1 else ""
    return {
        "what": f"{event.what}{times}",
        "number": event.number,
        "process": service_name(event.process),
        "ms": f"{event.waited * 1000:,.0f}",
    }


def _fault_in_words(fault: AnyFault) -> str:
    words = _SAYS["faults"].get(type(fault).__name__, "{target}")
    if isinstance(fault, Crash):
        return _(words).format(target=fault.service, after=fault.after)
    times = f" #{fault.call}" if fault.call is not None and fault.call > 1 else ""
    name = _(words).format(target=f"{fault.target}{times}")
    return name if fault.call is not None else _("{fault}, every time").format(fault=name)
