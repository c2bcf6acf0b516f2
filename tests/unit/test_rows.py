"""Rows under a picture: an outbox, a saga's log, a number that the trace knows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from lessonkit import Event, Outbox, language, run
from lessonkit.database import Database
from lessonkit.lab import outbox_rows, saga_row, state_row, timeline
from lessonkit.patterns.outbox.lease import Relay
from lessonkit.patterns.outbox.outbox import OutboxMessage
from lessonkit.patterns.saga import Saga, SagaLog, Step
from lessonkit.records import Row
from lessonkit.trace import Trace
from tests.unit.test_timeline_geometry import check


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


@dataclass(frozen=True)
class Placed(Event):
    order_id: str


def test_a_message_of_the_outbox_is_unpublished_until_it_is_published() -> None:
    outbox = Outbox(Database(":memory:"))

    async def publish(message: OutboxMessage) -> None:
        if message.aggregate == "O-002":
            await asyncio.Event().wait()  # a relay that never comes back

    async def scene() -> list[Row]:
        await asyncio.sleep(0.1)
        with outbox.database.transaction() as tx:
            outbox.add(tx, Placed("O-001"), "O-001")
        await asyncio.sleep(0.1)
        await Relay(outbox, publish).run_once()
        with outbox.database.transaction() as tx:
            outbox.add(tx, Placed("O-002"), "O-002")
        relay = asyncio.create_task(Relay(outbox, publish).run_once())
        await asyncio.sleep(0.1)
        rows = outbox_rows(outbox)
        relay.cancel()
        return rows

    assert run(scene()).result == [
        Row("1 · Placed", [(0.1, "unpublished"), (0.2, "published")]),
        Row("2 · Placed", [(0.2, "leased")]),
    ]


def test_the_row_of_a_saga_is_the_last_line_of_its_log_at_each_moment() -> None:
    log = SagaLog(command_type=dict)

    async def charge(_command: dict) -> None:
        await asyncio.sleep(0.2)

    saga = Saga("order", [Step("payment", charge)], log=log)
    run(saga.execute("O-001", {}))
    row = saga_row(log, "O-001")
    assert row.name == "log of O-001"
    assert row.values == [
        (0.0, "started"),
        (0.0, "payment: step begun"),
        (0.2, "payment: step done"),
        (0.2, "completed"),
    ]


def test_rows_are_drawn_below_the_lanes_and_nothing_lies_on_anything() -> None:
    trace = Trace()
    for number, time in enumerate((0.0, 0.1, 0.5, 0.9)):
        trace.clock = lambda time=time: time
        trace.state("RabbitMQ", "ready", number)
    before = check(timeline(trace))
    trace.rows.append(state_row(trace, "RabbitMQ", "ready"))
    trace.rows.append(Row("1 · Placed", [(0.1, "unpublished"), (0.5, "published")]))
    trace.rows.append(Row("narrow", [(0.0, "a"), (0.001, "cannot be read here"), (0.01, "b")]))
    picture = timeline(trace)
    words = check(picture)
    assert len(words) > len(before)
    assert {"RabbitMQ: ready", "unpublished", "published", "1 · Placed"} <= set(words)
    hidden = re.findall(r"<title>(cannot be read here)</title>", picture)
    assert hidden  # for the mouse and the keyboard
    at_200 = timeline(trace, at=0.2)
    assert at_200.count(">unpublished<") == 2  # in the band, and in the column of that moment
    assert trace.digest() == Trace(states=trace.states).digest()
    ElementTree.fromstring(picture)
