"""The work queue: what RabbitMQ promises, and what it does not."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import run
from lessonkit.patterns.brokers import ConsumerClosed, UnknownDelivery, WorkQueue
from lessonkit.patterns.brokers.work_message import WorkMessage
from lessonkit.patterns.brokers.work_queue import Consumer
from lessonkit.records import Fate


async def take(consumer: Consumer, wait: float | None = 0) -> WorkMessage:
    message = await consumer.get(wait)
    assert message is not None
    return message


async def bodies(consumer: Consumer) -> list[str]:
    """Everything that the consumer can get, each acknowledged."""
    found = []
    while message := await consumer.get(0):
        found.append(message.body)
        consumer.ack(message)
    return found


def a_queue(*texts: str, **options: Any) -> WorkQueue:
    queue = WorkQueue("mail", **options)
    for text in texts:
        queue.publish(text)
    return queue


def test_what_comes_back_often_stays_before_all_that_never_came_back() -> None:
    async def main() -> list[str]:
        queue = a_queue("a", "b", kind="quorum")
        consumer = queue.consume("worker")
        for _ in range(200):
            consumer.nack(await take(consumer), requeue=True)
        return await bodies(consumer)

    assert run(main()).result == ["a", "b"]


# --- prefetch and turns --------------------------------------------------------------------------


def test_consumers_take_turns() -> None:
    async def main() -> list[list[str]]:
        queue = a_queue()
        consumers = [queue.consume(name, prefetch=10) for name in "abc"]
        for number in range(6):
            queue.publish(str(number))
        return [await bodies(consumer) for consumer in consumers]

    assert run(main()).result == [["0", "3"], ["1", "4"], ["2", "5"]]


def test_with_prefetch_one_the_quick_consumer_works_off_what_the_slow_one_cannot() -> None:
    async def main() -> tuple[int, int]:
        queue = a_queue(*map(str, range(10)))
        slow, quick = queue.consume("slow"), queue.consume("quick")
        await take(slow)
        return len(await bodies(quick)), queue.unacked

    assert run(main()).result == (9, 1)


def test_a_large_prefetch_hoards_the_backlog_and_leaves_the_others_idle() -> None:
    async def main() -> list[str]:
        queue = a_queue(*map(str, range(10)))
        queue.consume("first", prefetch=100)
        return await bodies(queue.consume("second", prefetch=100))

    assert run(main()).result == []


def test_a_consumer_has_at_most_prefetch_messages_that_it_has_not_acknowledged() -> None:
    async def main() -> list[tuple[int, int]]:
        queue = a_queue(*map(str, range(5)))
        consumer = queue.consume("a", prefetch=2)
        seen = [(queue.ready, queue.unacked)]
        consumer.ack(await take(consumer))
        return [*seen, (queue.ready, queue.unacked)]

    assert run(main()).result == [(3, 2), (2, 2)]


def test_an_ack_gives_room_for_one_message_and_no_more() -> None:
    async def main() -> list[tuple[int, int]]:
        queue = a_queue("0")
        consumer = queue.consume("a", prefetch=2)
        consumer.ack(await take(consumer))
        for number in range(4):
            queue.publish(str(number))
        seen = [(queue.ready, queue.unacked)]
        consumer.ack(await take(consumer))
        return [*seen, (queue.ready, queue.unacked)]

    assert run(main()).result == [(2, 2), (1, 2)]


def test_who_began_to_wait_first_is_served_first() -> None:
    async def main() -> list[str]:
        queue, served = a_queue(), []

        async def worker(name: str) -> None:
            await queue.consume(name).get()
            served.append(name)

        names = [f"w{number}" for number in range(5)]
        tasks = [asyncio.create_task(worker(name)) for name in names]
        await asyncio.sleep(1)
        for _ in names:
            queue.publish("x")
        await asyncio.gather(*tasks)
        return served

    assert run(main()).result == [f"w{number}" for number in range(5)]


def test_two_who_wait_at_one_consumer_are_served_in_their_order() -> None:
    async def main() -> list[str]:
        queue = a_queue()
        consumer = queue.consume("a", prefetch=3)
        waiting = [asyncio.create_task(consumer.get()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.sleep(0)
        queue.publish("x")
        queue.publish("y")
        first, third = await waiting[0], await waiting[2]
        assert first is not None
        assert third is not None
        return [first.body, third.body]

    assert run(main()).result == ["x", "y"]


# --- coming back ---------------------------------------------------------------------------------


def test_what_a_dead_consumer_had_comes_back_to_where_it_was() -> None:
    async def main() -> tuple[list[str], int]:
        queue = a_queue(*"abcdef")
        consumer = queue.consume("a", prefetch=4)
        first = await take(consumer)
        second = await take(consumer)
        consumer.ack(second)
        assert first.body == "a"
        consumer.die()
        consumer.die()  # to die twice does no harm
        ready = queue.ready
        return await bodies(queue.consume("b", prefetch=10)), ready

    assert run(main()).result == (list("acdef"), 5)


def test_what_was_sent_to_a_consumer_counts_as_delivered_though_it_never_took_it() -> None:
    async def main() -> WorkMessage:
        queue = a_queue("x")
        queue.consume("a").die()
        return await take(queue.consume("b"))

    message = run(main()).result
    assert (message.redelivered, message.deliveries) == (True, 2)


def test_what_is_requeued_is_the_next_to_be_delivered() -> None:
    async def main() -> list[str]:
        queue = a_queue(*"abc")
        consumer = queue.consume("a")
        consumer.nack(await take(consumer), requeue=True)
        return await bodies(consumer)

    assert run(main()).result == list("abc")


def test_with_two_consumers_what_is_requeued_has_been_overtaken() -> None:
    async def main() -> list[str]:
        queue = a_queue(*"ab")
        first, second = queue.consume("1"), queue.consume("2")
        failed = await take(first)
        done = await bodies(second)
        first.nack(failed, requeue=True)
        return done + await bodies(second) + await bodies(first)

    assert run(main()).result == ["b", "a"]


def test_without_a_limit_a_poison_message_comes_back_for_ever() -> None:
    async def main() -> int:
        queue = a_queue("poison", "x")
        consumer = queue.consume("a")
        for _ in range(100):
            message = await take(consumer)
            assert message.body == "poison"
            consumer.nack(message, requeue=True)
        return (await take(consumer)).deliveries

    assert run(main()).result == 101


# --- dead letters --------------------------------------------------------------------------------


def test_what_is_refused_goes_to_the_dead_letters_with_a_note() -> None:
    async def main() -> WorkMessage:
        dead = WorkQueue("mail.dead")
        queue = WorkQueue("mail", dead_letter=dead)
        queue.publish("x", {"type": "Mail"})
        await asyncio.sleep(5)
        consumer = queue.consume("a")
        consumer.nack(await take(consumer), requeue=False)
        assert (queue.ready, queue.unacked, dead.ready) == (0, 0, 1)
        return await take(dead.consume("undertaker"))

    message = run(main()).result
    death = {"queue": "mail", "reason": "rejected", "count": 1, "time": 5.0}
    assert (message.body, message.redelivered) == ("x", False)
    assert message.headers == {"type": "Mail", "x-death": [death]}


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_message_may_come_back_as_often_as_the_limit_says(limit: int) -> None:
    async def main() -> tuple[int, Any]:
        dead = WorkQueue("mail.dead")
        queue = a_queue("poison", kind="quorum", dead_letter=dead, delivery_limit=limit)
        consumer = queue.consume("a")
        deliveries = 0
        while message := await consumer.get(0):
            deliveries += 1
            consumer.reject(message, requeue=True)
        (death,) = (await take(dead.consume("undertaker"))).headers["x-death"]
        return deliveries, (death["reason"], death["count"])

    assert run(main()).result == (limit + 1, ("delivery_limit", 1))


def test_a_message_that_kills_its_consumers_reaches_the_limit_too() -> None:
    async def main() -> int:
        dead = WorkQueue("mail.dead")
        queue = a_queue("poison", kind="quorum", dead_letter=dead, delivery_limit=2)
        for number in range(3):
            queue.consume(f"w{number}").die()
        return dead.ready

    assert run(main()).result == 1


def test_a_quorum_queue_gives_up_after_twenty_failures_and_drops_without_dead_letters() -> None:
    async def main() -> tuple[int, int, int]:
        queue = a_queue("poison", kind="quorum")
        consumer, deliveries = queue.consume("a"), 0
        while message := await consumer.get(0):
            deliveries += 1
            consumer.reject(message, requeue=True)
        return deliveries, queue.ready, queue.unacked

    assert run(main()).result == (21, 0, 0)


def test_what_is_given_back_unhandled_counts_toward_no_limit() -> None:
    async def main() -> tuple[int, int]:
        queue = a_queue("x", kind="quorum", delivery_limit=0)
        consumer = queue.consume("a")
        for _ in range(100):
            consumer.nack(await take(consumer), requeue=True)
        last = await take(consumer)
        consumer.reject(last, requeue=True)
        return last.deliveries, queue.ready + queue.unacked

    assert run(main()).result == (101, 0)


def test_a_classic_queue_knows_no_limit_however_it_is_refused() -> None:
    async def main() -> int:
        queue = a_queue("x")
        consumer = queue.consume("a")
        for _ in range(100):
            consumer.reject(await take(consumer), requeue=True)
        return (await take(consumer)).deliveries

    assert run(main()).result == 101


def test_a_classic_queue_that_is_to_have_a_limit_is_refused() -> None:
    words = r"PRECONDITION_FAILED \(406\).*'mail'.*needs kind='quorum', got 2"
    with pytest.raises(ValueError, match=words):
        a_queue(delivery_limit=2)


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({"kind": "classic"}, "abc"),
        ({"kind": "quorum"}, "abc"),
        ({"kind": "quorum", "delivery_limit": -1}, "bca"),
    ],
)
@pytest.mark.parametrize("refuse", [Consumer.nack, Consumer.reject])
def test_what_is_returned_goes_to_the_head_or_without_a_limit_to_the_back(
    refuse: Any, options: dict[str, Any], order: str
) -> None:
    async def main() -> list[str]:
        queue = a_queue(*"abc", **options)
        consumer = queue.consume("a")
        refuse(consumer, await take(consumer), requeue=True)
        return await bodies(consumer)

    assert run(main()).result == list(order)


@pytest.mark.parametrize(("kind", "order"), [("classic", "abcd"), ("quorum", "bacd")])
def test_a_quorum_queue_lines_up_what_is_returned_as_it_is_returned(kind: str, order: str) -> None:
    async def main() -> list[str]:
        queue = a_queue(*"abcd", kind=kind)
        one, two = queue.consume("1"), queue.consume("2")
        two.die()
        one.die()
        return await bodies(queue.consume("3"))

    assert run(main()).result == list(order)


@pytest.mark.parametrize("limit", [None, -1])
def test_what_a_lost_consumer_had_goes_to_the_head_of_a_quorum_queue(limit: int | None) -> None:
    async def main() -> list[str]:
        queue = a_queue(*"abcd", kind="quorum", delivery_limit=limit)
        queue.consume("a", prefetch=3).die()
        return await bodies(queue.consume("b"))

    assert run(main()).result == list("abcd")


def test_deaths_are_counted_by_queue_and_reason_the_latest_first() -> None:
    async def main() -> list[tuple[str, str, int]]:
        graveyard = WorkQueue("graveyard")
        second = WorkQueue("second", dead_letter=graveyard)
        first = a_queue("x", dead_letter=second)
        for queue in (first, second):
            consumer = queue.consume("a")
            consumer.nack(await take(consumer), requeue=False)
        message = await take(graveyard.consume("a"))
        return [(d["queue"], d["reason"], d["count"]) for d in message.headers["x-death"]]

    assert run(main()).result == [("second", "rejected", 1), ("mail", "rejected", 1)]


def test_without_a_dead_letter_queue_what_is_refused_is_thrown_away() -> None:
    async def main() -> WorkQueue:
        queue = a_queue("x")
        consumer = queue.consume("a")
        consumer.nack(await take(consumer), requeue=False)
        return queue

    queue = run(main()).result
    assert (queue.ready, queue.unacked) == (0, 0)


# --- whose connection is not broken ---------------------------------------------------------------


def test_a_frozen_host_is_noticed_when_two_heartbeats_are_missing() -> None:
    async def main() -> tuple[float, bool, int]:
        queue = a_queue("x", heartbeat=5)
        frozen = queue.consume("a")
        message = await take(frozen)
        await asyncio.sleep(1)
        other = queue.consume("b")
        waiting = asyncio.create_task(other.get())
        await asyncio.sleep(0)
        frozen.freeze()
        frozen.freeze()  # to freeze twice does no harm, nor to die then
        frozen.die()
        frozen.close()
        with pytest.raises(ConsumerClosed):  # what it does arrives nowhere
            frozen.ack(message)
        got = await waiting
        assert got is not None
        with pytest.raises(ConsumerClosed):
            frozen.ack(message)
        return asyncio.get_running_loop().time(), got.redelivered, queue.unacked

    assert run(main()).result == (11, True, 1)


def test_a_frozen_consumer_is_sent_messages_until_it_is_noticed() -> None:
    async def main() -> list[tuple[int, int]]:
        queue = a_queue(heartbeat=5)
        queue.consume("a").freeze()
        queue.publish("x")
        seen = [(queue.ready, queue.unacked)]
        await asyncio.sleep(10)
        seen.append((queue.ready, queue.unacked))
        queue.publish("y")  # and nothing more goes to it, though the name is free again
        queue.consume("a")
        return [*seen, (queue.ready, queue.unacked)]

    assert run(main()).result == [(0, 1), (1, 0), (1, 1)]


def test_a_frozen_consumer_that_holds_nothing_gets_nothing_when_it_has_been_noticed() -> None:
    async def main() -> tuple[int, bool]:
        queue = a_queue(heartbeat=5)
        queue.consume("a").freeze()
        await asyncio.sleep(5)
        queue.consume("b").freeze()
        await asyncio.sleep(5)
        assert queue.ready == 0  # somebody looks when the first one is noticed
        await asyncio.sleep(5)
        queue.publish("x")
        ready = queue.ready
        return ready, (await take(queue.consume("c"))).redelivered

    assert run(main()).result == (1, False)


def test_who_waits_at_a_frozen_consumer_runs_no_further_line() -> None:
    async def main() -> bool:
        queue = a_queue(heartbeat=5)
        consumer = queue.consume("a")
        waiting = asyncio.create_task(consumer.get(wait=1))
        await asyncio.sleep(0)
        consumer.freeze()
        queue.publish("x")
        await asyncio.sleep(100)
        return waiting.done()

    assert run(main()).result is False


def test_who_holds_a_message_for_too_long_loses_it_and_its_channel() -> None:
    async def main() -> tuple[float, bool]:
        queue = a_queue("x", ack_timeout=60)
        slow = queue.consume("slow", prefetch=2)
        message = await take(slow)
        mine = asyncio.create_task(slow.get())  # it waits for a second one meanwhile
        await asyncio.sleep(0)
        got = await queue.consume("other").get()
        assert got is not None
        with pytest.raises(ConsumerClosed, match=r"\(406\), it held a message for 60 s"):
            slow.ack(message)
        with pytest.raises(ConsumerClosed, match=r"\(406\)"):
            await mine
        return asyncio.get_running_loop().time(), got.redelivered

    assert run(main()).result == (60, True)


def test_who_alone_waits_too_long_with_a_message_in_hand_is_told_so() -> None:
    async def main() -> None:
        consumer = a_queue("x", ack_timeout=60).consume("a", prefetch=2)
        await take(consumer)
        with pytest.raises(ConsumerClosed, match="without an acknowledgement"):
            await consumer.get()
        assert asyncio.get_running_loop().time() == 60

    run(main())


def test_a_late_acknowledgement_is_refused_though_nobody_has_looked_meanwhile() -> None:
    async def main() -> int:
        queue = a_queue("x", ack_timeout=60)
        consumer = queue.consume("a")
        message = await take(consumer)
        await asyncio.sleep(60)
        with pytest.raises(ConsumerClosed, match="it held a message for 60 s"):
            consumer.ack(message)
        return queue.ready

    assert run(main()).result == 1


def test_the_time_to_acknowledge_counts_from_each_delivery_anew() -> None:
    async def main() -> tuple[int, float]:
        queue, handled = a_queue(*"abcd"), 0
        consumer = queue.consume("a")
        waiting = asyncio.create_task(queue.consume("idle").get(wait=7200))
        await asyncio.sleep(0)
        queue.publish("e")  # one is with each of the two now
        while message := await consumer.get(0):
            await asyncio.sleep(1000)
            handled += 1
            consumer.ack(message)
        assert waiting.done()
        return handled, asyncio.get_running_loop().time()

    # All five: what the idle one held for half an hour came back.
    assert run(main()).result == (5, 5000)


def test_a_frozen_host_hides_nobody_who_holds_a_message_for_too_long() -> None:
    async def main() -> tuple[str, float]:
        queue = a_queue(heartbeat=60, ack_timeout=30)  # the heartbeats are missing only at 120 s
        queue.consume("frozen").freeze()
        queue.publish("x")
        message = await queue.consume("other").get()
        assert message is not None
        return message.body, asyncio.get_running_loop().time()

    assert run(main()).result == ("x", 30)


def test_any_number_of_consumers_may_be_lost_at_once() -> None:
    async def main() -> list[str]:
        queue = a_queue(*map(str, range(1000)), ack_timeout=30)
        for number in range(1000):
            queue.consume(f"w{number}")
        waiting = asyncio.create_task(queue.consume("last").get())
        await asyncio.sleep(31)
        message = await waiting
        assert message is not None
        return [message.body, str(queue.ready), str(queue.unacked)]

    assert run(main()).result == ["0", "999", "1"]


def test_an_idle_queue_moves_no_time_once_all_is_acknowledged() -> None:
    async def main() -> None:
        queue = a_queue()
        consumer, other = queue.consume("a"), queue.consume("b")
        asyncio.create_task(other.get())  # noqa: RUF006 - it waits for ever
        queue.publish("x")
        await asyncio.sleep(1)
        consumer.ack(await take(consumer))
        await asyncio.sleep(1)

    assert run(main(), drain=math.inf).trace.clock() == 2


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settle",
    [
        Consumer.ack,
        lambda consumer, message: consumer.nack(message, requeue=True),
        lambda consumer, message: consumer.reject(message, requeue=False),
    ],
    ids=["ack", "nack", "reject"],
)
def test_no_message_settles_another_one_whatever_its_number(settle: Any) -> None:
    async def main() -> tuple[int, int]:
        mail, same_name, copies = a_queue("x"), a_queue("x"), a_queue("x")
        mine, others = mail.consume("a"), same_name.consume("a")
        held, foreign = await take(mine), await take(others)
        assert held == foreign  # nothing that can be read tells the two apart
        earlier = copies.consume("a")
        old = await take(earlier)
        earlier.nack(old, requeue=True)
        current = await take(earlier)
        for consumer, message in [
            (mine, foreign),
            (others, held),
            (earlier, old),
            (earlier, replace(current)),
        ]:
            with pytest.raises(UnknownDelivery):
                settle(consumer, message)
        settle(mine, held)
        return same_name.unacked, copies.unacked

    assert run(main()).result == (1, 1)


def test_a_message_is_settled_once_and_by_its_consumer_only() -> None:
    async def main() -> None:
        queue = a_queue(*"ab")
        one, two = queue.consume("1"), queue.consume("2")
        message = await take(one)
        with pytest.raises(UnknownDelivery, match="'2' does not hold"):
            two.ack(message)
        one.ack(message)
        for again in (lambda: one.ack(message), lambda: one.nack(message, requeue=True)):
            with pytest.raises(UnknownDelivery):
                again()
        with pytest.raises(TypeError, match="message must be what get"):
            one.ack("a")  # type: ignore[arg-type]
        assert (queue.ready, queue.unacked) == (0, 1)

    run(main())


@pytest.mark.parametrize("end", [Consumer.die, Consumer.close])
def test_nothing_can_be_done_in_the_name_of_who_is_gone(end: Any) -> None:
    async def main() -> None:
        queue = a_queue("x")
        consumer = queue.consume("a")
        message = await take(consumer)
        end(consumer)
        with pytest.raises(ConsumerClosed):
            consumer.ack(message)
        with pytest.raises(ConsumerClosed):
            await consumer.get()
        queue.consume("a")  # the name is free again
        assert queue.unacked == 1

    run(main())


def test_who_waits_while_its_consumer_is_closed_is_told_so() -> None:
    async def main() -> None:
        consumer = a_queue().consume("a")
        waiting = asyncio.create_task(consumer.get(wait=100))
        await asyncio.sleep(1)
        consumer.close()
        with pytest.raises(ConsumerClosed, match="'a' is closed"):
            await waiting
        assert asyncio.get_running_loop().time() == 1

    run(main())


def test_who_waits_while_its_consumer_dies_runs_no_further_line() -> None:
    async def main() -> None:
        queue = a_queue()
        consumer = queue.consume("a")
        asyncio.create_task(consumer.get(wait=100))  # noqa: RUF006 - it waits for ever
        await asyncio.sleep(1)
        consumer.die()
        queue.publish("x")

    outcome = run(main(), drain=math.inf)
    assert outcome.trace.clock() == 1


def test_bad_options_are_refused_by_name() -> None:
    queue = a_queue()
    queue.consume("a")
    for act, error, words in [
        (lambda: WorkQueue(""), ValueError, "a name must be"),
        (lambda: a_queue(kind="stream"), ValueError, "kind must be one of classic, quorum"),
        (
            lambda: a_queue(kind="quorum", delivery_limit=-2),
            ValueError,
            "delivery_limit must be -1 or more",
        ),
        (lambda: a_queue(heartbeat=0), ValueError, "heartbeat must be a number above 0"),
        (lambda: a_queue(ack_timeout=-1), ValueError, "ack_timeout must be a number above 0"),
        (lambda: a_queue(dead_letter="dead"), TypeError, "dead_letter must be a WorkQueue"),
        (lambda: a_queue(dead_letter=a_queue()), ValueError, "its own dead-letter queue"),
        (lambda: queue.consume("a"), ValueError, "has a consumer 'a' already"),
        (lambda: queue.consume("b", prefetch=0), ValueError, "prefetch must be 1 or more"),
        (lambda: queue.publish(b"x"), TypeError, "body must be a text"),
        (lambda: queue.publish("x", ["h"]), TypeError, "headers must be a dict"),
        (lambda: queue.publish("x" * (2**24 + 1)), ValueError, "at most 16,777,216 bytes"),
    ]:
        with pytest.raises(error, match=words):
            act()
    assert (queue.ready, queue.unacked) == (0, 0)
    queue.consume("b")


def test_bad_waiting_times_are_refused() -> None:
    async def main() -> None:
        consumer = a_queue().consume("a")
        for wait in (-1, math.nan, math.inf):
            with pytest.raises(ValueError, match="wait must be"):
                await consumer.get(wait)

    run(main())


def test_what_a_consumer_does_to_the_headers_stays_with_it() -> None:
    async def main() -> dict[str, Any]:
        queue, headers = a_queue(), {"type": "Mail"}
        queue.publish("x", headers)
        headers["type"] = "changed by the publisher"
        consumer = queue.consume("a")
        message = await take(consumer)
        message.headers["type"] = "changed by the consumer"
        consumer.nack(message, requeue=True)
        return (await take(consumer)).headers

    assert run(main()).result == {"type": "Mail"}


# --- the trace -----------------------------------------------------------------------------------


def test_the_trace_shows_what_arrived_and_what_was_lost_with_its_consumer() -> None:
    async def main() -> None:
        queue = a_queue(*"ab")
        consumer = queue.consume("worker", prefetch=2)
        await take(consumer)
        consumer.die()

    trace = run(main()).trace
    assert [(m.sender, m.receiver, m.what, m.fate) for m in trace.messages] == [
        ("producer", "mail", "a", Fate.DELIVERED),
        ("producer", "mail", "b", Fate.DELIVERED),
        ("mail", "worker", "a", Fate.DELIVERED),
        ("mail", "worker", "b", Fate.LOST),
    ]
    assert trace.states_at(0) == {"mail": {"messages ready": "2", "messages unacked": "0"}}


# --- anything goes -------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "publish",
                "publish",
                "get",
                "get",
                "ack",
                "requeue",
                "fail",
                "refuse",
                "consume",
                "die",
                "close",
                "freeze",
                "sleep",
            ]
        ),
        st.integers(0, 5),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.none() | st.integers(-1, 3))
def test_no_interleaving_loses_or_invents_a_message(
    steps: list[tuple[str, int]], limit: int | None
) -> None:
    async def main() -> None:
        dead = WorkQueue("dead")
        kind = "classic" if limit is None else "quorum"
        queue = WorkQueue(
            "mail", kind=kind, dead_letter=dead, delivery_limit=limit, heartbeat=5, ack_timeout=30
        )
        consumers: list[Consumer] = []
        holding: dict[Consumer, list[WorkMessage]] = {}
        acked: Counter[str] = Counter()
        published = named = 0
        for step, number in steps:
            if step == "publish":
                queue.publish(f"m{published}")
                published += 1
            elif step == "sleep":
                await asyncio.sleep(number * 3)
            elif step == "consume":
                named += 1
                consumers.append(queue.consume(f"w{named}", prefetch=number + 1))
                holding[consumers[-1]] = []
            elif consumers:
                consumer = consumers[number % len(consumers)]
                mine = holding[consumer]
                queue.notice_losses()
                if consumer.line.closed:  # it held a message for too long
                    consumers.remove(consumer)
                elif step == "get":
                    message = await consumer.get(0)
                    mine += [message] if message else []
                elif step in ("die", "close", "freeze"):
                    consumers.remove(consumer)
                    getattr(consumer, step)()
                elif mine and step == "ack":
                    acked[mine[0].body] += 1
                    consumer.ack(mine.pop(0))
                elif mine and step == "requeue":
                    consumer.nack(mine.pop(), requeue=True)
                elif mine:
                    consumer.reject(mine.pop(), requeue=step == "fail")
            assert queue.ready + queue.unacked + dead.ready + acked.total() == published
        await asyncio.sleep(30)  # every loss is noticed
        for consumer in consumers:
            consumer.close()
        left = await bodies(queue.consume("last", prefetch=100))
        buried = await bodies(dead.consume("last", prefetch=100))
        if limit is None:
            assert left == sorted(left, key=lambda body: int(body[1:]))
        total = acked + Counter(left) + Counter(buried)
        assert total == Counter(f"m{number}" for number in range(published))

    run(main())


def test_each_delivery_has_a_tag_of_its_own() -> None:
    async def main() -> list[int]:
        queue = WorkQueue("work")
        worker = queue.consume("worker", prefetch=3)
        for body in ("a", "b", "a"):
            queue.publish(body)
        return [message.delivery_tag for _ in range(3) if (message := await worker.get())]

    assert run(main()).result == [1, 2, 3]
