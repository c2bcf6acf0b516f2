"""Notebook 04: what its panels are called, and what to try in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessonkit.course.choreography_orchestration.measured import bad_luck
from lessonkit.course.choreography_orchestration.steered import CHOICES, EVERYTHING
from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec, choice, milliseconds, spec, toggle
from lessonkit.messages import _


def number_of(found: Exploration, *luck: str) -> int:
    """The number of a case in the menu of an exploration's cases."""
    return found.cases.index(found.find(*luck))


def choreography(found: Exploration) -> PanelSpec:
    """The bad luck of an exploration, and what the services do about it."""
    usual = {"declined": False, "patience": True, "careful": False}
    refused = number_of(found, "refused", "payment.charge")
    late = number_of(found, "late", "OrderCreated")
    killed = number_of(found, "killed", "inventory.reserve")
    return spec(
        choice("fault", _("What goes wrong"), found.choices(), refused),
        toggle("declined", _("The card has expired")),
        toggle("releases", _("The inventory hears PaymentFailed"), True),
        toggle("patience", _("Every service asks again")),
        toggle("careful", _("The repaired flow")),
        presets={
            _("Nobody heard it"): usual | {"fault": 0, "declined": True, "releases": False},
            _("Ask again"): usual | {"fault": refused},
            _("Late is not lost"): usual | {"fault": late},
            _("Killed while it waits"): usual | {"fault": killed},
        },
        hint=_("Pick a fault (✗: not survived as drawn). Where does the tree of events break off?"),
    )


def choices(found: Exploration) -> PanelSpec:
    """The bad luck of the saga with all choices, three more pieces of it, and the choices."""
    everything: dict[str, Any] = dict(EVERYTHING)
    nothing: dict[str, Any] = dict.fromkeys(CHOICES, False)
    menu = bad_luck(found)

    def number(*luck: str) -> int:
        return [entry.strikes for entry in menu].index(found.find(*luck).decisions)

    lost = number("reply-lost", "payment.charge")
    after_mail = number("killed", "notification.send_order_confirmation")
    slow = len(menu) - 1
    return spec(
        choice("fault", _("What goes wrong"), {n: one.words for n, one in enumerate(menu)}, lost),
        toggle("keys", _("Idempotency keys")),
        toggle("first", _("Compensation noted first")),
        toggle("log", _("Log, and resume")),
        toggle("pivot", _("Pivot: saved is saved")),
        toggle("retries", _("Retries")),
        toggle("steadfast", _("Steadfast compensation")),
        toggle("limits", _("Time limits")),
        presets={
            _("Everything on"): everything,
            _("Asked again without a key"): nothing | {"fault": lost, "retries": True},
            _("A log without a pivot"): everything | {"fault": after_mail, "pivot": False},
            _("Two clicks, no keys"): nothing | {"fault": number("clicks-twice")},
            _("Slow, and no time limits"): everything | {"fault": slow, "limits": False},
        },
        hint=_("For each fault: which choices must be on, and which make no difference?"),
    )


def points(by_events: Callable[..., Any], by_saga: Callable[..., Any]) -> PanelSpec:
    """Two flows that give points, and a points service that is away for a while."""
    both = {by_events: _("choreography, repaired"), by_saga: _("the saga with all choices")}
    return spec(
        choice("style", _("Style"), both, by_events),
        milliseconds("takes", _("Points take"), 0.05, high=2),
        toggle("off", _("The points service is off")),
        milliseconds("off_for", _("Off for"), 2.0, high=4, step=0.1),
        presets={
            _("Off for two seconds, choreography"): {"style": by_events, "off": True},
            _("Off for two seconds, saga"): {"style": by_saga, "off": True},
        },
        hint=_(
            "Switch the points off. In which style do they come after all, and who waited for it?"
        ),
    )


def two_at_once() -> str:
    """What stands on the button that tries two faults at once."""
    return _("Try two faults at once (some seconds)")
