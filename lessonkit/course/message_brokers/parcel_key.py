"""The key of a parcel's events: it keeps each order in order, and everybody busy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.exercises.written import advice, exercise
from lessonkit.faults import stream
from lessonkit.messages import _
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


STEPS = {"PackingStarted": 1, "ParcelSent": 1, "LastParcelSent": 2}
"""What happens to every order, in this order; and with which of its parcels it has to do."""

ORDERS, BIG_CUSTOMERS_ORDERS = 40, 28
PARTITIONS, MOST_OF_THE_EVENTS = 4, 0.6
"""No partition may have a larger share than that."""


@dataclass
class _Sent:
    """An event that a process of the warehouse sent, and what became of it."""

    order: str
    event: ParcelEvent
    process: int
    key: Any
    partition: int = -1


@dataclass
class _Run:
    """All events, in the order in which they were finished."""

    sent: list[_Sent]

    @property
    def no_text(self) -> list[_Sent]:
        return [one for one in self.sent if not isinstance(one.key, str)]

    @property
    def keys(self) -> Counter[Any]:
        return Counter(one.key for one in self.sent)

    @property
    def scattered(self) -> list[_Sent]:
        """The events of an order that have different keys; of one that was mixed up, if any was."""
        orders = [[one for one in self.sent if one.order == order] for order in _orders()]
        found = [events for events in orders if len({one.key for one in events}) > 1]
        mixed = [events for events in found if [one.event.type for one in events] != list(STEPS)]
        return next(iter(mixed or found), [])

    @property
    def share(self) -> int:
        """Per cent of the events in the fullest partition."""
        return _per_cent(Counter(one.partition for one in self.sent), self.sent)

    @property
    def heaviest_key(self) -> str:
        return str(self.keys.most_common(1)[0][0])


def _per_cent(counts: Counter[Any], of: Sequence[_Sent]) -> int:
    return round(100 * max(counts.values()) / len(of))


def _orders() -> list[str]:
    return [f"O-{1000 + number}" for number in range(1, ORDERS + 1)]


def _judge_key(key_of: Callable[[ParcelEvent], Any]) -> Counterexample | None:
    return first_counterexample(_runs(Program(key_of)), ADVICE, _picture, _sentence)


def _runs(program: Program) -> Iterator[_Run]:
    events = _events()
    processes = [program.start(), program.start()]  # the warehouse is restarted in between
    sent = []
    for number, (order, event) in enumerate(events):
        process = 2 * number // len(events)
        sent.append(_Sent(order, event, process, processes[process](event)))
    can_be_sent = all(isinstance(one.key, str) for one in sent)
    yield _Run(run(_work_off(sent)).result if can_be_sent else sent)


def _events() -> list[tuple[str, ParcelEvent]]:
    """Every event with its order, as they are sent."""
    rng = stream(0, "parcels")
    small = [f"C-{number + 2}" for number in range(ORDERS - BIG_CUSTOMERS_ORDERS)]
    customers = ["C-1"] * BIG_CUSTOMERS_ORDERS + small
    rng.shuffle(customers)
    moments = []
    for order, customer in zip(_orders(), customers, strict=True):
        moment = rng.uniform(0, 40)
        for step, parcel in STEPS.items():
            moments.append((moment, order, step, customer, f"{order}/{parcel}"))
            moment += rng.uniform(0.1, 2)
    return [
        (order, ParcelEvent(f"E-{number}", *event))
        for number, (_moment, order, *event) in enumerate(sorted(moments), start=1)
    ]


async def _work_off(sent: Sequence[_Sent]) -> list[_Sent]:
    """Send the events to a log with a group of four; all of them, as they were finished."""
    log = PartitionedLog("Kafka", partitions=PARTITIONS)
    by_id = {one.event.event_id: one for one in sent}
    finished: list[_Sent] = []
    all_done = asyncio.Event()

    async def work(worker: int) -> None:
        rng, member = stream(0, f"worker {worker}"), log.join("mail", f"{worker}")
        while len(finished) < len(sent):
            for record in await member.poll(most=1):
                await asyncio.sleep(rng.uniform(0.05, 0.15))
                member.commit(record)
                finished.append(replace(by_id[record.value], partition=record.partition))
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


def _sentence(run: _Run) -> str:
    if run.no_text:
        words = _("For the event {one.event.event_id}, `key_of` returned {one.key!r:.40}: no text.")
        return words.format(one=run.no_text[0])
    if run.scattered:
        words = _(
            "The events of {one.order} have different keys. Here they are as they were finished:"
        )
        return words.format(one=run.scattered[0])
    words = _("The order is kept. {used} of {all} partitions are used; the fullest has {share}%.")
    used = len({one.partition for one in run.sent})
    return words.format(used=used, all=PARTITIONS, share=run.share)


def _picture(run: _Run) -> str:
    shown = (run.no_text or run.scattered)[:6]
    heads = ["event_id", "type", "customer_id", "parcel_id", _("your key"), _("partition")]
    if shown:
        events = [(*vars(one.event).values(), repr(one.key)[:40], one.partition) for one in shown]
        return rows_html(heads, events)
    rows = []
    for partition in range(PARTITIONS):
        mine = Counter(one.key for one in run.sent if one.partition == partition)
        keys = _(", ").join(f"{key} ({number})" for key, number in mine.most_common(4))
        rows.append((partition, mine.total(), keys))
    return rows_html([_("partition"), _("events"), _("most frequent keys")], rows)


def _changes_with_the_process(run: _Run) -> bool:
    """Whether each process has one key for each order, and the next one has another."""
    keys = {(one.order, one.process, one.key) for one in run.sent}
    return bool(run.scattered) and len(keys) == len({key[:2] for key in keys})


def _goes_by(name: str) -> Callable[[_Run], bool]:
    """Whether two events have the same key if, and only if, they have the same ``name``."""

    def goes(run: _Run) -> bool:
        pairs = {(getattr(one.event, name), one.key) for one in run.sent}
        return len(pairs) == len({value for value, _key in pairs}) == len(run.keys)

    return goes


def _is_uneven(run: _Run) -> bool:
    used = {one.partition for one in run.sent}
    return run.share > 100 * MOST_OF_THE_EVENTS or len(used) < PARTITIONS


ADVICE = advice(
    __name__,
    "partition_key",
    changes_with_the_process=_changes_with_the_process,
    goes_by_type=_goes_by("type"),
    goes_by_parcel=_goes_by("parcel_id"),
    all_keys_differ=lambda run: len(run.keys) == len(run.sent),
    has_one_key=lambda run: len(run.keys) == 1,
    has_one_heavy_key=lambda run: _per_cent(run.keys, run.sent) > 100 * MOST_OF_THE_EVENTS,
    is_uneven=_is_uneven,
)

partition_key = exercise(__name__, "partition_key", _judge_key)
