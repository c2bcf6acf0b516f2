"""Notebook 03: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lessonkit.course.message_brokers.names import KINDS, fates, keys
from lessonkit.course.message_brokers.plumbing import STEPS
from lessonkit.explorer import Exploration
from lessonkit.files import toml_beside
from lessonkit.lab import Picture, charts, table, tiles, timeline
from lessonkit.lab.written import written_names
from lessonkit.messages import _, current_language
from lessonkit.trace import Trace
from lessonkit.words import SMALL, escape

if TYPE_CHECKING:
    import pandas as pd


def comparison(read: pd.DataFrame) -> Picture:
    """The lesson's comparison of the brokers, in the current language."""
    columns = ["property", "kafka", "rabbitmq", "sqs_sns"]
    shown = read[[f"{column}_{current_language()}" for column in columns]]
    brokers = table(shown.set_axis(["", "Apache Kafka", "RabbitMQ", "AWS SQS/SNS"], axis="columns"))
    note = _("As of {year}. The source of each cell is in data/brokers.csv.").format(
        year=read.filter(regex="_year$").to_numpy().max()
    )
    return Picture(brokers.html, f'<div style="{SMALL}">{escape(note)}</div>')


def disorder(finished: Sequence[str], end_time: float) -> str:
    """How many orders were finished in the wrong order, and when all was done."""
    wrong = overtaken(finished)
    return tiles(
        (_("orders in disorder, of 6"), f"{len(wrong)}", "bad" if wrong else "good"),
        (_("all done after"), _seconds(end_time), "plain"),
    )


def overtaken(finished: Sequence[str]) -> list[str]:
    """The orders whose events were finished in another order than they happened."""
    of_order: dict[str, list[str]] = {}
    for event in finished:
        order, step = event.split()
        of_order.setdefault(order, []).append(step)
    return [order for order, steps in of_order.items() if tuple(steps) != STEPS]


def smallest(cases: Mapping[tuple[str, str, str], tuple[Sequence[str], Trace]]) -> Picture:
    """What one slow event of an order does: a sentence, a table, and the first bad run.

    Parameters
    ----------
    cases
        For each broker, key and slow event the events as they were finished, and the run.
    """
    rows: dict[tuple[str, str], list[bool]] = {}
    for (kind, key, _slow), (finished, _trace) in cases.items():
        rows.setdefault((kind, key), []).append(bool(overtaken(finished)))
    words = {False: _("in order"), True: _("✗ overtaken")}
    said_of = zip(*[[words[bad] for bad in row] for row in rows.values()], strict=True)
    heads = [_("{event} is slow").format(event=step) for step in STEPS]
    names = [_("{broker}, key: {key}").format(broker=KINDS[b], key=keys()[k]) for b, k in rows]
    shown = table({"": names, **dict(zip(heads, said_of, strict=True))})
    first = next(case for case, (finished, _trace) in cases.items() if overtaken(finished))
    finished, trace = cases[first]
    said = _("{broker}, key: {key}. {slow} is slow, and {other} overtakes it.").format(
        broker=KINDS[first[0]], key=keys()[first[1]], slow=first[2], other=finished[0].split()[1]
    )
    return Picture(shown.html, f"<p><b>{escape(said)}</b></p>", timeline(trace))


def left(found: Mapping[int, tuple[int, int, int]]) -> Picture:
    """How many messages each broker still has, so many days later."""
    by_broker = zip(("Kafka", "RabbitMQ", "SQS"), zip(*found.values(), strict=True), strict=True)
    return table({_("messages left after (days)"): found, **dict(by_broker)})


def readings(log: Sequence[str], queue: Sequence[str]) -> Picture:
    """What came when a log, and a queue, was read a second time."""
    came = [_(", ").join(found) or "–" for found in (log, queue)]
    return table({"": [_("the second reading")], "Kafka": came[:1], "RabbitMQ": came[1:]})


def poison_counts(rows: Mapping[tuple[str, bool], tuple[int, int, int]]) -> Picture:
    """What becomes of a broken message and of the healthy ones, with and without giving up."""
    columns = [_("healthy ones handled, of 4"), _("attempts"), _("in the dead letters")]
    policies = {False: _("tries for ever"), True: _("gives up after 3")}
    names = [
        _("{broker}, {policy}").format(broker=KINDS[kind], policy=policies[give_up])
        for kind, give_up in rows
    ]
    counts = zip(columns, zip(*rows.values(), strict=True), strict=True)
    return table({"": names, **dict(counts)})


def poison(healthy: int, attempts: int, dead: int) -> str:
    """What became of the healthy messages and of the broken one."""
    return tiles(
        (_("healthy ones handled, of 4"), f"{healthy}", "good" if healthy == 4 else "bad"),
        (_("attempts"), f"{attempts}", "plain"),
        (_("in the dead letters"), f"{dead}", "plain"),
    )


