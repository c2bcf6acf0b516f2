"""Notebook 07: what its shops, its questions and its answers are called."""

from __future__ import annotations

from lessonkit.messages import _


def styles() -> list[str]:
    """The four shops, in the order in which the notebook builds them."""
    return [_("request-response"), _("event-driven"), _("naive hybrid"), _("hybrid")]


def compared() -> list[str]:
    """The three shops that are measured: all but the naive one."""
    return [_("request-response"), _("event-driven"), _("hybrid")]


def answers() -> dict[str, str]:
    """What can be chosen for a task."""
    return {
        "request_response": _("request-response"),
        "event_driven": _("event-driven"),
        "hybrid": _("hybrid"),
    }


def questions() -> dict[str, str]:
    """What to ask about a task: three questions for waiting in line, four for events behind."""
    return {
        "result_now": _("The result is expected at once"),
        "next_step_depends": _("The next step depends on it"),
        "strong_consistency": _("Everybody must see the same at once"),
        "several_to_tell": _("Several are to be told"),
        "may_happen_later": _("It may happen later"),
        "loose_coupling": _("The coupling is to be kept low"),
        "new_consumers_later": _("New listeners may come"),
    }
