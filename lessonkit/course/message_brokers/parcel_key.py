"""The key of a parcel's events: it keeps each order in order, and everybody busy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.faults import stream
from lessonkit.lab import tiles
from lessonkit.messages import N_, _
from lessonkit.patterns.brokers import PartitionedLog
from lessonkit.runner import run


@dataclass(frozen=True)
class ParcelEvent:
    """Something that the warehouse tells of a parcel.

    Attributes
    ----------
    event_id
        No two events have the same.
    type
        What has happened; one of `STEPS`.
    customer_id
        Whose order it is.
    parcel_id
        Such as ``"O-1007/2"``: the second parcel of the order O-1007.
    """

    event_id: str
    type: str
    customer_id: str
    parcel_id: str


STEPS = ("PackingStarted", "ParcelSent", "LastParcelSent")
"""What happens to every order, in this order."""

PARCELS = (1, 1, 2)
"""With which of its two parcels each step has to do."""

ORDERS = 40
BIG_CUSTOMERS_ORDERS = 28
PARTITIONS = 4
MOST_OF_THE_EVENTS = 0.6
"""No partition may have a larger share than that."""


@dataclass(frozen=True)
class _Sent:
    """An event that was sent, and what became of it."""

    order: str
    step: int
    event: ParcelEvent
    key: Any
    partition: int = -1
    worker: int = 0
    finished: float = 0.0


def _judge_key(key_of: Callable[[ParcelEvent], Any]) -> Counterexample | None:
    sent = [_Sent(order, step, event, key_of(event)) for order, step, event in _events()]
    nobody_has_a_key = all(one.key is None for one in sent)
    if not nobody_has_a_key and not all(isinstance(one.key, str) for one in sent):
        return _no_text(sent)
    handled = run(_work_off(sent)).result
    orders: dict[str, list[_Sent]] = {}
    for one in handled:
        orders.setdefault(one.order, []).append(one)
    mixed = [steps for steps in orders.values() if not _in_order(steps)]
    scattered = [steps for steps in orders.values() if len({one.partition for one in steps}) > 1]
    if mixed:
        words = _(
            "In {number} of {all} orders the steps were finished in the wrong order, and the"
            " customer's mails are mixed up. One of them is {order}."
        )
        said = words.format(number=len(mixed), all=ORDERS, order=mixed[0][0].order)
        return Counterexample(said, _advice_mixed(sent), _steps_table(mixed[0]))
    if scattered:
        words = _(
            "This time it went well. But the events of {order} are in different partitions, and"
            " these know nothing of each other."
        )
        said = words.format(order=scattered[0][0].order)
        return Counterexample(said, _advice_mixed(sent), _steps_table(scattered[0]))
    return _unevenly_spread(handled)


def _events() -> list[tuple[str, int, ParcelEvent]]:
    """Every event, as it is sent: the order's id, the number of the step, and the event."""
    rng = stream(0, "parcels")
    customers = ["C-1"] * BIG_CUSTOMERS_ORDERS
    customers += [f"C-{number + 2}" for number in range(ORDERS - BIG_CUSTOMERS_ORDERS)]
    rng.shuffle(customers)
    moments = []
    for number, customer in enumerate(customers, start=1):
        moment = rng.uniform(0, 40)
        for step in range(len(STEPS)):
            moments.append((moment, f"O-{1000 + number}", step, customer))
            moment += rng.uniform(0.1, 2)
    return [
        (
            order,
            step,
            ParcelEvent(f"E-{number}", STEPS[step], customer, f"{order}/{PARCELS[step]}"),
        )
        for number, (_moment, order, step, customer) in enumerate(sorted(moments), start=1)
    ]


async def _work_off(sent: Sequence[_Sent]) -> list[_Sent]:
    """Send the events to a log with a group of four; what they have finished, in that order."""
    log = PartitionedLog("Kafka", partitions=PARTITIONS)
    by_id = {one.event.event_id: one for one in sent}
    finished: list[_Sent] = []
    all_done = asyncio.Event()

    async def work(worker: int) -> None:
        rng = stream(0, f"worker {worker}")
        member = log.join("mail", f"{worker}")
        while True:
            for record in await member.poll(most=1):
                await asyncio.sleep(rng.uniform(0.05, 0.15))
                member.commit(record)
                one, now = by_id[record.value], asyncio.get_running_loop().time()
                finished.append(
                    replace(one, partition=record.partition, worker=worker, finished=now)
                )
                if len(finished) == len(sent):
                    all_done.set()

    workers = [asyncio.create_task(work(number)) for number in range(1, PARTITIONS + 1)]
    await asyncio.sleep(0)
    for one in sent:
        log.append(one.key, one.event.event_id)
        await asyncio.sleep(0.01)
    await all_done.wait()
    for worker in workers:
        worker.cancel()
    return finished


def _in_order(steps: Sequence[_Sent]) -> bool:
    return [one.step for one in steps] == list(range(len(STEPS)))


def _decides(attribute: str, sent: Sequence[_Sent]) -> bool:
    """Whether the key depends on nothing but this attribute of the event."""
    pairs = {(getattr(one.event, attribute), one.key) for one in sent}
    return len(pairs) == len({value for value, _key in pairs})