def what_becomes(handled: Mapping[tuple[str, str], Sequence[tuple[str, float]]]) -> Picture:
    """When a message was handled, if worker 1 has gone; else how often.

    Parameters
    ----------
    handled
        For each broker and what befell worker 1, who has handled the message, and when.
    """
    shown: dict[str, dict[str, str]] = {}  # for each broker, what came of what
    for (kind, fate), by in handled.items():
        gone = fate in ("killed", "frozen")
        told = _seconds(by[0][1]) if gone else _("{n} ×").format(n=len(by))
        shown.setdefault(KINDS[kind], {})[fates()[fate]] = told
    columns = {broker: cells.values() for broker, cells in shown.items()}
    said = _("When the message is handled if worker 1 stops; how often if worker 1 is only slow")
    outcomes = table({_("Worker 1"): next(iter(shown.values())), **columns})
    return Picture(f"<p><b>{escape(said)}</b></p>", outcomes.html)


def handled(by: Sequence[tuple[str, float]]) -> str:
    """How often a message was handled, and when for the first time."""
    return tiles(
        (_("handled (times)"), f"{len(by)}", "bad" if len(by) > 1 else "good"),
        (_("first handled after"), _seconds(by[0][1]), "plain"),
    )


def _seconds(time: float) -> str:
    return _("{number} s").format(number=f"{time:.1f}")


def tried(careless: Exploration, careful: Exploration) -> Picture:
    """How many of the deliveries that come twice do harm."""
    both = careless, careful
    return table(
        {
            "": [_("without a key"), _("the order's number as the key")],
            _("delivered twice, one at a time"): [each.tried for each in both],
            _("books do not balance"): [len(each.counterexamples) for each in both],
        }
    )


def arrived(there: Mapping[str, Sequence[Sequence[str]]]) -> Picture:
    """What has come, each way to send, when a request or a reply was lost."""
    lost = {"request": _("the message is lost"), "reply": _("the reply is lost")}
    ways = [_("fire and forget"), _("with confirms"), _("with confirms, and idempotent")]
    columns = {lost[what]: list(map(_(", ").join, came)) for what, came in there.items()}
    return table({"": ways, **columns})


def per_second(measured: Mapping[str, Sequence[int]]) -> Picture:
    """Messages per second, for 1, 2, 4 and 8 consumers."""
    speeds = zip("1248", zip(*measured.values(), strict=True), strict=True)
    return table({_("messages per second; consumers:"): measured, **dict(speeds)})


def backlog(
    waiting: Sequence[tuple[float, int]], waits: Sequence[float], refused: int, left_over: int
) -> tuple[str, str]:
    """How a day went.

    Parameters
    ----------
    waiting
        At a moment (in seconds), how many orders waited or were at work.
    waits
        How long each order took until it was handled, in seconds.
    refused, left_over
        How many were not taken, and how many were not done at midnight.
    """
    longest, most = max(waits) / 60, max(orders for _moment, orders in waiting)
    numbers = [
        (_("orders waiting, at most"), f"{most:,}", "plain"),
        (
            _("longest wait"),
            _("{number} min").format(number=f"{longest:,.0f}"),
            "bad" if longest > 30 else "good",
        ),
        (_("orders refused"), f"{refused:,}", "bad" if refused else "good"),
        (_("orders waiting at midnight"), f"{left_over:,}", "bad" if left_over > 100 else "good"),
    ]
    # From midnight to midnight. More points than can be told apart help nobody.
    drawn = [(0.0, 0), *waiting[::3], (24 * 3600, left_over)]
    picture = charts.lines(
        [moment / 3600 for moment, _orders in drawn],
        {_("orders waiting"): [orders for _moment, orders in drawn]},
        **written_names(__file__, "backlog"),
    )
    return tiles(*numbers), picture


def choice(against: Mapping[str, Sequence[str]], yes: Sequence[str]) -> tuple[str, str]:
    """The broker against which the fewest answers speak, and what speaks against each.

    Parameters
    ----------
    against
        For each question the brokers against which a "yes" speaks.
    yes
        The questions that were answered so.
    """
    words = toml_beside(__file__, "against.toml")
    brokers = ["Kafka", "RabbitMQ", "SQS/SNS"]
    spoken = {broker: [name for name in yes if broker in against[name]] for broker in brokers}
    fewest = min(map(len, spoken.values()))
    verdicts = {True: (_("fits best"), "good"), False: (_("rather not"), "plain")}
    shown = [(name, *verdicts[len(answers) == fewest]) for name, answers in spoken.items()]
    said = [
        "; ".join(_(words[answer][name]) for answer in answers) or "–"
        for name, answers in spoken.items()
    ]
    reasons = table({_("broker"): spoken, _("why not"): said})
    return tiles(*shown), reasons.html
