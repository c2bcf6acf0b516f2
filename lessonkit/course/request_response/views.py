"""Notebook 01: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles as cut

from lessonkit.exercises.tables import rows_html
from lessonkit.explorer import Case, Exploration
from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.lab.written import written_names
from lessonkit.messages import N_, _, service_name
from lessonkit.shop import Answer, Shop
from lessonkit.trace import Trace
from lessonkit.words import escape

LENGTHS = range(1, 11)
"""So many services may be in a chain."""

NO_REPLY = N_("no reply from payment")
"""What the error of a caller says that has waited for the payment in vain."""


def score(found: Exploration) -> str:
    """How many cases of bad luck an order service survives."""
    lost = found.tried - found.survived
    return tiles(
        (_("cases of bad luck"), str(found.tried), "plain"),
        (_("the books balance"), str(found.survived), "good"),
        (_("the books do not balance"), str(lost), "bad" if lost else "good"),
    )


def p50_and_p99(waits: Sequence[float]) -> tuple[float, float]:
    """What half of the customers, and all but one in a hundred, stay under (in seconds)."""
    hundredths = cut(waits, n=100, method="inclusive")
    return hundredths[49], hundredths[98]


def steady_and_tailed(steady: Sequence[float], tailed: Sequence[float]) -> Picture:
    """The middle and the slowest hundredth (ms), without a tail and with one."""
    rows = {_("always 200 ms"): steady, _("200 ms on average, with a tail"): tailed}
    in_ms = {
        name: [f"{seconds * 1000:,.0f}" for seconds in p50_and_p99(waits)]
        for name, waits in rows.items()
    }
    return table({"ms": ["p50", "p99"], **in_ms})


def tail(waits: Sequence[float]) -> tuple[str, str]:
    """How long a thousand customers wait (in seconds)."""
    p50, p99 = p50_and_p99(waits)
    numbers = [
        (_("half wait less than"), f"{p50 * 1000:,.0f} ms", "plain"),
        (_("one in a hundred waits more than"), f"{p99 * 1000:,.0f} ms", "plain"),
    ]
    picture = charts.histogram(
        waits,
        marks={"p50": p50, "p99": p99},
        **written_names(__file__, "tail"),
    )
    return tiles(*numbers), picture


def shares(lengths: Sequence[int], measured: Sequence[float], formula: Sequence[float]) -> Picture:
    """The share of orders that get through a chain, for each of these lengths."""
    found = {_("orders that got through"): measured, _("the formula says"): formula}
    rows = [(name, *(f"{share:.1%}" for share in each)) for name, each in found.items()]
    return Picture(rows_html([_("services"), *map(str, lengths)], rows))


def dead(measured: float, n: int, availability: float, orders: int) -> tuple[str, str]:
    """How many orders got through a chain of ``n`` services, and what the formula says."""
    turned_away = round((1 - measured) * orders)
    away = _("turned away, of {orders}")
    numbers = [
        (_("orders that got through"), f"{measured:.1%}", "plain"),
        (_("the formula says"), f"{availability**n:.1%}", "plain"),
        (away.format(orders=orders), f"{turned_away}", "bad" if turned_away else "good"),
    ]
    picture = charts.lines(
        LENGTHS,
        {_("formula"): [availability**k * 100 for k in LENGTHS]},
        mark=(n, measured * 100, _("measured")),
        **written_names(__file__, "chain"),
    )
    return tiles(*numbers), picture


def what_the_caller_sees(*runs: tuple[Answer, Shop]) -> str:
    """The error and the wait, which are alike, and the money, which is not."""
    seen = {
        _("what happened"): [_("down before the effect"), _("reply lost after the effect")],
        _("the caller sees"): [_(answer.reason) for answer, _shop in runs],
        _("after"): [f"{answer.wait_ms} ms" for answer, _shop in runs],
        _("yen taken"): [
            f"{sum(charge.amount for charge in shop.payment.captures.values()):,}"
            for _answer, shop in runs
        ],
    }
    return table(seen).html


def after_two_clicks(plain: Exploration, careful: Exploration) -> str:
    """The books after two clicks on one order."""
    orders = [found.find("clicks-twice").ledgers[0] for found in (plain, careful)]
    kept: dict[str, Sequence[object]] = {
        _("after two clicks"): [_("plain"), _("careful")],
        _("pieces held"): [order.held for order in orders],
        _("yen taken"): [f"{order.money:,}" for order in orders],
        _("mails"): [order.mails for order in orders],
    }
    return table(kept).html


def what_is_left(cases: Sequence[Case]) -> str:
    """The counterexamples, and what the audit says of each."""
    said = {
        _("bad luck"): [case.title for case in cases],
        _("what the audit says"): [
            "\n".join(one.sentence for one in case.violations) for case in cases
        ],
    }
    return table(said).html


def called_by_name(trace: Trace) -> Picture:
    """Whom the order service addresses in a run, in one sentence."""
    called = [receiver for sender, receiver in trace.who_knows_whom() if sender == "orders"]
    words = _("The order service calls {number} others by name: {names}.")
    names = _(", ").join(map(service_name, called))
    return Picture(f"<p>{escape(words.format(number=len(called), names=names))}</p>")
