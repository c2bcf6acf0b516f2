"""Notebook 07: what its panels are called, and what to try in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lessonkit.course.choosing.names import named
from lessonkit.course.choosing.sandbox import MOST_RETRIES, SYNC, TIMEOUTS
from lessonkit.course.choosing.views import titles
from lessonkit.course.panels import written
from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec, choice, spec, toggle, whole
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
    return spec(
        choice(
            "style", _("The shop"), dict(zip(found, named("styles").values(), strict=True)), hybrid
        ),
        choice("title", _("Bad luck (✗: a shop that fails)"), menu, reply_lost),
        hint=_("Which of the hybrid's faults come from its core, and which from its bus?"),
    )


def busy_day(*styles: Style) -> PanelSpec:
    """Three shops on a busy day, and what goes wrong on it."""
    return written(__file__, "busy_day", style=styles)


def sandbox() -> PanelSpec:
    """What an order service may use, to meet a goal."""
    limits = {None: _("no timeout")} | {limit: f"{limit * 1000:,.0f} ms" for limit in TIMEOUTS}
    return spec(
        whole("retries", _("Retries of each call"), 0, low=0, high=MOST_RETRIES),
        choice("timeout", _("Timeout for stock and payment"), limits, None),
        choice("mail", _("The mail goes out"), named("mails"), SYNC),
        toggle("key", _("Idempotency key")),
        hint=_("Meet all four parts of the goal. Change one thing at a time, and say why before."),
    )


def chooser() -> PanelSpec:
    """Seven questions about a task."""
    questions = named("questions")
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


def scenarios(read: Sequence[Mapping[str, str]]) -> PanelSpec:
    """Situations, and three answers to each."""
    situations = {n: row[f"situation_{current_language()}"] for n, row in enumerate(read)}
    return spec(
        choice("number", _("The situation"), situations, 0),
        choice("answer", _("Your answer"), {"": _("(not yet)")} | named("styles"), ""),
        hint=_("Decide before you choose. Then read what speaks against the other two."),
    )
