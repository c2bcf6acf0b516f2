"""Notebook 01: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lessonkit.explorer import Case, Exploration
from lessonkit.lab import charts, table, tiles
from lessonkit.messages import _
from lessonkit.shop import Answer, Shop

LENGTHS = range(1, 11)
"""So many services may be in a chain."""


def quantiles(steady: pd.Series[float], tailed: pd.Series[float]) -> pd.DataFrame:
    """The middle and the slowest hundredth (ms), without a tail and with one."""
    waits = {_("always 200 ms"): steady, _("200 ms on average, with a tail"): tailed}
    found = pd.DataFrame(waits).quantile([0.5, 0.99]).set_index(pd.Index(["p50", "p99"]))
    return (found * 1000).round().astype(int)


def tail(waits: pd.Series[float]) -> tuple[str, str]:
    """How long a thousand customers wait (in seconds)."""
    p50, p99 = (float(waits.quantile(share)) for share in (0.5, 0.99))
    numbers = [
        (_("half wait less than"), f"{p50 * 1000:,.0f} ms", "plain"),
        (_("one in a hundred waits more than"), f"{p99 * 1000:,.0f} ms", "plain"),
    ]
    picture = charts.histogram(
        list(waits),
        marks={"p50": p50, "p99": p99},
        title=_("How long a thousand customers wait"),
        xlabel=_("waiting time (ms)"),
    )
    return tiles(numbers), picture


def shares(measured: Sequence[float], formula: Sequence[float]) -> pd.DataFrame:
    """The share of orders that get through a chain, for each of its lengths."""
    lengths = pd.Index(LENGTHS[: len(measured)], name=_("services"))
    found = pd.DataFrame({_("measured"): measured, _("formula"): formula}, index=lengths)
    return found.round(3).T


def dead(measured: float, n: int, availability: float) -> tuple[str, str]:
    """How many of 500 orders got through a chain of ``n`` services, and what the formula says."""
    turned_away = round((1 - measured) * 500)
    numbers = [
        (_("orders that got through"), f"{measured:.1%}", "plain"),
        (_("the formula says"), f"{availability**n:.1%}", "plain"),
        (_("turned away, of 500"), f"{turned_away}", "bad" if turned_away else "good"),
    ]
    picture = charts.lines(
        LENGTHS,
        {_("formula"): [availability**k for k in LENGTHS]},
        mark=(n, measured, _("measured")),
        title=_("How many orders get through a chain"),
        xlabel=_("services in the chain"),
        ylabel=_("share of orders"),
    )
    return tiles(numbers), picture


def what_the_caller_sees(*runs: tuple[Answer, Shop]) -> pd.DataFrame:
    """The error and the wait, which are alike, and the money, which is not."""
    return pd.DataFrame(
        {
            _("the caller sees"): answer.reason,
            _("after"): f"{answer.wait * 1000:.0f} ms",
            _("yen taken"): sum(charge.amount for charge in shop.payment.captures.values()),
        }
        for answer, shop in runs
    )


def after_two_clicks(plain: Exploration, careful: Exploration) -> pd.DataFrame:
    """The books after two clicks on one order."""
    rows = {}
    for name, found in {_("plain"): plain, _("careful"): careful}.items():
        (order,) = found.find("clicks-twice").ledgers
        rows[name] = {
            _("pieces held"): order.held,
            _("yen taken"): order.money,
            _("mails"): order.mails,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def what_is_left(cases: Sequence[Case]) -> str:
    """The counterexamples, and what the audit says of each."""
    said = {
        _("bad luck"): [case.title for case in cases],
        _("what the audit says"): [case.violations[0].sentence for case in cases],
    }
    return table(pd.DataFrame(said)).html


def waits(no_fault: int, reply_lost: int, slow: int) -> pd.DataFrame:
    """How long the customer waits (ms) on three days."""
    in_ms = {
        _("no fault"): no_fault,
        _("the reply to the charge is lost once"): reply_lost,
        _("payment is ten times as slow"): slow,
    }
    return pd.DataFrame({_("waiting time (ms)"): in_ms})
