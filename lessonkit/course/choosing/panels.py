"""Notebook 07: its panels, as ``panels.toml`` has them, with what only an exploration knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lessonkit.course.choosing.sandbox import MOST_RETRIES, TIMEOUTS
from lessonkit.course.choosing.views import named, titles
from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel
from lessonkit.messages import _, current_language

Style = Callable[..., Any]
"""Makes an order service."""


def bad_luck(found: Mapping[Style, Exploration]) -> PanelSpec:
    """The bad luck that some shop does not survive, the worst first."""
    by_title = [titles(explored) for explored in found.values()]

    def losers(title: str) -> int:
        return sum(title in cases and not cases[title].survived for cases in by_title)

    lost = [case.title for explored in found.values() for case in explored.counterexamples]
    worst_first = sorted(dict.fromkeys(lost), key=losers, reverse=True)
    menu = {title: f"{'✗' * losers(title)} {title}" for title in worst_first}
    *_others, hybrid = found
    reply_lost = found[hybrid].find("reply-lost", "payment.charge").title
    known = {"the hybrid": hybrid, "reply lost": reply_lost}
    styles = dict(zip(found, named("styles").values(), strict=True))
    return written_panel(__file__, "bad_luck", known, style=styles, title=menu)


def busy_day(*three: Style) -> PanelSpec:
    """Three shops on a busy day, and what goes wrong on it."""
    names = "request-response", "event-driven", "hybrid"
    return written_panel(__file__, "busy_day", dict(zip(names, three, strict=True)))


def sandbox() -> PanelSpec:
    """What an order service may use, to meet a goal."""
    limits = {None: _("no timeout")} | {limit: f"{limit * 1000:,.0f} ms" for limit in TIMEOUTS}
    known = {"none": None, "most retries": MOST_RETRIES}
    return written_panel(__file__, "sandbox", known, timeout=limits, mail=named("mails"))


# Seven questions about a task.
chooser = partial(written_panel, __file__, "chooser")


def scenarios(read: Sequence[Mapping[str, str]]) -> PanelSpec:
    """Situations, and three answers to each."""
    situations = {n: row[f"situation_{current_language()}"] for n, row in enumerate(read)}
    answers = {"": _("(not yet)")} | named("styles")
    return written_panel(__file__, "scenarios", number=situations, answer=answers)
