"""Notebook 06: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.lab import PanelSpec, choice, milliseconds, spec, toggle
from lessonkit.messages import _


def lesson_bus() -> PanelSpec:
    """The lesson's bus with one order: who refuses, and who has made a mistake."""
    refuses = {
        "": _("nobody"),
        "inventory": _("the inventory refuses"),
        "payment": _("the payment refuses"),
        "notification": _("the mail refuses"),
    }
    return spec(
        choice("refuses", _("Who fails"), refuses, ""),
        toggle("typo", _("A handler with a typo"), True),
        milliseconds("mail", _("Mail takes"), 0.5, high=5),
        presets={
            _("A good day"): {"refuses": "", "typo": False, "mail": 0.5},
            _("The inventory refuses"): {"refuses": "inventory", "typo": False, "mail": 0.5},
            _("The mail is slow"): {"refuses": "", "typo": False, "mail": 5.0},
            _("The typo"): {"refuses": "", "typo": True, "mail": 0.5},
        },
        hint=_("Let the inventory refuse, without the typo. Who learns of it, and when?"),
    )


def whole_shop() -> PanelSpec:
    """Three customers and the finished bus: who waits, and who fails."""
    waits = {True: _("waits for all handlers"), False: _("answers at once")}
    return spec(
        choice("wait", _("The order service"), waits, True),
        milliseconds("inventory", _("Inventory takes"), 0.1, low=0.01, high=1),
        milliseconds("mail", _("Mail takes"), 0.5, low=0.01, high=2),
        toggle("mail_fails", _("Mail is off")),
        presets={
            _("Wait for everybody"): {"wait": True, "mail_fails": False},
            _("The mail fails, and nobody waits"): {"wait": False, "mail_fails": True},
        },
        hint=_("Let the order service answer at once. Then let the mail fail: who learns of it?"),
    )


def kill() -> PanelSpec:
    """Three customers, and the moment at which the process with the bus is killed."""
    waits = {True: _("waits for all handlers"), False: _("answers at once")}
    return spec(
        choice("wait", _("The order service"), waits, False),
        milliseconds("mail", _("Mail takes"), 0.5, low=0.01, high=2),
        milliseconds("kill_at", _("Killed after"), 0.28, high=2),
        presets={
            _("Killed after the answers"): {"wait": False, "mail": 0.5, "kill_at": 0.28},
            _("Killed while everybody waits"): {"wait": True, "mail": 0.5, "kill_at": 0.28},
        },
        hint=_("Move the moment of the kill. Who was told “confirmed”, and what is missing?"),
    )
