"""Notebook 06: what its panels are called, and what to try in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessonkit.lab import PanelSpec, choice, milliseconds, spec, toggle
from lessonkit.messages import _

Bus = Callable[[], Any]
"""Makes a bus."""


def steps(
    one_after_another: Bus,
    all_at_once: Bus,
    all_settled: Bus,
    each_under_guard: Bus,
    with_a_log: Bus,
) -> PanelSpec:
    """Five buses, each a step further, and who fails."""
    steps = {
        one_after_another: _("1 · one after the other"),
        all_at_once: _("2 · all at once"),
        all_settled: _("3 · all settled"),
        each_under_guard: _("4 · each under guard"),
        with_a_log: _("5 · with a log"),
    }
    who_fails = {
        "": _("nobody"),
        "inventory": _("the inventory refuses"),
        "notification": _("the mail refuses"),
        "typo": _("a handler with a typo"),
    }
    return spec(
        choice("step", _("The bus"), steps, with_a_log),
        choice("fails", _("Who fails"), who_fails, "inventory"),
        milliseconds("inventory", _("Inventory takes"), 0.1, high=2),
        milliseconds("mail", _("Mail takes"), 0.5, high=5),
        presets={
            _("The waits add up"): {"step": one_after_another, "fails": ""},
            _("Failed, and yet a mail"): {"step": all_at_once, "fails": "inventory"},
            _("Nobody sees it"): {"step": all_settled, "fails": "inventory"},
            _("The hole"): {"step": all_settled, "fails": "typo"},
        },
        hint=_("Let the inventory refuse and go through the steps. Who learns of it, and when?"),
    )


def whole_shop() -> PanelSpec:
    """The event bus in a shop: who waits, who fails, who is killed."""
    return spec(
        milliseconds("inventory", _("Inventory takes"), 0.1, low=0.01, high=1),
        milliseconds("mail", _("Mail takes"), 0.5, low=0.01, high=2),
        toggle("mail_fails", _("Mail is off")),
        choice(
            "wait",
            _("The order service"),
            {True: _("waits for all handlers"), False: _("answers at once")},
            False,
        ),
        toggle("killed", _("The order service's process is killed")),
        milliseconds("kill_at", _("Killed after"), 0.28, high=2),
        presets={
            _("Wait for everybody"): {"wait": True, "mail_fails": False, "killed": False},
            _("The mail fails"): {"wait": False, "mail_fails": True, "killed": False},
            _("Killed after the answers"): {"wait": False, "killed": True, "kill_at": 0.28},
        },
        hint=_(
            "Wait for everybody: why does one customer wait over a second? Then kill the process."
        ),
    )
