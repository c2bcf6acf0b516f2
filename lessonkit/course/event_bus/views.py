"""Notebook 06: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from lessonkit.explorer import Case
from lessonkit.lab import Picture, table, tiles
from lessonkit.messages import _
from lessonkit.runner import Run
from lessonkit.shop import Answer, Shop, Told, books

Entry = tuple[int, str, str, str]
"""A line of a bus's log: when (ms), the event, who was told, and what came of it."""


def report(runs: Iterable[tuple[Shop, Run[Answer]]]) -> pd.DataFrame:
    """What a bus does on a good day, and when the inventory or the mail refuses."""
    days = [_("no fault"), _("inventory refuses"), _("mail refuses")]
    rows = []
    for shop, outcome in runs:
        (order,) = books(shop)
        rows.append(
            {
                _("the customer was told"): _(outcome.result.told),
                _("after (ms)"): round(outcome.result.wait * 1000),
                _("pieces held"): order.held,
                _("mails"): order.mails,
            }
        )
    return pd.DataFrame(rows, index=days)


def log(entries: Sequence[Entry]) -> Picture:
    """What a bus has written down."""
    heads = [_("when (ms)"), _("event"), _("told to"), _("what came of it")]
    return table(pd.DataFrame(entries, columns=heads))


def comparison(
    shop: Shop, outcome: Run[Answer], logged: Sequence[Entry], somebody_fails: bool
) -> str:
    """What came of one order: for the customer, in the books, and in the log."""
    held, mails = sum(order.held for order in books(shop)), len(shop.notification.mails)
    failures = sum(entry[3] != "✓" for entry in logged)
    told, honest = type(outcome.error).__name__, False
    if outcome.error is None:
        told = _(outcome.result.told)
        honest = (outcome.result.told is Told.CONFIRMED) == (held > 0) == (mails > 0)
    unseen = somebody_fails and not failures
    return tiles(
        [
            (_("the customer waited"), f"{outcome.elapsed * 1000:,.0f} ms", "plain"),
            (_("the customer was told"), told, "good" if honest else "bad"),
            (_("pieces held"), str(held), "plain"),
            (_("mails"), str(mails), "plain"),
            (_("failures in the log"), str(failures), "bad" if unseen else "plain"),
        ]
    )


def wait_or_forget(rows: Iterable[tuple[Answer, Sequence[Entry]]]) -> pd.DataFrame:
    """What the customer was told, and when the failure shows: with waiting, and without."""
    return pd.DataFrame(
        [
            {
                _("the customer was told"): _(answer.told),
                _("after (ms)"): round(answer.wait * 1000),
                _("the failure shows after (ms)"): entries[0][0],
            }
            for answer, entries in rows
        ],
        index=[_("wait"), _("forget")],
    )


def not_done(handlers: int) -> str:
    """How many handlers failed, or were not through when all was over."""
    words = _("handlers failed or not done")
    return tiles([(words, str(handlers), "bad" if handlers else "good")])


def deaths(cases: Iterable[Case]) -> pd.DataFrame:
    """For each death of the process: what was saved, and what nobody has heard of."""
    rows = []
    for case in cases:
        orders = case.ledgers
        unheard = [order for order in orders if order.stands and not (order.held and order.mails)]
        rows.append(
            {
                _("bad luck"): case.title,
                _("orders saved"): sum(order.stands for order in orders),
                _("stock is held for"): sum(order.held > 0 for order in orders),
                _("mails"): sum(order.mails for order in orders),
                _("events lost"): len(unheard),
                _('... and told "confirmed"'): sum(
                    Told.CONFIRMED in order.told for order in unheard
                ),
            }
        )
    return pd.DataFrame(rows)
