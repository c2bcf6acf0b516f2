"""What the marks of a run's picture mean: only those that occur."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lessonkit.lab import svg
from lessonkit.lab.arrows import LOOKS, arrow, complained_of, hourglass
from lessonkit.lab.layout import LARGE, SIZE
from lessonkit.lab.plan import MOST_MESSAGES, Plan
from lessonkit.messages import _
from lessonkit.records import Fate, Kind, Message
from lessonkit.words import fit

HEIGHT = 22
"""Of a line, in pixels."""

WORK: Mapping[str, Any] = {"fill_opacity": 0.22}
WAITING: Mapping[str, Any] = {
    "fill": "none",
    "stroke": "currentColor",
    "stroke_dasharray": "3 3",
    "stroke_opacity": 0.8,
}
"""How the bar of somebody at work looks, and the one of somebody who waits."""


def legend(plan: Plan, complaints: bool, numbered: bool) -> tuple[str, float]:
    """A sample of every mark, in as many lines as they need; and where the last one ends."""
    parts = ""
    x, y, width = 12.0, plan.bottom + HEIGHT - 4, plan.width
    for words, drawn in _samples(plan, complaints, numbered):
        shown = svg.shorten(words, LARGE, width - 70)
        needed = 38 + svg.text_width(shown, LARGE) + 12
        if x + needed > width and parts:
            x, y = 12.0, y + HEIGHT
        parts += svg.shape("g", drawn, transform=f"translate({svg.number(x)} {svg.number(y)})")
        parts += svg.text(x + 38, y, shown, size=SIZE)
        x += needed
    return parts, y + 12


def _samples(plan: Plan, complaints: bool, numbered: bool) -> Iterator[tuple[str, str]]:
    messages, colour = plan.messages, plan.orders if len(plan.orders) > 1 else {}
    for number, order in enumerate(colour):
        name = f"{svg.NUMBERS[number : number + 1] if numbered else ''} {fit(order)}".strip()
        yield name, svg.line(0, -4, 26, -4, stroke=colour[order], stroke_width=5)
    for fate in LOOKS:
        alike = [message for message in messages if message.fate is fate]
        if any(message.kind is not Kind.REPLY for message in alike):
            yield _(fate), _arrow(fate)
        elif alike and fate is not Fate.DELIVERED:
            yield _(fate), _arrow(fate, Kind.REPLY)
    if any(message.kind is Kind.REPLY and message.fate is Fate.DELIVERED for message in messages):
        yield _("reply"), _arrow(Fate.DELIVERED, Kind.REPLY)
    if any(message.copy for message in messages):
        yield _("doubled"), _arrow(Fate.DELIVERED, copy=True)
    if any(message.error and message.kind is not Kind.EVENT for message in messages):
        yield _("error"), _arrow(Fate.DELIVERED, Kind.REPLY, error=True)
    if any(message.error and message.kind is Kind.EVENT for message in messages):
        yield _("handler failed"), _arrow(Fate.DELIVERED, Kind.EVENT, error=True)
    if plan.lanes.died:
        yield _("process killed"), svg.cross(13, -4, 8, svg.RED)
    asked = [message.fate for message in messages if message.kind is Kind.REQUEST]
    if Fate.DELIVERED in asked:
        yield _("at work"), svg.shape("rect", y=-11, width=26, height=14, rx=3, **WORK)
    if asked:
        yield _("waiting"), svg.shape("rect", y=-11, width=26, height=14, rx=3, **WAITING)
    if any(message.gave_up is not None for message in messages):
        yield _("waits no longer"), hourglass(13, -4)
    if complaints:
        yield _("the auditor complains"), complained_of(13, -4)
    if plan.states:
        yield _("change of state"), svg.diamond(13, -4, 6, svg.GREEN, "")
    if (left_out := len(plan.trace.messages) - MOST_MESSAGES) > 0:
        yield _("... and {number} more messages").format(number=f"{left_out:,}"), ""


def _arrow(
    fate: Fate, kind: Kind = Kind.REQUEST, *, error: bool = False, copy: bool = False
) -> str:
    message = Message(0, "", "", "", kind, 0.0, 0.0, fate, error=error, copy=copy)
    return arrow(message, 0, -4, 24, -4)
