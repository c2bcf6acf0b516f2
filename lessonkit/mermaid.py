"""A trace as a Mermaid sequence diagram. JupyterLab draws Mermaid by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lessonkit.messages import _, service_name
from lessonkit.records import Fate, Kind, Message, Note, StateChange, everybody
from lessonkit.words import fit

MOST_EVENTS, LONGEST = 100, 80
"""So many messages and notes are drawn, each with so many letters: nobody reads more, and Mermaid
refuses 50,000 letters. A diagram that is cut says so."""


def sequence_diagram(
    messages: Sequence[Message], states: Sequence[StateChange], notes: Sequence[Note]
) -> str:
    """The messages and notes of a run as Mermaid source, in the order in which they were sent.

    Only the first :data:`MOST_EVENTS` messages and notes are drawn.
    """
    # Sorting is stable: what happened at one moment keeps its order, messages before notes.
    events: list[Message | Note] = sorted([*messages, *notes], key=_moment)
    left_out = events[MOST_EVENTS:]
    del events[MOST_EVENTS:]
    drawn = everybody(
        [event for event in events if isinstance(event, Message)],
        states[:MOST_EVENTS],
        [event for event in events if isinstance(event, Note)],
    )
    name = {service: f"p{number}" for number, service in enumerate(drawn)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name[s]} as {_escape(service_name(s))}" for s in name]
    for event in events:
        if isinstance(event, Note):
            lines.append(f"    Note over {name[event.service]}: {_escape(_(event.text))}")
        else:
            arrow = f"{name[event.sender]}{_arrow(event)}{name[event.receiver]}"
            lines.append(f"    {arrow}: {_label(event)}")
    if left_out:
        number = sum(isinstance(event, Message) for event in left_out)
        more = _("... and {number} more messages").format(number=f"{number:,}")
        more = more if number else "..."
        lines.append(f"    Note over p0: {_escape(more)}")
    return "\n".join(lines)


def _moment(event: Message | Note) -> float:
    return event.time if isinstance(event, Note) else event.sent


def _arrow(message: Message) -> str:
    line = "--" if message.kind is Kind.REPLY else "-"
    return line + ("x" if message.fate in (Fate.LOST, Fate.REFUSED) else ">>")


def _label(message: Message) -> str:
    remarks = []
    if message.error:
        remarks.append(_("error"))
    if message.fate is not Fate.DELIVERED:
        remarks.append(_(message.fate))
    what = _escape(message.what)
    return f"{what} ({', '.join(remarks)})" if remarks else what


def _escape(text: str) -> str:
    # Mermaid takes #35; for a character by its number. What might end a line or start markup is
    # written so. A line with no words at all would be an error.
    written = ""
    for letter in fit(text).strip() or "–":
        plain = re.fullmatch(r"[\w .,()/+?!'-]", letter)
        piece = letter if plain else f"#{ord(letter)};"
        if len(written) + len(piece) > LONGEST:
            return f"{written}..."
        written += piece
    return written
