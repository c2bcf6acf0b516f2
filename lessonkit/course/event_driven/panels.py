"""Notebook 02: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.lab import PanelSpec, choice, milliseconds, spec, toggle, whole
from lessonkit.messages import _


def wait() -> PanelSpec:
    """Whether the order service waits for those who listen."""
    return spec(
        choice("wait", _("Order service"), {True: _("waits"), False: _("does not wait")}, True),
        milliseconds("inventory", _("Inventory takes"), 0.1, high=2),
        milliseconds("payment", _("Payment takes"), 0.2, high=2),
        milliseconds("notification", _("Mail takes"), 0.5, high=5),
        toggle("down", _("Payment is off")),
        presets={
            _("Wait for a five-second mail"): {"wait": True, "notification": 5.0},
            _("Do not wait for it"): {"wait": False, "notification": 5.0},
        },
        hint=_("Let the mail take five seconds. When does the customer get an answer?"),
    )


def ask_back() -> PanelSpec:
    """How many subscribers ask back, and whether they get a reply."""
    return spec(
        whole("subscribers", _("Subscribers"), 3, low=1, high=10),
        whole("orders", _("Orders"), 1, low=1, high=4),
        toggle("away", _("The order service is off just then")),
        presets={_("Ten subscribers, four orders"): {"subscribers": 10, "orders": 4}},
        hint=_("Add subscribers. Then switch the order service off: which ones can still work?"),
    )


def look_back() -> PanelSpec:
    """Up to which event the order is put together."""
    return spec(
        whole("upto", _("As of version"), 3, low=0, high=3),
        presets={_("Before the payment"): {"upto": 1}},
        hint=_("Go back in time. What did the shop know before the payment came?"),
    )


def reading_along() -> PanelSpec:
    """How often the reader looks, and how soon the customer does."""
    return spec(
        milliseconds("pause", _("The reader looks every"), 0.5, low=0.05, high=2, step=0.05),
        whole("per_second", _("Orders per second"), 10, low=1, high=50),
        milliseconds("look", _("The customer looks for the order after"), 0.1, high=2, step=0.05),
        presets={_("A sleepy reader"): {"pause": 2.0}, _("A sale"): {"per_second": 50}},
        hint=_("How often must the reader look so that every customer finds the order?"),
    )


def from_nothing() -> PanelSpec:
    """How many of the events the new table has read."""
    return spec(
        whole("read", _("Events that it has read"), 2, low=0, high=5),
        hint=_("Start at 0 and go on. When does the table show P-1 six times?"),
    )
