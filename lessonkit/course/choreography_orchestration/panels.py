"""Notebook 04: its panels, as ``panels.toml`` has them, with what only an exploration knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessonkit.course.choreography_orchestration.measured import bad_luck
from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel
from lessonkit.messages import _


def choreography(found: Exploration) -> PanelSpec:
    """The bad luck of an exploration, and what the services do about it."""
    number = found.cases.index
    numbers = {
        "refused": number(found.find("refused", "payment.charge")),
        "late": number(found.find("late", "OrderCreated")),
        "killed": number(found.find("killed", "inventory.reserve")),
    }
    return written_panel(__file__, "choreography", numbers, fault=found.choices())


def choices(found: Exploration) -> PanelSpec:
    """The bad luck of the saga with all choices, three more pieces of it, and the choices."""
    menu = bad_luck(found)
    strikes = [entry.strikes for entry in menu]
    after_the_mail = found.find("killed", "notification.send_order_confirmation")
    numbers = {
        "lost": strikes.index(found.find("reply-lost", "payment.charge").decisions),
        "after the mail": strikes.index(after_the_mail.decisions),
        "two clicks": strikes.index(found.find("clicks-twice").decisions),
        "slow": len(menu) - 1,
    }
    words = {number: entry.words for number, entry in enumerate(menu)}
    return written_panel(__file__, "choices", numbers, fault=words)


def points(by_events: Callable[..., Any], by_saga: Callable[..., Any]) -> PanelSpec:
    """Two flows that give points, and a points service that is away for a while."""
    both = {by_events: _("choreography, repaired"), by_saga: _("the saga with all choices")}
    styles = {"by events": by_events, "by saga": by_saga}
    return written_panel(__file__, "points", styles, style=both)


def two_at_once() -> str:
    """What stands on the button that tries two faults at once."""
    return _("Try two faults at once (some seconds)")
