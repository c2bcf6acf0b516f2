"""Notebook 07: what its panels are called, and what to try in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from lessonkit.course.choosing import names
from lessonkit.explorer import Case, Exploration
from lessonkit.lab import PanelSpec, choice, spec, toggle, whole
from lessonkit.messages import _, current_language

Style = Callable[..., Any]
"""Makes an order service."""


def bad_luck(
    found: Mapping[Style, Exploration], by_title: Mapping[Style, Mapping[str, Case]]
) -> PanelSpec:
    """The bad luck that is worth a look: what some shop does not survive, the worst first."""

    def losers(title: str) -> int:
        return sum(title in cases and not cases[title].survived for cases in by_title.values())

    *_others, naive, hybrid = found
    worth_a_look = [
        case.title
        for style, explored in found.items()
        for case in explored.cases
        if not (case.survived and case.decisions) or (style is hybrid and case.remarks)
    ]
    worst_first = sorted(dict.fromkeys(worth_a_look), key=losers, reverse=True)
    menu = {title: f"{'✗' * losers(title)} {title}".strip() for title in worst_first}
    reply_lost = found[naive].find("reply-lost", "payment.charge").title
    return spec(
        choice("style", _("The shop"), dict(zip(found, names.styles(), strict=True)), naive),
        choice("title", _("Bad luck (✗: a shop that fails)"), menu, reply_lost),
        hint=_(
            "Kill the process when the reply to inventory.reserve has come: the charge is under"
            " way. What does the new process of the hybrid do first?"
        ),
    )


def busy_day(request_response: Style, event_driven: Style, hybrid: Style) -> PanelSpec:
    """Three shops on a busy day, and what goes wrong on it."""
    three = dict(zip((request_response, event_driven, hybrid), names.compared(), strict=True))
    return spec(
        choice("style", _("The shop"), three, request_response),
        whole("slow", _("Payment at noon: so many times as slow"), 10, low=1, high=30),
        whole("no_mail_minutes", _("No mail from 20:15 (minutes)"), 30, low=0, high=120),
        presets={
            _("A quiet day"): {"slow": 1, "no_mail_minutes": 0},
            _("The mail is out all evening"): {"slow": 1, "no_mail_minutes": 120},
        },
        hint=_("One order in 150 here. Go through the three shops: who pays for the mail server?"),
    )


def chooser() -> PanelSpec:
    """Seven questions about a task."""
    questions = names.questions()
    none = dict.fromkeys(questions, False)
    return spec(
        *[
            toggle(name, words, name in ("result_now", "may_happen_later"))
            for name, words in questions.items()
        ],
        presets={
            _("Balance inquiry"): none | {"result_now": True},
            _("Mail"): none | {"may_happen_later": True, "loose_coupling": True},
            _("A whole order"): dict.fromkeys(questions, True),
            _("Nothing ticked"): none,
        },
        hint=_("Take a task from your own work and answer for it. Which tick changes the advice?"),
    )


def scenarios(read: pd.DataFrame) -> PanelSpec:
    """Situations, and three answers to each."""
    situations = {n: str(words) for n, words in enumerate(read[f"situation_{current_language()}"])}
    return spec(
        choice("number", _("The situation"), situations, 0),
        choice("answer", _("Your answer"), {"": _("(not yet)")} | names.answers(), ""),
        hint=_("Decide before you choose. Then read what speaks against the other two."),
    )
