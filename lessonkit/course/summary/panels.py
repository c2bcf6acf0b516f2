"""Notebook 08: what its panel is called, and what to try in it."""

from __future__ import annotations

from lessonkit.lab import PanelSpec, spec, toggle
from lessonkit.messages import _


def three_parts() -> PanelSpec:
    """Three parts of the whole order, each on or off."""
    return spec(
        toggle("key", _("Idempotency key")),
        toggle("log", _("The saga's log"), True),
        toggle("outbox", _("Outbox"), True),
        presets={
            _("All three"): {"key": True, "log": True, "outbox": True},
            _("None of them"): {"key": False, "log": False, "outbox": False},
        },
        hint=_("Leave out one part at a time. What kind of bad luck is it that does harm then?"),
    )
