"""A trace as a Mermaid sequence diagram. JupyterLab draws Mermaid by itself."""

from __future__ import annotations

import re

from lessonkit.messages import _, service_name
from lessonkit.trace import Fate, Kind, Message, Note, Trace

MOST_MESSAGES = 100
"""A longer diagram is cut here, and says so: nobody reads it, and Mermaid refuses it."""


def sequence_diagram(trace: Trace) -> str:
    """The messages and notes of a run as Mermaid source, in the order in which they were sent.

    Parameters
    ----------
    trace
        Of a finished run. Only the first :data:`MOST_MESSAGES` messages are drawn.
    """
    name = {service: f"p{number}" for number, service in enumerate(trace.services)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name[s]} as {_escape(service_name(s))}" for s in name]

    messages = trace.messages[:MOST_MESSAGES]
    left_out = len(trace.messages) - len(messages)
    notes = [note for note in trace.notes if not left_out or note.time <= messages[-1].sent]
    # Sorting is stable: what happened at one moment keeps its order, messages before notes.
    events: list[Message | Note] = sorted([*messages, *notes], key=_moment)
    for event in events:
        if isinstance(event, Note):
            lines.append(f"    Note over {name[event.service]}: {_escape(_(event.text))}")
        else:
            arrow = f"{name[event.sender]}{_arrow(event)}{name[event.receiver]}"
            lines.append(f"    {arrow}: {_escape(_label(event))}")
    if left_out:
        more = _("... and {number} more messages").format(number=f"{left_out:,}")
        lines.append(f"    Note over {name[messages[-1].sender]}: {_escape(more)}")
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
    return f"{message.what} ({', '.join(remarks)})" if remarks else message.what


def _escape(text: str) -> str:
    # Mermaid takes #35; for a character by its number. What might end a line or start markup is
    # written so.
    return re.sub(r"[^\w .,:()/+?!'-]", lambda found: f"#{ord(found.group())};", text)
