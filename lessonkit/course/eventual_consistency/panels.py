"""Notebook 05: its panels, as ``panels.toml`` has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from lessonkit.course.eventual_consistency.views import moments
from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel
from lessonkit.messages import _

# How long the gap is, and a moment to look at.
gap = partial(written_panel, __file__, "gap")

# How many pieces there are, and how fast they go.
shelf = partial(written_panel, __file__, "shelf")


def reading(*ways: Callable[..., Any]) -> PanelSpec:
    """How a page reads, how far its copy is behind, and how soon the customer looks."""
    names = "the copy", "the writer", "own version"
    return written_panel(__file__, "reading", dict(zip(names, ways, strict=True)))


def herd() -> PanelSpec:
    """How many clients come back at once, to what, and how patiently."""
    caps = {seconds: _("{number} s").format(number=seconds) for seconds in (10, 60)}
    return written_panel(__file__, "herd", cap=caps | {inf: _("no cap")})


def outbox() -> PanelSpec:
    """Three order services, and the bad luck that each meets."""
    words = _("killed when: {moment}")
    lucks = {
        **{("killed", what): words.format(moment=moment) for what, moment in moments().items()},
        ("reply-lost", "payment.charge"): _("no reply from the payment"),
        ("reply-lost-for-good", "database.save"): _("no reply from the database, for good"),
        ("clicks-twice", ""): _("the customer clicks twice"),
        ("last-pieces", ""): _("two customers want the last pieces"),
    }
    saved, *_others, mailed = (("killed", what) for what in moments())
    known = {
        "killed after the save": saved,
        "killed after the mail": mailed,
        "last pieces": ("last-pieces", ""),
    }
    return written_panel(__file__, "outbox", known, luck=lucks)
