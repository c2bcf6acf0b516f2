"""Notebook 03: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from lessonkit.course.message_brokers.names import KINDS, fates, keys
from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.messages import _, current_language


def comparison(read: pd.DataFrame) -> Picture:
    """The lesson's comparison of the brokers, in the current language."""
    columns = ["property", "kafka", "rabbitmq", "sqs_sns"]
    shown = read[[f"{column}_{current_language()}" for column in columns]]
    return table(shown.set_axis(["", "Apache Kafka", "RabbitMQ", "AWS SQS/SNS"], axis="columns"))


def orders_in_disorder(wrong: Mapping[tuple[str, str], int]) -> pd.DataFrame:
    """How many of six orders, for each kind of broker and each key."""
    counted = pd.Series(wrong).unstack().loc[list(KINDS), list(keys())].rename(index=KINDS)
    return counted.set_axis(pd.Index(keys().values(), name=_("Key")), axis=1)


def disorder(wrong: Collection[str], end_time: float) -> str:
    """How many orders were finished in the wrong order, and when all was done."""
    return tiles(
        [
            (_("orders in disorder, of 6"), f"{len(wrong)}", "bad" if wrong else "good"),
            (_("all done after"), f"{end_time:.1f} s", "plain"),
        ]
    )


def left(found: Mapping[int, tuple[int, int, int]]) -> pd.DataFrame:
    """How many messages each broker still has, so many days later."""
    days = pd.Index(found, name=_("days later"))
    return pd.DataFrame(found.values(), index=days, columns=["Kafka", "RabbitMQ", "SQS"])


def newcomer(found: tuple[int, int, int]) -> str:
    """What somebody finds who comes late."""
    return tiles(
        (name, _("{n} messages").format(n=n), "plain" if n else "bad")
        for name, n in zip(["Kafka", "RabbitMQ", "SQS"], found, strict=True)
    )


def poison_counts(rows: Mapping[tuple[str, bool], tuple[int, int, int]]) -> pd.DataFrame:
    """What becomes of a broken message and of the healthy ones, with and without giving up."""
    columns = [_("healthy ones handled, of 4"), _("attempts"), _("in the dead letters")]
    policies = {False: _("tries for ever"), True: _("gives up after 3")}
    index = [f"{KINDS[kind]}, {policies[give_up]}" for kind, give_up in rows]
    return pd.DataFrame(rows.values(), index=index, columns=columns)


def poison(healthy: int, attempts: int, dead: int) -> str:
    """What became of the healthy messages and of the broken one."""
    return tiles(
        [
            (_("healthy ones handled, of 4"), f"{healthy}", "good" if healthy == 4 else "bad"),
            (_("attempts"), f"{attempts}", "plain"),
            (_("in the dead letters"), f"{dead}", "plain"),
        ]
    )


def what_becomes(ended: Mapping[str, Sequence[str]], kinds: Sequence[str]) -> pd.DataFrame:
    """When worker 2 has taken over, or how often the message was handled."""
    shown = {fates()[fate]: cells for fate, cells in ended.items()}
    brokers = pd.Index([KINDS[kind] for kind in kinds], name=_("Worker 1"))
    return pd.DataFrame(shown, index=brokers).T


def handled(by: Sequence[tuple[str, float]]) -> str:
    """How often a message was handled, and when for the first time."""
    return tiles(
        [
            (_("times handled"), f"{len(by)}", "bad" if len(by) > 1 else "good"),
            (_("first handled after"), f"{by[0][1]:.1f} s", "plain"),
        ]
    )


def arrived(there: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """What has come when a request, or a reply, was lost."""
    lost = {"request": _("the message is lost"), "reply": _("the reply is lost")}
    ways = [_("fire and forget"), _("with confirms"), _("with confirms, and idempotent")]
    return pd.DataFrame({lost[what]: cells for what, cells in there.items()}, index=ways)


def per_second(measured: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Messages per second, for 1, 2, 4 and 8 consumers."""
    return pd.DataFrame(measured, index=pd.Index([1, 2, 4, 8], name=_("consumers"))).T


def throughput(measured: Mapping[str, Sequence[float]]) -> str:
    """Messages per second, for one consumer and more."""
    return charts.lines(
        range(1, 1 + max(map(len, measured.values()))),
        measured,
        title=_("Messages per second"),
        xlabel=_("consumers"),
        ylabel=_("per second"),
    )


def busy_day(per_minute: pd.Series[int]) -> pd.DataFrame:
    """The orders of a day, and its busiest minute."""
    hour, minute = divmod(int(per_minute.to_numpy().argmax()), 60)
    numbers = {
        _("orders in all"): per_minute.sum(),
        _("in the busiest minute"): per_minute.max(),
        _("busiest minute"): f"{hour:02}:{minute:02}",
    }
    return pd.Series(numbers).to_frame("")


def backlog(waiting: Sequence[int], waits: Sequence[float]) -> tuple[str, str]:
    """How many orders wait, every ten minutes of a day, and how long (in seconds) one waited."""
    longest, left_over = max(waits) / 60, waiting[-1]
    numbers = [
        (_("largest backlog"), f"{max(waiting):,}", "plain"),
        (_("longest wait"), f"{longest:,.0f} min", "bad" if longest > 30 else "good"),
        (_("still waiting at midnight"), f"{left_over:,}", "bad" if left_over > 100 else "good"),
    ]
    picture = charts.lines(
        [n / 6 for n in range(len(waiting))],
        {_("orders waiting"): waiting},
        title=_("The backlog over the day"),
        xlabel=_("hour"),
        ylabel=_("orders"),
    )
    return tiles(numbers), picture


def choice(against: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The broker against which the fewest answers speak, and what speaks against each."""
    words = {
        ("again", "RabbitMQ"): _("what a queue has acknowledged is gone"),
        ("again", "SQS/SNS"): _("what is deleted is gone, unless a FIFO topic archives it"),
        ("own_retry", "Kafka"): _("in a consumer group a message that fails blocks its partition"),
        ("huge", "RabbitMQ"): _("every message is tracked one by one"),
        ("huge", "SQS/SNS"): _("every single request costs money"),
        ("nobody", "Kafka"): _("servers, disks and partitions to look after"),
        ("nobody", "RabbitMQ"): _("servers to look after"),
        ("elsewhere", "SQS/SNS"): _("it exists on AWS only"),
    }
    fewest = min(map(len, against.values()))
    verdicts = {True: (_("fits best"), "good"), False: (_("rather not"), "plain")}
    shown = [(name, *verdicts[len(answers) == fewest]) for name, answers in against.items()]
    said = [
        "; ".join(words[answer, name] for answer in answers) or "–"
        for name, answers in against.items()
    ]
    reasons = pd.DataFrame({_("broker"): list(against), _("speaks against it"): said})
    return tiles(shown), table(reasons).html
