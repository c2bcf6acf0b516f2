"""The producer: what is lost on the way, what comes twice, and who can tell."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import run
from lessonkit.patterns.brokers import NotConfirmed, PartitionedLog, Producer, WorkQueue
from lessonkit.records import Fate
from lessonkit.shop.network import correlation

LOSSES = ["nothing", "request", "reply"]


def arrived(broker: Any) -> list[str]:
    """What the broker holds."""
    if isinstance(broker, PartitionedLog):
        parts = range(broker.partitions)
        return [record.value for part in parts for record in broker.read(part, 0, 1000)]
    return [stored.body for _, stored in broker._line]


async def send_all(producer: Producer, *bodies: str) -> None:
    for body in bodies:
        await producer.send(body, "k")


@pytest.mark.parametrize("make", [PartitionedLog, WorkQueue])
@pytest.mark.parametrize(
    ("confirms", "losses", "left"),
    [
        (False, ["request"], ["b"]),  # fire and forget: lost, and nobody knows
        (False, ["reply"], ["a", "b"]),
        (True, ["request"], ["a", "b"]),
        (True, ["reply"], ["a", "a", "b"]),  # only the word was lost
        (True, ["reply", "request", "reply"], ["a", "a", "a", "b"]),
    ],
)
def test_confirms_lose_nothing_and_may_send_twice(
    make: Any, confirms: bool, losses: list[str], left: list[str]
) -> None:
    broker = make("orders")
    run(send_all(Producer(broker, losses=losses, confirms=confirms), "a", "b"))
    assert arrived(broker) == left


def test_who_gets_no_word_at_all_is_told_so_and_knows_nothing() -> None:
    log = PartitionedLog("orders")
    producer = Producer(log, losses=["reply"] * 3, retries=2, timeout=4)

    async def main() -> float:
        with pytest.raises(NotConfirmed, match="'orders' did not confirm 'a' in 3 attempts"):
            await producer.send("a")
        return asyncio.get_running_loop().time()

    assert run(main()).result == 12
    assert arrived(log) == ["a", "a", "a"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(LOSSES), max_size=12), st.integers(1, 4), st.booleans())
def test_an_idempotent_producer_sends_each_message_once_whatever_is_lost(
    losses: list[str], messages: int, at_once: bool
) -> None:
    log = PartitionedLog("orders")
    producer = Producer(log, losses=losses, idempotent=True, retries=12)
    bodies = [f"m{number}" for number in range(messages)]

    async def main() -> None:
        if at_once:
            await asyncio.gather(*(producer.send(body) for body in bodies))
        else:
            await send_all(producer, *bodies)

    run(main())
    assert Counter(arrived(log)) == Counter(bodies)


def test_to_send_twice_oneself_is_to_send_two_messages() -> None:
    log = PartitionedLog("orders")
    run(send_all(Producer(log, idempotent=True), "a", "a"))
    assert arrived(log) == ["a", "a"]


def test_what_was_lost_is_seen_in_the_trace() -> None:
    producer = Producer(PartitionedLog("orders"), losses=["request", "reply"], idempotent=True)
    trace = run(send_all(producer, "a")).trace
    assert [(m.sender, m.receiver, m.fate) for m in trace.messages] == [
        ("producer", "orders", Fate.LOST),
        ("producer", "orders", Fate.DELIVERED),
        ("orders", "producer", Fate.LOST),
    ]


def test_bad_options_are_refused_by_name() -> None:
    log, queue = PartitionedLog("orders"), WorkQueue("mail")
    for act, error, words in [
        (lambda: Producer("orders"), TypeError, "broker must be a PartitionedLog or"),
        (lambda: Producer(queue, idempotent=True), ValueError, "idempotent needs"),
        (lambda: Producer(log, idempotent=True, confirms=False), ValueError, "idempotent needs"),
        (lambda: Producer(log, losses=["all"]), ValueError, "losses must be one of nothing"),
        (lambda: Producer(log, retries=-1), ValueError, "retries must be 0 or more"),
        (lambda: Producer(log, timeout=0), ValueError, "timeout must be"),
    ]:
        with pytest.raises(error, match=words):
            act()  # type: ignore[no-untyped-call]
    with pytest.raises(TypeError, match="value must be a text"):
        run(Producer(log).send(7))  # type: ignore[arg-type]


def test_a_word_is_waited_for_one_second_unless_told_otherwise() -> None:
    producer = Producer(WorkQueue("q"), losses=["reply"])
    assert run(producer.send("x")).elapsed == 1.0


def test_what_is_sent_read_and_lost_belongs_to_its_order() -> None:
    log = PartitionedLog("log")

    async def main() -> None:
        correlation.set("O-001")
        await Producer(log, losses=["request", "reply"]).send("a", "k")
        correlation.set(None)
        await log.join("group", "reader").poll(wait=1)

    messages = run(main()).trace.messages
    assert [message.fate for message in messages].count(Fate.LOST) == 2
    assert {message.correlation for message in messages} == {"O-001"}
    assert {"reader"} <= {message.receiver for message in messages}
