"""Notebook 01: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec, choice, milliseconds, probability, seed, spec, whole
from lessonkit.messages import _


def latencies() -> PanelSpec:
    """How long each service of the chain takes."""
    return spec(
        milliseconds("inventory", _("Inventory takes"), 0.1, high=2),
        milliseconds("payment", _("Payment takes"), 0.2, high=2),
        milliseconds("notification", _("Mail takes"), 0.5, high=5),
        presets={
            _("The lesson's figures"): {"inventory": 0.1, "payment": 0.2, "notification": 0.5},
            _("Mail takes five seconds"): {"notification": 5.0},
        },
        hint=_(
            "Drag the mail to five seconds. Then move the moment and watch each service's state."
        ),
    )


def tail() -> PanelSpec:
    """A payment that is quick on average, and sometimes slow."""
    return spec(
        milliseconds("mean", _("Payment takes on average"), 0.2, low=0.15, high=0.5, step=0.01),
        milliseconds("p99", _("One payment in a hundred takes more than"), 1.5, low=0.2, high=2.0),
        seed(),
        presets={
            _("No tail to speak of"): {"mean": 0.2, "p99": 0.25},
            _("A long tail"): {"mean": 0.2, "p99": 2.0},
        },
        hint=_("Keep the average and stretch the tail. Which number moves, which stays?"),
    )


def availability() -> PanelSpec:
    """A longer and longer chain of services that are sometimes down."""
    return spec(
        whole("n", _("Services in the chain"), 4, low=1, high=10),
        probability("availability", _("Availability of each"), 0.99, low=0.9),
        seed(),
        presets={_("Four services"): {"n": 4}, _("Ten services"): {"n": 10}},
        hint=_("Lengthen the chain. How many services may it have if 95 % must get through?"),
    )


def one_case(found: Exploration) -> PanelSpec:
    """Each case of an exploration."""
    return spec(
        choice("case", _("What goes wrong"), found.choices(), 6),
        hint=_("For each counterexample: what was the customer told, and is it true?"),
    )
