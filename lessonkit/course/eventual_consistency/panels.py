"""Notebook 05: what its panels are called, and what to try in them."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from lessonkit.course.eventual_consistency.views import moments
from lessonkit.lab import PanelSpec, choice, milliseconds, spec, whole
from lessonkit.messages import _


def gap() -> PanelSpec:
    """How long the gap is, and a moment to look at."""
    return spec(
        milliseconds("inventory", _("Inventory takes"), 0.1, low=0.01, high=0.2),
        whole("backlog", _("Orders that are in line before"), 0, low=0, high=5),
        milliseconds("at", _("Look at this moment"), 0.06, high=1.2),
        presets={
            _("In the middle of the gap"): {"inventory": 0.1, "backlog": 0, "at": 0.06},
            _("Five in line before you"): {"inventory": 0.1, "backlog": 5, "at": 0.3},
        },
        hint=_("Move through the run. From when to when do the two services disagree?"),
    )


Way = Callable[..., Any]
"""How a page finds an order."""


def reading(the_copy: Way, the_writer: Way, own_version: Way) -> PanelSpec:
    """How a page reads, how far its copy is behind, and how soon the customer looks."""
    ways = {
        the_copy: _("the copy"),
        the_writer: _("the writer"),
        own_version: _("the copy, once it has my version"),
    }
    return spec(
        choice("way", _("The page reads"), ways, the_copy),
        milliseconds("behind", _("The copy is behind by"), 0.5, high=2),
        milliseconds("look", _("The customer looks for the order after"), 0.1, high=2),
        presets={
            _("Where is my order?"): {"way": the_copy, "behind": 0.5, "look": 0.1},
            _("Wait for my own version"): {"way": own_version, "behind": 0.5, "look": 0.1},
        },
        hint=_("Read the copy: when is it safe to look? Then let the page read in another way."),
    )


def shelf() -> PanelSpec:
    """How many pieces there are, and how fast they go."""
    return spec(
        whole("pieces", _("Pieces on the shelf"), 20, low=1, high=60),
        whole("per_second", _("Customers per second"), 20, low=2, high=50),
        milliseconds("gap", _("The gap"), 0.5, high=2, step=0.05),
        presets={
            _("A quiet day"): {"pieces": 20, "per_second": 6, "gap": 0.1},
            _("A sale"): {"pieces": 20, "per_second": 50, "gap": 1.0},
        },
        hint=_("Which sliders make more people see a roll-back? The one for the pieces?"),
    )


def herd() -> PanelSpec:
    """How many clients come back at once, to what, and how patiently."""
    caps = {seconds: _("{number} s").format(number=seconds) for seconds in (10, 60)}
    return spec(
        whole("clients", _("Clients"), 1000, low=100, high=1000),
        whole("outage", _("The service is away for (s)"), 20, low=0, high=30),
        whole("capacity", _("Requests it can answer in a second"), 200, low=200, high=1000),
        choice("cap", _("Longest delay"), caps | {inf: _("no cap")}, 10),
        presets={_("As the lesson has it"): {"cap": inf}, _("A cap of ten seconds"): {"cap": 10}},
        hint=_("Compare the two lines. Then take the cap away: who has to wait longer?"),
    )


def outbox() -> PanelSpec:
    """Three order services, and the bad luck that each meets."""
    styles = {
        "publish first": _("publish, then commit"),
        "commit first": _("commit, then publish"),
        "inbox": _("outbox, relay and inboxes"),
    }
    words = _("killed when: {moment}")
    lucks = {
        **{("killed", what): words.format(moment=moment) for what, moment in moments().items()},
        ("reply-lost", "payment.charge"): _("no reply from the payment"),
        ("reply-lost-for-good", "database.save"): _("no reply from the database, for good"),
        ("clicks-twice", ""): _("the customer clicks twice"),
        ("last-pieces", ""): _("two customers want the last pieces"),
    }
    published = "killed", "notification.send_order_confirmation"
    return spec(
        choice("style", _("The order service"), styles, "inbox"),
        choice("luck", _("Bad luck"), lucks, published),
        presets={
            _("Committed, not published"): {"style": "inbox", "luck": ("killed", "database.save")},
            _("Published, not marked"): {"style": "inbox", "luck": published},
            _("Two customers, one shelf"): {"style": "inbox", "luck": ("last-pieces", "")},
        },
        hint=_("For each style, try each bad luck. Which one is honest every time?"),
    )
