"""Notebook 00: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.lab import PanelSpec, milliseconds, spec, toggle
from lessonkit.messages import _


def slow_mail() -> PanelSpec:
    """One order, and a mail that takes its time."""
    return spec(
        milliseconds("mail", _("Mail takes"), 0.5, high=5),
        presets={_("A normal day"): {"mail": 0.5}, _("A slow day"): {"mail": 5.0}},
        hint=_("Make the mail slow. At which moment could the customer have been told?"),
    )


def switched_off() -> PanelSpec:
    """Each of the three services can be off."""
    return spec(
        toggle("inventory", _("Inventory is off")),
        toggle("payment", _("Payment is off")),
        toggle("notification", _("Mail is off")),
        presets={_("The CTO's question"): {"payment": True}},
        hint=_("Switch off one service at a time. Which one makes the shop lie?"),
    )
