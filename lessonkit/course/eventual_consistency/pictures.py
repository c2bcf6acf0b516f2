"""What the judges of this notebook show: tables, and how many questions come at once."""

from __future__ import annotations

import random
from math import inf

from lessonkit.course.eventual_consistency.waiting import (
    CLIENTS,
    DEADLINE,
    MOST_LATE,
    PATIENCE,
    Client,
    Waited,
    let_wait,
    per_second,
)
from lessonkit.exercises.tables import rows_html
from lessonkit.messages import _
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.polling import poll_until

SHOWN = 14
"""A table of questions has so many rows at most."""


def questions_table(waited: Waited) -> str:
    """A client's questions and their answers, as a table."""
    asked, answers = waited.client.asked, waited.client.answers
    rows = [
        (str(number), f"{moment:.2f}", answer)
        for number, (moment, answer) in enumerate(zip(asked, answers, strict=False), 1)
    ]
    if len(rows) > SHOWN:
        rows = [*rows[: SHOWN - 2], ("…", "…", "…"), rows[-1]]
    ended = f"{waited.ended:.2f}"
    if waited.ended == inf:
        rows.append(("", f"{PATIENCE:.2f}", _("still waiting")))
    elif waited.error is not None:
        rows.append(("", ended, type(waited.error).__name__))
    else:
        rows.append(("", ended, _("returned: {value}").format(value=repr(waited.returned)[:40])))
    heads = (_("question number"), _("asked after (s)"), _("answer"))
    return rows_html(heads, rows)


def crowd_chart(crowd: list[int]) -> str:
    """The questions per second, beside those of clients that spread out by chance.

    Parameters
    ----------
    crowd
        How many questions came in each second.
    """
    from lessonkit.lab import charts

    async def with_jitter(client: Client, order_id: str, rng: random.Random) -> object:
        polite = Backoff(base=1, cap=MOST_LATE)
        return await poll_until(
            lambda: client.get_status(order_id),
            lambda status: status != "PENDING",
            attempts=100,
            backoff=polite,
            deadline=DEADLINE,
            rng=rng,
        )

    spread = per_second(let_wait(with_jitter, clients=CLIENTS))
    return charts.lines(
        list(range(len(crowd))),
        {_("your clients"): crowd, _("spread out by chance"): spread},
        title=_("Questions per second; the order is not confirmed"),
        xlabel=_("time (s)"),
        ylabel=_("questions"),
    )
