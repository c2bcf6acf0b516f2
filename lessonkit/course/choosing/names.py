"""Notebook 07: what its shops, its questions and its answers are called."""

from __future__ import annotations

from lessonkit.course.choosing.sandbox import AFTER, OUTBOX, SYNC
from lessonkit.messages import _


def styles() -> list[str]:
    """The three shops that are compared."""
    return list(answers().values())


def hybrids() -> list[str]:
    """The hybrid, whole and with one part taken away."""
    return [
        _("whole"),
        _("the new process does not read the saga's log"),
        _("a compensation is registered after its step"),
        _("the charge has no idempotency key"),
    ]


def mails() -> dict[str, str]:
    """When a mail can go out."""
    return {
        SYNC: _("before the reply"),
        AFTER: _("after the reply, from memory"),
        OUTBOX: _("after the reply, from an outbox"),
    }


def answers() -> dict[str, str]:
    """What can be chosen for a task."""
    return {
        "request_response": _("request-response"),
        "event_driven": _("event-driven"),
        "hybrid": _("hybrid"),
    }


def questions() -> dict[str, str]:
    """What to ask about a task: three questions for a synchronous call, four for events."""
    return {
        "result_now": _("The result is expected at once"),
        "next_step_depends": _("The next step depends on it"),
        "strong_consistency": _("Everybody must see the same at once"),
        "several_to_tell": _("Several are to be told"),
        "may_happen_later": _("It may happen later"),
        "loose_coupling": _("The coupling is to be kept low"),
        "new_consumers_later": _("New listeners may come"),
    }
