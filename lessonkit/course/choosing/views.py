"""Notebook 07: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from lessonkit.course.choosing.day import Served
from lessonkit.course.choosing.sandbox import MOST_REQUESTS, MOST_WAIT, ORDERS, Trial
from lessonkit.explorer import Case, Exploration
from lessonkit.files import csv_rows, toml_beside
from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.lab.said import in_ms
from lessonkit.lab.written import written_names
from lessonkit.messages import _, current_language, service_name
from lessonkit.words import escape

named = partial(written_names, __file__)
"""The names of a kind, such as ``"styles"``, in the current language."""


def three_questions(found: Mapping[object, Exploration]) -> str:
    """For each style: how long the customer waits, how much is survived, who must be known."""
    plain = [one.find() for one in found.values()]
    known = [
        [service_name(to) for by, to in case.run.trace.who_knows_whom() if by == "orders"]
        for case in plain
    ]
    columns = {
        _("style"): named("styles").values(),
        _("the customer waits"): [f"{case.answers[0].wait_ms} ms" for case in plain],
        _("bad luck survived"): list(map(survived, found.values())),
        _("the order service calls"): [_(", ").join(services) for services in known],
    }
    return table(columns).html


def survived(found: Exploration | Trial) -> str:
    """How much of what was tried did no harm."""
    return _("{survived} of {tried}").format(survived=found.survived, tried=found.tried)


def case_of(found: Exploration, title: str) -> Case | None:
    """The case of this title, if there is one."""
    return titles(found).get(title)


def titles(found: Exploration) -> dict[str, Case]:
    """Every title under which a case can be found: runs that are alike are one case."""
    return {run.title: case for run, case in ((found.cases[0],) * 2, *found.alike)}


def does_not_occur(title: str) -> str:
    """Says so, of a piece of bad luck."""
    return tiles((title, _("does not occur in this style"), "plain"))


def without_a_part(found: Iterable[Exploration]) -> str:
    """What the hybrid survives, whole and with one part taken away."""
    hybrids = named("hybrids").values()
    columns = {_("the hybrid"): hybrids, _("bad luck survived"): list(map(survived, found))}
    return table(columns).html


# --- a busy day ----------------------------------------------------------------------------------


def figures(served: Sequence[Served]) -> dict[str, str]:
    """What the customers of a day were told, how long they waited, and what they never got."""
    waits = sorted(one.wait for one in served)

    def quantile(share: float) -> str:
        return f"{in_ms(waits[math.ceil(share * len(waits)) - 1])} ms"

    def number(yes: Iterable[bool]) -> str:
        return f"{sum(yes):,}"

    return {
        _('told "failed" although the order stands'): number(one.refused_in_vain for one in served),
        _('told "confirmed" but never paid'): number(one.never_paid for one in served),
        _("p50 of the wait"): quantile(0.5),
        _("p99 of the wait"): quantile(0.99),
        _("mails sent late"): number(one.mail_late for one in served),
        _("mails never sent"): number(one.mail_never for one in served),
    }


def three_days(days: Iterable[Sequence[Served]]) -> Picture:
    """The same day in three shops."""
    each = dict(zip(named("styles").values(), map(figures, days), strict=True))
    first, *_others = each.values()
    return table({_("the busy day"): first} | {style: one.values() for style, one in each.items()})


def one_day(served: Sequence[Served]) -> tuple[str, str, str]:
    """The figures of a day, and what each of its half-hours was like."""
    numbers = [
        (name, said, "plain" if said.endswith(" ms") else "good" if said == "0" else "bad")
        for name, said in figures(served).items()
    ]
    longest, untrue, never, late = ([0.0] * 48 for _line in range(4))
    for one in served:
        half_hour = int(one.asked // 1800)
        longest[half_hour] = max(longest[half_hour], one.wait)
        untrue[half_hour] += one.refused_in_vain or one.never_paid
        never[half_hour] += one.mail_never
        late[half_hour] += one.mail_late
    busy = sorted({int(one.asked // 1800) for one in served})  # where nobody orders, nobody waits
    waiting = charts.lines(
        [n / 2 for n in busy],
        {_("longest wait for the answer"): [longest[n] for n in busy]},
        **named("waiting"),
    )
    wrong = charts.lines(
        [n / 2 for n in range(48)],
        {_("told an untruth"): untrue, _("mails never sent"): never, _("mails sent late"): late},
        **named("wrong"),
    )
    return tiles(*numbers), waiting, wrong


# --- the sandbox ---------------------------------------------------------------------------------


def goal(tried: Trial) -> tuple[str, str]:
    """How far an order service meets each part of the goal, and its first counterexample."""
    quick, few, all_confirmed, nothing_lost = tried.met
    confirmed = _("{confirmed} of {all} orders").format(confirmed=tried.confirmed, all=ORDERS)
    most = f"{MOST_WAIT * 1000:,.0f}"
    parts = [
        (_("p99, at most {most} ms").format(most=most), f"{tried.p99 * 1000:,.0f} ms", quick),
        (
            _("requests for each order, at most {most}").format(most=MOST_REQUESTS),
            f"{tried.requests:.2f}",
            few,
        ),
        (_("confirmed, all"), confirmed, all_confirmed),
        (_("bad luck survived, all"), survived(tried), nothing_lost),
    ]
    verdicts = {True: (_("met"), "good"), False: (_("not met"), "bad")}
    met = [
        (label, f"{value} · {verdicts[is_met][0]}", verdicts[is_met][1])
        for label, value, is_met in parts
    ]
    lead = _("The first counterexample:")
    said = f"{lead} {tried.counterexample}" if tried.counterexample else ""
    if all(tried.met):
        said = _("The goal is met.")
    return tiles(*met), f"<p>{escape(said)}</p>"


# --- which style ---------------------------------------------------------------------------------


def criteria(read: Path) -> Picture:
    """The lesson's table of both styles, in the current language."""
    ours, heads = current_language(), named("criteria").items()
    return table({head: [row[f"{name}_{ours}"] for row in csv_rows(read)] for name, head in heads})


def advice(style: str, in_line: Sequence[str], behind: Sequence[str]) -> tuple[str, str, str]:
    """What to choose, and the answers that speak for each side."""
    nothing = _("Nothing calls for events, and a call is the simpler one.")
    reason = named("reasons")[style] if in_line or behind else nothing
    return (
        tiles((reason, named("styles")[style], "plain")),
        _listed(_("In favour of a synchronous call"), in_line),
        _listed(_("In favour of events"), behind),
    )


def _listed(title: str, asked: Sequence[str]) -> str:
    questions = toml_beside(__file__, "panels.toml")["chooser"]["controls"]
    labels = [questions[name]["label"] for name in asked]
    lines = "".join(f"<li>{_(label)}</li>" for label in labels) or "<li>–</li>"
    return f"<div><b>{title}</b><ul>{lines}</ul></div>"


def situations(read: Path) -> list[dict[str, str]]:
    """The situations to decide, each with what is best and why."""
    return csv_rows(read)


def decision(row: Mapping[str, str], answer: str) -> str | tuple[str, str]:
    """A situation, and what speaks for the learner's answer or against it."""
    situation = row[f"situation_{current_language()}"]
    if answer == "":
        return tiles((situation, _("What do you choose?"), "plain"))
    kind = "good" if answer == row["best"] else "bad"
    verdict = tiles((situation, named("styles")[answer], kind))
    return verdict, f"<p>{row[f'{answer}_{current_language()}']}</p>"
