"""Notebook 05: its panels. What most of them are called, and what to try, says ``panels.toml``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final

from lessonkit.course.eventual_consistency.views import moments
from lessonkit.course.panels import written
from lessonkit.lab import PanelSpec, choice, spec, whole
from lessonkit.messages import _

gap: Final = partial(written, __file__, "gap")
"""How long the gap is, and a moment to look at."""

shelf: Final = partial(written, __file__, "shelf")
"""How many pieces there are, and how fast they go."""


def reading(*ways: Callable[..., Any]) -> PanelSpec:
    """How a page reads, how far its copy is behind, and how soon the customer looks."""
    return written(__file__, "reading", way=ways)


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
