"""Notebook 08: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.lab import PanelSpec, choice, milliseconds, spec
from lessonkit.messages import _


def side_by_side() -> PanelSpec:
    """Three shops, and the same bad luck for all."""
    faults = {
        "none": _("nothing"),
        "stock": _("the inventory refuses"),
        "declined": _("the payment is down"),
        "reply": _("the reply of the payment is lost"),
        "mail": _("the mail refuses"),
    }
    return spec(
        choice("fault", _("What goes wrong"), faults, "mail"),
        milliseconds("mail", _("Mail takes"), 0.5, high=5),
        presets={_("The CTO's two questions"): {"fault": "declined", "mail": 5.0}},
        hint=_("Which shop never lies? None of them. Which faults does each one lie about?"),
    )