def _advice_mixed(sent: Sequence[_Sent]) -> str:
    keys = {one.key for one in sent}
    if keys == {None}:
        return _(
            "Without a key the partitions take turns, and so the events of one order end up in"
            " different ones. What must stay in order needs a key."
        )
    if _decides("type", sent) and len(keys) == len(STEPS):
        return _(
            "All events of one type are together now. But no customer minds which of two orders is"
            " packed first. Between which events does the order matter?"
        )
    if _decides("parcel_id", sent):
        return _(
            "The events of one parcel stay together. But the last parcel has overtaken the first"
            " one of the same order: the two have different keys. What do they have in common?"
        )
    if len(keys) == len(sent):
        return _(
            "Each event has a key of its own, so nothing stays together: it is as if there were"
            " no keys. Events that must not overtake each other need the same one."
        )
    return _(
        "The events of one order have different keys. Only what has the same key stays in order."
    )


def _unevenly_spread(handled: Sequence[_Sent]) -> Counterexample | None:
    events = Counter(one.partition for one in handled)
    fullest, most = max(events.items(), key=lambda item: item[1])
    if most <= MOST_OF_THE_EVENTS * len(handled) and len(events) == PARTITIONS:
        return None
    keys = {one.key for one in handled}
    if len(keys) == 1:
        advice = _(
            "Every event has the same key, and one key goes into one partition: three of the four"
            " workers have nothing to do. Orders that have nothing to do with each other need not"
            " wait for each other. What is the least that must stay in order?"
        )
    elif _decides("customer_id", handled):
        advice = _(
            "The order is kept. But C-1 orders more than all the others together, and one key"
            " cannot be divided. Do two orders of one customer have to wait for each other?"
        )
    else:
        words = _(
            "There are only {number} different keys for {orders} orders. Look at the keys in the"
            " table. The smaller the group that shares a key, the more evenly they spread."
        )
        advice = words.format(number=len(keys), orders=ORDERS)
    words = _(
        "The order is kept, but partition {partition} has {percent} % of the events, and the last"
        " one is finished after {seconds} s."
    )
    percent = f"{100 * most / len(handled):.0f}"
    seconds = f"{max(one.finished for one in handled):.1f}"
    said = words.format(partition=fullest, percent=percent, seconds=seconds)
    return Counterexample(said, advice, _load_picture(handled))


def _no_text(sent: Sequence[_Sent]) -> Counterexample:
    bad = next(one for one in sent if not isinstance(one.key, str))
    kind = type(bad.key).__name__
    said = _("For the event {event}, `key_of` returned no text, but a value of type {kind}.")
    advice = _(
        "A broker computes the partition from the letters of the key, so a key is always a text."
        " Does every way through your function return one?"
    )
    shown = [bad, *(one for one in sent if one is not bad)][:6]
    columns = ["event_id", "type", "customer_id", "parcel_id"]
    rows = [[*(getattr(one.event, name) for name in columns), _shown(one.key)] for one in shown]
    picture = rows_html([*columns, _("your key")], rows)
    return Counterexample(said.format(event=bad.event.event_id, kind=kind), advice, picture)


def _steps_table(steps: Sequence[_Sent]) -> str:
    """One order's events, in the order in which they were finished."""
    rows = [
        (
            f"{one.finished * 1000:,.0f} ms",
            one.event.type,
            one.event.parcel_id,
            _shown(one.key),
            one.partition,
            _("worker {n}").format(n=one.worker),
            "✓" if one.step == place else _("✗ should be number {n}").format(n=one.step + 1),
        )
        for place, one in enumerate(steps)
    ]
    columns = [
        _("finished at"),
        _("event"),
        "parcel_id",
        _("your key"),
        _("partition"),
        _("handled by"),
        _("in order"),
    ]
    return rows_html(columns, rows)


def _load_picture(handled: Sequence[_Sent]) -> str:
    """Each partition's events in a tile, and which keys it has."""
    shares, rows = [], []
    for partition in range(PARTITIONS):
        mine = [one for one in handled if one.partition == partition]
        share = len(mine) / len(handled)
        is_bad = not 0 < share <= MOST_OF_THE_EVENTS
        label = _("of the events: partition {number}").format(number=partition)
        shares.append((label, f"{100 * share:.0f} %", "bad" if is_bad else "plain"))
        keys = Counter(one.key for one in mine).most_common(3)
        ended = f"{max(one.finished for one in mine):.1f} s" if mine else "–"
        counted = ", ".join(f"{_shown(key)} ({number})" for key, number in keys) or "–"
        rows.append((partition, len(mine), counted, ended))
    columns = [_("partition"), _("events"), _("most frequent keys"), _("finished after")]
    return tiles(shares) + rows_html(columns, rows)


def _shown(key: object) -> str:
    words = repr(key)
    return words if len(words) <= 40 else f"{words[:39]}…"


partition_key = Exercise(
    name="partition_key",
    notebook="03-message-brokers",
    point=4,
    title=N_("Find the key that keeps each order in order, and keeps everybody busy"),
    shown=N_(
        "One text settles both the order and the load. Choose the smallest thing whose events"
        " must stay in order."
    ),
    starter="""
def key_of(event):
    return event.type
""",
    asks=("key_of",),
    judge=_judge_key,
    hints=(
        N_(
            "Ask of each field: if two events have the same value here, must they stay in order?"
            " And the other way round: if they must stay in order, do they have the same value?"
        ),
        N_(
            "Not a single field will do as it is. One is too narrow, because an order has two"
            " parcels. One is too wide, because a customer has many orders."
        ),
        N_("`O-1007/1` and `O-1007/2` belong together. Which part of the `parcel_id` says so?"),
        N_('`"O-1007/2".split("/")` gives `["O-1007", "2"]`. Return the part that you need.'),
    ),
    answer="""
def key_of(event):
    return event.parcel_id.split("/")[0]
""",
)
