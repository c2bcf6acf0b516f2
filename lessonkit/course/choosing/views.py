"""Notebook 07: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from lessonkit.course.choosing import names
from lessonkit.explorer import Case, Exploration
from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.messages import _, current_language
from lessonkit.shop import OrderBooks, Told


def claims(criteria: pd.DataFrame) -> pd.DataFrame:
    """What the lesson says of both styles, in the current language."""
    ours = current_language()
    return pd.DataFrame(
        {
            _("criterion"): criteria[f"criterion_{ours}"],
            _("request-response"): criteria[f"request_response_{ours}"],
            _("event-driven"): criteria[f"event_driven_{ours}"],
        }
    )


def lost_mails(found: Mapping[str, Exploration]) -> pd.DataFrame:
    """How much bad luck each shop survives, and how many mails it loses."""
    return pd.DataFrame(
        {
            _("survived"): [f"{one.survived} / {one.tried}" for one in found.values()],
            _("mails lost"): [sum(map(_lost_mails, one.cases)) for one in found.values()],
        },
        index=list(found),
    )


def four_shops(found: Iterable[Exploration]) -> pd.DataFrame:
    """What bad luck does to the four shops, and what they still owe when it is over."""
    found = list(found)
    return pd.DataFrame(
        {
            _("survived"): [f"{one.survived} / {one.tried}" for one in found],
            _("mails lost"): [sum(map(_lost_mails, one.cases)) for one in found],
            _("something is still owed"): [_count(lambda o: o.owed, one) for one in found],
            _("more than one mail"): [_count(lambda o: o.mails > 1, one) for one in found],
        },
        index=names.styles(),
    )


def _lost_mails(case: Case) -> int:
    return sum(order.stands and not (order.mails or order.owed) for order in case.ledgers)


def _count(is_so: Callable[[OrderBooks], object], found: Exploration) -> int:
    return sum(any(map(is_so, case.ledgers)) for case in found.cases)


def does_not_occur(title: str) -> str:
    """Says so, of a piece of bad luck."""
    return tiles([(title, _("does not occur in this style"), "plain")])


def survived(found: Exploration) -> str:
    """How much of what was tried did no harm."""
    words = _("Survived: {survived} of {tried}.")
    return words.format(survived=found.survived, tried=found.tried)


def figures(day: pd.DataFrame) -> dict[str, int]:
    """What the customers of a day were told, how long they waited, and what they never got."""
    confirmed, failed = day["told"] == Told.CONFIRMED, day["told"] == Told.FAILED
    mail_due = day["stands"] & day["paid"]
    return {
        _('told "failed" although it stands'): int((failed & day["stands"]).sum()),
        _('told "confirmed" but never paid'): int((confirmed & ~day["paid"]).sum()),
        _("p50 (ms)"): round(day["wait"].quantile(0.5) * 1000),
        _("p99 (ms)"): round(day["wait"].quantile(0.99) * 1000),
        _("mails late"): int((mail_due & (day["mail after"] > 60)).sum()),
        _("mails never"): int((mail_due & day["mail after"].isna()).sum()),
    }


def three_days(days: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The same day in three shops."""
    return pd.DataFrame(dict(zip(names.compared(), map(figures, days), strict=True)))


def day(customers: pd.DataFrame) -> tuple[str, str, str]:
    """The figures of a day, and what each of its half-hours was like."""
    plain = (_("p50 (ms)"), _("p99 (ms)"))
    numbers = [
        (name, f"{value:,}", "plain" if name in plain else "bad" if value else "good")
        for name, value in figures(customers).items()
    ]
    half_hour = (customers["asked"] // 1800).astype(int)

    def per_half_hour(values: pd.Series[Any], how: str) -> list[float]:
        return list(values.groupby(half_hour).agg(how).reindex(range(48), fill_value=0))

    confirmed, due = customers["told"] == Told.CONFIRMED, customers["stands"] & customers["paid"]
    after = customers["mail after"]
    hours = [n / 2 for n in range(48)]
    waiting = charts.lines(
        hours,
        {_("longest wait for the answer"): per_half_hour(customers["wait"], "max")},
        title=_("How long the customers of each half-hour waited"),
        xlabel=_("hour of the day"),
        ylabel=_("seconds"),
    )
    wrong = charts.lines(
        hours,
        {
            _("told an untruth"): per_half_hour(confirmed != due, "sum"),
            _("mails never"): per_half_hour(due & after.isna(), "sum"),
            _("mails late"): per_half_hour(due & (after > 60), "sum"),
        },
        title=_("What went wrong for the customers of each half-hour"),
        xlabel=_("hour of the day"),
        ylabel=_("customers"),
    )
    return tiles(numbers), waiting, wrong


def measured(lesson: pd.DataFrame, cells: Iterable[Sequence[object]]) -> Picture:
    """The lesson's claims, and beside them what was measured in three shops."""
    words = _("{style}: measured")
    head = [*lesson.columns, *[words.format(style=name) for name in names.compared()]]
    rows = zip(*lesson.to_numpy().T, *cells, strict=True)
    return table(pd.DataFrame(rows, columns=head))


def advice(style: str, in_line: Sequence[str], behind: Sequence[str]) -> tuple[str, str, str]:
    """What to choose, and the answers that speak for each side."""
    reasons = {
        "request_response": _("Everything that you ticked belongs in line."),
        "event_driven": _("Nothing that you ticked has to be waited for."),
        "hybrid": _("Cut the task: the first list in line, the second behind."),
    }
    nothing = _("Nothing speaks for events, and a call is the simpler one.")
    reason = reasons[style] if in_line or behind else nothing
    return (
        tiles([(reason, names.answers()[style], "plain")]),
        _listed(_("Speaks for waiting in line"), in_line),
        _listed(_("Speaks for events behind"), behind),
    )


def _listed(title: str, asked: Sequence[str]) -> str:
    lines = "".join(f"<li>{names.questions()[name]}</li>" for name in asked) or "<li>–</li>"
    return f"<div><b>{title}</b><ul>{lines}</ul></div>"


def decision(row: pd.Series[Any], answer: str) -> str | tuple[str, str]:
    """A situation, and what speaks for the learner's answer or against it."""
    situation = row[f"situation_{current_language()}"]
    if answer == "":
        return tiles([(situation, _("What do you choose?"), "plain")])
    kind = "good" if answer == row["best"] else "bad"
    verdict = tiles([(situation, names.answers()[answer], kind)])
    return verdict, f"<p>{row[f'{answer}_{current_language()}']}</p>"


def situations(advised: Sequence[str]) -> pd.DataFrame:
    """In how many situations each style is the best."""
    named = pd.Series(advised).map(names.answers())
    return named.value_counts().rename(_("situations")).to_frame()
