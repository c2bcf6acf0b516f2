"""Topic and queue: what SNS and SQS promise, and what they do not."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import run
from lessonkit.patterns.brokers import Queue, Topic, UnknownDelivery
from lessonkit.patterns.brokers.sqs_message import SqsMessage
from lessonkit.records import Fate
from lessonkit.shop.network import correlation

DAY = 24 * 3600.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(queue: Queue, name: str = "worker", **options: Any) -> SqsMessage:
    (message,) = await queue.receive(name, **options)
    return message


def texts(messages: list[SqsMessage]) -> list[str]:
    return [message.body for message in messages]


async def work_off(queue: Queue) -> list[str]:
    found = []
    while messages := await queue.receive("worker", most=10, wait=0):
        found += texts(messages)
        for message in messages:
            queue.delete(message)
    return found


# --- the topic -----------------------------------------------------------------------------------


def test_every_subscribed_queue_gets_a_copy() -> None:
    async def main() -> list[list[str]]:
        topic, queues = Topic("OrderEvents"), [Queue(name) for name in "abc"]
        for queue in queues:
            topic.subscribe(queue)
        topic.publish("x")
        return [await work_off(queue) for queue in queues]

    assert run(main()).result == [["x"], ["x"], ["x"]]


def test_a_queue_that_subscribes_late_has_missed_what_was_before() -> None:
    async def main() -> list[str]:
        topic, queue = Topic("OrderEvents"), Queue("Inventory")
        topic.publish("old")
        topic.subscribe(queue)
        topic.publish("new")
        return await work_off(queue)

    assert run(main()).result == ["new"]


@pytest.mark.parametrize(
    ("filter_", "attributes", "wanted"),
    [
        (None, None, True),
        ({}, {}, True),
        ({"type": ["A"]}, {"type": "A"}, True),
        ({"type": ["A", "B"]}, {"type": "B", "more": "x"}, True),
        ({"type": ["A"]}, {"type": "B"}, False),
        ({"type": ["A"]}, {}, False),
        ({"type": ["A"], "shop": ["1"]}, {"type": "A"}, False),
        ({"type": ["A"], "shop": ["1"]}, {"type": "A", "shop": "1"}, True),
    ],
)
def test_a_filter_lets_through_what_matches_in_every_key(
    filter_: Any, attributes: Any, wanted: bool
) -> None:
    async def main() -> bool:
        topic, queue = Topic("OrderEvents"), Queue("Inventory")
        topic.subscribe(queue, filter=filter_)
        topic.publish("x", attributes)
        return queue.depth == 1

    assert run(main()).result is wanted


def test_a_fifo_topic_also_delivers_to_standard_queues_without_the_group() -> None:
    async def main() -> list[str | None]:
        topic = Topic("OrderEvents", fifo=True)
        queues = [Queue("fifo", fifo=True), Queue("standard")]
        for queue in queues:
            topic.subscribe(queue)
        topic.publish("x", group="O-1")
        return [(await take(queue)).group for queue in queues]

    assert run(main()).result == ["O-1", None]


def test_a_standard_queue_keeps_what_two_fifo_topics_send_alike() -> None:
    async def main() -> list[str]:
        queue = Queue("standard")
        for name in "ab":
            topic = Topic(name, fifo=True)
            topic.subscribe(queue)
            topic.publish("x", group="O-1")
        return await work_off(queue)

    assert run(main()).result == ["x", "x"]


def test_bad_subscriptions_are_refused() -> None:
    topic, queue = Topic("OrderEvents"), Queue("Inventory")
    topic.subscribe(queue)
    for arguments, options, error, words in [
        ((queue,), {}, ValueError, "'Inventory' is subscribed to 'OrderEvents' already"),
        (("q",), {}, TypeError, "queue must be a Queue"),
        ((Queue("f", fifo=True),), {}, ValueError, "FIFO queue 'f' cannot subscribe to standard"),
        ((Queue("x"),), {"filter": ["A"]}, TypeError, "filter must be a dict"),
        ((Queue("x"),), {"filter": {"type": "A"}}, TypeError, r"filter\['type'\] must be a list"),
        ((Queue("x"),), {"filter": {"type": []}}, TypeError, r"filter\['type'\] must be a list"),
        ((Queue("x"),), {"filter": {"type": [1]}}, TypeError, "must be a text"),
        ((Queue("x"),), {"filter": {1: ["A"]}}, TypeError, "filter must be a text"),
    ]:
        with pytest.raises(error, match=words):
            topic.subscribe(*arguments, **options)


# --- visibility ----------------------------------------------------------------------------------


def test_a_received_message_is_invisible_until_its_timeout() -> None:
    async def main() -> list[Any]:
        queue = Queue("Inventory", visibility_timeout=30)
        queue.send("x")
        await asyncio.sleep(0.1)
        await take(queue, "slow")
        seen: list[Any] = [(queue.depth, queue.in_flight), await queue.receive("other", wait=20)]
        again = await take(queue, "other", wait=20)
        return [*seen, now(), again.receives, (queue.depth, queue.in_flight)]

    assert run(main()).result == [(0, 1), [], 30.1, 2, (0, 1)]


def test_a_visibility_timeout_that_is_too_short_gives_the_work_to_two() -> None:
    async def main() -> tuple[list[str], list[bool]]:
        queue, done = Queue("Inventory", visibility_timeout=10), []

        async def worker(name: str) -> bool:
            message = await take(queue, name, wait=None)
            await asyncio.sleep(15)
            done.append(name)
            return queue.delete(message)

        queue.send("x")
        return done, await asyncio.gather(worker("a"), worker("b"))

    # The first one's receipt is too old by then: its delete has no effect.
    assert run(main()).result == (["a", "b"], [False, True])


def test_in_a_standard_queue_a_late_delete_works_if_nobody_received_it_since() -> None:
    async def main() -> tuple[bool, int]:
        queue = Queue("Inventory", visibility_timeout=10)
        queue.send("x")
        message = await take(queue)
        await asyncio.sleep(60)
        deleted = queue.delete(message)
        assert await queue.receive("worker", wait=0) == []
        return deleted, queue.depth

    assert run(main()).result == (True, 0)


def test_to_delete_twice_does_no_harm() -> None:
    async def main() -> list[bool]:
        queue = Queue("Inventory")
        queue.send("x")
        message = await take(queue)
        return [queue.delete(message), queue.delete(message)]

    assert run(main()).result == [True, False]


def test_more_time_can_be_had_and_be_given_back() -> None:
    async def main() -> list[float]:
        queue = Queue("Inventory", visibility_timeout=10)
        queue.send("x")
        message = await take(queue)
        await asyncio.sleep(8)
        queue.change_visibility(message, 20)
        message = await take(queue, wait=None)
        times = [now()]
        waiting = asyncio.create_task(take(queue, wait=None))
        await asyncio.sleep(1)
        queue.change_visibility(message, 0)
        await waiting
        return [*times, now()]

    assert run(main()).result == [28, 29]


def test_nobody_can_hide_a_message_for_more_than_twelve_hours() -> None:
    async def main() -> None:
        queue = Queue("Inventory")
        queue.send("x")
        message = await take(queue)
        queue.change_visibility(message, 12 * 3600)
        await asyncio.sleep(3600)
        queue.change_visibility(message, 11 * 3600)
        with pytest.raises(ValueError, match="not add up to more than 12 hours"):
            queue.change_visibility(message, 11 * 3600 + 1)
        for seconds in (-1, 12 * 3600 + 1):
            with pytest.raises(ValueError, match="seconds must be 0 to 12 hours"):
                queue.change_visibility(message, seconds)

    run(main())


def test_an_expired_receipt_changes_no_visibility() -> None:
    async def main() -> None:
        queue = Queue("Inventory", visibility_timeout=10)
        queue.send("x")
        message = await take(queue)
        await asyncio.sleep(10)
        with pytest.raises(UnknownDelivery, match="Inventory/1/1"):
            queue.change_visibility(message, 5)
        await take(queue)
        with pytest.raises(UnknownDelivery):
            queue.change_visibility(message, 5)

    run(main())


def test_a_fifo_queue_refuses_a_late_delete_also_when_the_next_receiver_has_deleted() -> None:
    async def main() -> bool:
        queue = Queue("Inventory", fifo=True, visibility_timeout=10)
        queue.send("x", group="A")
        late = await take(queue)
        await asyncio.sleep(10)
        done = await take(queue)
        assert queue.delete(done)
        with pytest.raises(UnknownDelivery, match="Inventory/1/1"):
            queue.delete(late)
        return queue.delete(done)

    assert run(main()).result is False


def test_a_fifo_queue_refuses_a_late_delete_also_of_a_dead_letter() -> None:
    async def main() -> None:
        dead = Queue("Dead", fifo=True)
        queue = Queue(
            "Inventory", fifo=True, visibility_timeout=10, dead_letter=dead, max_receives=1
        )
        queue.send("x", group="A")
        late = await take(queue)
        await asyncio.sleep(10)
        assert await queue.receive("worker", wait=0) == []
        with pytest.raises(UnknownDelivery, match="Inventory/1/1"):
            queue.delete(late)
        assert (queue.depth, dead.depth) == (0, 1)

    run(main())


# --- long polling --------------------------------------------------------------------------------


def test_those_who_wait_are_served_in_their_order() -> None:
    async def main() -> list[str]:
        queue, served = Queue("Inventory"), []

        async def worker(name: str) -> None:
            await take(queue, name)
            served.append(name)

        tasks = [asyncio.create_task(worker(f"w{number}")) for number in range(5)]
        await asyncio.sleep(1)
        for number in range(5):
            queue.send(str(number))
        await asyncio.gather(*tasks)
        return served

    assert run(main()).result == ["w0", "w1", "w2", "w3", "w4"]


def test_who_comes_later_does_not_overtake_who_waits() -> None:
    async def main() -> list[str]:
        queue = Queue("Inventory")
        waiting = asyncio.create_task(take(queue, "early"))
        await asyncio.sleep(1)
        queue.send("x")  # "early" is woken, but has not run yet
        late = await queue.receive("late", wait=0)
        return [(await waiting).body, *texts(late)]

    assert run(main()).result == ["x"]


def test_who_gives_up_at_the_moment_of_a_message_does_not_snatch_it_from_the_first() -> None:
    async def main() -> list[list[str]]:
        queue = Queue("Inventory")
        first = asyncio.create_task(queue.receive("first", wait=None))
        second = asyncio.create_task(queue.receive("second", wait=5))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(5, queue.send, "x")  # right after the end of that wait
        return [texts(await first), texts(await second)]

    assert run(main()).result == [["x"], []]


def test_a_long_poll_comes_back_empty_after_its_time() -> None:
    async def main() -> tuple[list[SqsMessage], float]:
        return await Queue("Inventory").receive("worker"), now()

    assert run(main()).result == ([], 20)


def test_a_receive_brings_up_to_ten() -> None:
    async def main() -> list[int]:
        queue = Queue("Inventory")
        for number in range(15):
            queue.send(str(number))
        return [len(await queue.receive("w", most=most)) for most in (10, 3, 10)]

    assert run(main()).result == [10, 3, 2]


def test_an_idle_queue_ends_a_run_and_moves_no_time() -> None:
    async def main() -> None:
        queue = Queue("Inventory")
        queue.send("x")
        queue.delete(await take(queue))
        asyncio.create_task(queue.receive("worker", wait=None))  # noqa: RUF006 - for ever
        await asyncio.sleep(1)

    assert run(main(), drain=math.inf).trace.clock() == 1


def test_a_message_in_flight_for_which_nobody_waits_moves_no_time() -> None:
    async def main() -> None:
        queue = Queue("Inventory")
        queue.send("x")
        await take(queue)

    assert run(main(), drain=math.inf).trace.clock() == 0


def test_it_works_in_real_seconds_too() -> None:
    async def main() -> list[int]:
        queue = Queue("Inventory", visibility_timeout=0.05)
        queue.send("x")
        return [(await take(queue, wait=5)).receives for _ in range(3)]

    outcome = run(main(), wall=True)
    assert outcome.result == [1, 2, 3]
    assert outcome.elapsed >= 0.1


def test_those_who_have_gone_leave_nothing_behind_one_who_waits_for_ever() -> None:
    async def main() -> int:
        queue = Queue("Inventory")
        waiting = asyncio.create_task(queue.receive("patient", wait=None))
        for _ in range(1000):
            await queue.receive("impatient", wait=1)
        waiting.cancel()
        return len(queue._line._waiting)

    assert run(main()).result == 1


# --- retention -----------------------------------------------------------------------------------


def test_a_message_is_thrown_away_when_it_is_too_old_even_in_flight() -> None:
    async def main() -> list[tuple[int, int]]:
        queue = Queue("Inventory", retention=60, visibility_timeout=1000)
        queue.send("a")
        queue.send("b")
        message = await take(queue)
        await asyncio.sleep(59)
        seen = [(queue.depth, queue.in_flight)]
        await asyncio.sleep(1)
        assert queue.delete(message) is False
        return [*seen, (queue.depth, queue.in_flight)]

    assert run(main()).result == [(1, 1), (0, 0)]


@pytest.mark.parametrize(("fifo", "left"), [(False, 0), (True, 1)])
def test_a_dead_letter_keeps_its_age_in_a_standard_queue_only(fifo: bool, left: int) -> None:
    async def main() -> int:
        dead = Queue("dead", retention=4 * DAY, fifo=fifo)
        queue = Queue("q", fifo=fifo, dead_letter=dead, max_receives=1)
        queue.send("x", group="g" if fifo else None)
        await take(queue)
        await asyncio.sleep(2 * DAY)
        assert await queue.receive("worker", wait=0) == []  # moves it
        assert dead.depth == 1
        await asyncio.sleep(3 * DAY)
        return dead.depth

    assert run(main()).result == left


# --- dead letters --------------------------------------------------------------------------------


def test_a_message_is_moved_when_it_would_be_received_once_too_often() -> None:
    async def main() -> tuple[list[int], list[str], int]:
        dead = Queue("dead")
        queue = Queue("q", dead_letter=dead, max_receives=3, visibility_timeout=10)
        queue.send("poison")
        queue.send("x")
        receives = []
        for _ in range(3):
            message = await take(queue, wait=None)
            receives.append(message.receives)
            await asyncio.sleep(10)
            if message.body == "x":
                queue.delete(message)
        counts = Counter(receives)
        rest = await work_off(queue)
        return sorted(counts), rest, dead.depth

    receives, rest, buried = run(main()).result
    assert receives == [1, 2, 3]
    assert (rest, buried) == (["x"], 1)


def test_ten_receives_are_allowed_unless_told_otherwise() -> None:
    assert Queue("q", dead_letter=Queue("dead")).max_receives == 10
    assert Queue("q").max_receives is None


def test_who_waits_at_the_dead_letter_queue_gets_what_is_moved() -> None:
    async def main() -> tuple[str, float]:
        dead = Queue("dead")
        queue = Queue("q", dead_letter=dead, max_receives=1, visibility_timeout=10)
        queue.send("x")
        waiting = asyncio.create_task(take(dead, "undertaker", wait=None))
        await take(queue)
        worker = asyncio.create_task(queue.receive("worker", wait=None))
        body = (await waiting).body
        worker.cancel()
        return body, now()

    assert run(main()).result == ("x", 10)


def test_attributes_and_the_order_go_along_into_the_dead_letters() -> None:
    async def main() -> list[Any]:
        dead = Queue("dead")
        queue = Queue("q", dead_letter=dead, max_receives=1, visibility_timeout=1)
        correlation.set("O-001")
        queue.send("a", {"type": "A"})
        correlation.set(None)
        await queue.receive("worker")
        await asyncio.sleep(1)
        await queue.receive("worker", wait=0)
        return [(m.body, m.attributes) for m in await dead.receive("undertaker")]

    done = run(main())
    assert done.result == [("a", {"type": "A"})]
    assert {message.correlation for message in done.trace.messages} == {"O-001"}


# --- FIFO ----------------------------------------------------------------------------------------


def test_a_group_waits_for_its_message_in_flight_and_other_groups_do_not() -> None:
    async def main() -> list[Any]:
        queue = Queue("q", fifo=True)
        for group, text in ("ga", "gb", "hc"):
            queue.send(text, group=group)
        first = await take(queue)
        other = await take(queue)
        nothing = await queue.receive("worker", wait=0)
        queue.delete(first)
        return [first.body, other.body, nothing, (await take(queue)).body]

    assert run(main()).result == ["a", "c", [], "b"]


def test_of_several_groups_the_one_with_the_oldest_message_comes_first() -> None:
    async def main() -> list[str]:
        queue = Queue("q", fifo=True)
        for group, text in ("z1", "a2", "m3", "z4", "a5"):
            queue.send(text, group=group)
        return [(await take(queue)).body for _ in range(3)]

    assert run(main()).result == ["1", "2", "3"]


def test_a_group_goes_on_when_its_message_in_flight_is_too_old() -> None:
    async def main() -> tuple[str, float]:
        queue = Queue("q", fifo=True, retention=60, visibility_timeout=1000)
        queue.send("old", group="g")
        await take(queue)
        await asyncio.sleep(30)
        queue.send("young", group="g")
        return (await take(queue, wait=None)).body, now()

    assert run(main()).result == ("young", 60)


def test_one_receive_may_bring_several_of_a_group_and_blocks_it_until_all_are_done() -> None:
    async def main() -> list[list[str]]:
        queue = Queue("q", fifo=True)
        for group, text in ("ga", "hx", "gb", "gc"):
            queue.send(text, group=group)
        batch = await queue.receive("worker", most=2)
        seen = [texts(batch), texts(await queue.receive("worker", most=10))]
        queue.delete(batch[0])
        seen.append(texts(await queue.receive("worker", most=10, wait=0)))
        queue.delete(batch[1])
        return [*seen, texts(await queue.receive("worker", most=10, wait=0))]

    assert run(main()).result == [["a", "b"], ["x"], [], ["c"]]


def test_a_failed_message_comes_back_before_the_rest_of_its_group() -> None:
    async def main() -> tuple[list[str], float]:
        queue = Queue("q", fifo=True, visibility_timeout=10)
        for text in "abc":
            queue.send(text, group="g")
        await queue.receive("worker", most=2)
        return texts(await queue.receive("worker", most=3)), now()

    assert run(main()).result == (["a", "b", "c"], 10)


def test_after_the_dead_letter_its_group_goes_on_and_the_order_is_broken() -> None:
    async def main() -> tuple[list[str], list[str]]:
        dead = Queue("dead", fifo=True)
        queue = Queue("q", fifo=True, dead_letter=dead, max_receives=2, visibility_timeout=10)
        for text in ("created", "cancelled"):
            queue.send(text, group="O-1")
        for _ in range(2):
            assert (await take(queue, wait=None)).body == "created"
        after = (await take(queue, wait=None)).body
        return [after], await work_off(dead)

    assert run(main()).result == (["cancelled"], ["created"])


def test_a_fifo_delete_after_the_timeout_fails() -> None:
    async def main() -> None:
        queue = Queue("q", fifo=True, visibility_timeout=10)
        queue.send("x", group="g")
        message = await take(queue)
        await asyncio.sleep(10)
        with pytest.raises(UnknownDelivery, match="q/1/1"):
            queue.delete(message)
        again = await take(queue)
        with pytest.raises(UnknownDelivery):
            queue.delete(message)
        assert queue.delete(again)
        assert queue.delete(again) is False

    run(main())


@pytest.mark.parametrize("through_topic", [False, True])
def test_the_same_message_within_five_minutes_is_kept_once(through_topic: bool) -> None:
    async def main() -> tuple[list[str], list[str]]:
        topic, queue = Topic("t", fifo=True), Queue("q", fifo=True)
        topic.subscribe(queue)
        send = topic.publish if through_topic else queue.send
        ids = [send("x", group="g"), send("x", group="h"), send("y", group="g")]
        await work_off(queue)  # that it is gone does not help
        await asyncio.sleep(299.5)
        ids.append(send("x", group="g"))
        nothing = await work_off(queue)
        assert nothing == []
        await asyncio.sleep(0.5)
        ids.append(send("x", group="g"))
        return ids, await work_off(queue)

    ids, found = run(main()).result
    assert ids[0] == ids[1] == ids[3]
    assert len({ids[0], ids[2], ids[4]}) == 3
    assert found == ["x"]


def test_an_id_of_ones_own_goes_before_the_body() -> None:
    async def main() -> list[str]:
        queue = Queue("q", fifo=True)
        for text, key in (("x", "1"), ("x", "2"), ("y", "1")):
            queue.send(text, group="g", deduplication_id=key)
        return await work_off(queue)

    assert run(main()).result == ["x", "x"]


def test_an_id_is_forgotten_after_five_minutes_though_later_ones_are_remembered() -> None:
    async def main() -> list[str]:
        queue, sent = Queue("q", fifo=True), []
        for wait, text in ((0, "x"), (200, "y"), (100, "x"), (0, "y")):
            await asyncio.sleep(wait)
            sent.append(queue.send(text, group="g"))
        return sent

    first, other, again, known = run(main()).result
    assert again not in (first, other)
    assert known == other


def test_ids_do_not_pile_up_in_a_long_life() -> None:
    async def main() -> list[int]:
        queue, known = Queue("q", fifo=True), []
        for number in range(200):
            queue.send("often" if number % 7 == 0 else str(number), group="g")
            known.append(len(queue._sent))
            await asyncio.sleep(100)
        return known

    assert max(run(main()).result) == 3  # those of the last five minutes


def test_what_died_twice_with_one_body_lies_twice_in_the_dead_letters() -> None:
    async def main() -> int:
        dead = Queue("dead", fifo=True)
        queue = Queue("q", fifo=True, dead_letter=dead, max_receives=1, visibility_timeout=0)
        for key in "12":
            queue.send("x", group="g", deduplication_id=key)
        for _ in range(3):
            await queue.receive("worker", wait=0)
        return dead.depth

    assert run(main()).result == 2


# --- bad input -----------------------------------------------------------------------------------


def test_bad_options_are_refused_by_name() -> None:
    for options, error, words in [
        ({"visibility_timeout": -1}, ValueError, "visibility_timeout must be"),
        ({"visibility_timeout": math.nan}, ValueError, "visibility_timeout must be"),
        ({"visibility_timeout": 12 * 3600 + 1}, ValueError, "must be 0 to 12 hours"),
        ({"retention": 59}, ValueError, "retention must be 60 seconds to 14 days"),
        ({"retention": 14 * DAY + 1}, ValueError, "retention must be 60 seconds to 14 days"),
        ({"dead_letter": "dead"}, TypeError, "dead_letter must be a Queue"),
        ({"dead_letter": Queue("q")}, ValueError, "its own dead-letter queue"),
        ({"dead_letter": Queue("d", fifo=True)}, ValueError, "'q' is a standard queue"),
        ({"dead_letter": Queue("d"), "fifo": True}, ValueError, "'q' is a FIFO queue"),
        ({"dead_letter": Queue("d"), "max_receives": 0}, ValueError, "max_receives must be"),
        ({"dead_letter": Queue("d"), "max_receives": 1001}, ValueError, "must be 1 to 1,000"),
        ({"max_receives": 3}, ValueError, "needs a dead_letter queue"),
    ]:
        with pytest.raises(error, match=words):
            Queue("q", **options)
    with pytest.raises(ValueError, match="a name must be"):
        Topic("")


@pytest.mark.parametrize("through_topic", [False, True])
def test_a_bad_message_is_refused_and_nothing_is_sent(through_topic: bool) -> None:
    async def main() -> None:
        most = 256 * 1024 if through_topic else 1024 * 1024
        for fifo, arguments, options, error, words in [
            (False, (b"x",), {}, TypeError, "body must be a text"),
            (False, ("x" * (most + 1),), {}, ValueError, f"at most {most:,} bytes"),
            (False, ("x" * (most - 3), {"abc": "d"}), {}, ValueError, f"at most {most:,} bytes"),
            (False, ("x", ["type"]), {}, TypeError, "attributes must be a dict"),
            (False, ("x", {"n": 1}), {}, TypeError, "attribute 'n' must be a text"),
            (False, ("x",), {"group": "g"}, ValueError, "group is for FIFO"),
            (False, ("x",), {"deduplication_id": "1"}, ValueError, "deduplication_id is for FIFO"),
            (True, ("x",), {}, ValueError, "needs a group"),
            (True, ("x",), {"group": ""}, ValueError, "group must have 1 to 128 letters"),
            (True, ("x",), {"group": 7}, TypeError, "group must be a text"),
            (True, ("x",), {"group": "g", "deduplication_id": "x" * 129}, ValueError, "1 to 128"),
        ]:
            topic, queue = Topic("t", fifo=fifo), Queue("q", fifo=fifo)
            topic.subscribe(queue)
            send: Any = topic.publish if through_topic else queue.send
            with pytest.raises(error, match=words):
                send(*arguments, **options)
            assert queue.depth == 0
            send("x" * (most - 4), {"abc": "d"}, group="g" if fifo else None)
            assert queue.depth == 1

    run(main())


def test_bad_numbers_of_a_receive_are_refused() -> None:
    async def main() -> None:
        queue = Queue("q")
        for options in ({"most": 0}, {"most": 11}, {"wait": -1}, {"wait": 21}, {"wait": math.nan}):
            with pytest.raises(ValueError, match="must be"):
                await queue.receive("worker", **options)  # type: ignore[arg-type]

    run(main())


@pytest.mark.parametrize("fifo", [False, True])
def test_two_queues_of_one_name_are_two_queues(fifo: bool) -> None:
    async def main() -> list[int]:
        queue, other = Queue("q", fifo=fifo), Queue("q", fifo=fifo)
        held = []
        for each in (queue, other):
            each.send("x", group="g" if fifo else None)
            held.append(await take(each))
        assert held[0] == held[1]  # nothing that can be read tells the two apart
        for act in (
            lambda: queue.delete(held[1]),
            lambda: queue.change_visibility(held[1], 0),
            lambda: other.delete(held[0]),
        ):
            with pytest.raises(ValueError, match="must come from this queue"):
                act()
        topic = Topic("t", fifo=fifo)
        for each in (queue, other):
            topic.subscribe(each)
        topic.publish("y", group="h" if fifo else None)
        return [each.depth + each.in_flight for each in (queue, other)]

    assert run(main()).result == [2, 2]


def test_a_message_of_another_queue_is_refused() -> None:
    async def main() -> None:
        queue, other = Queue("q"), Queue("other")
        other.send("x")
        message = await take(other)
        for act in (lambda: queue.delete(message), lambda: queue.change_visibility(message, 1)):
            with pytest.raises(ValueError, match="must come from this queue 'q'"):
                act()
        with pytest.raises(TypeError, match="message must be what receive"):
            queue.delete("x")  # type: ignore[arg-type]

    run(main())


# --- the trace -----------------------------------------------------------------------------------


def test_the_trace_shows_the_way_of_a_message() -> None:
    async def main() -> None:
        topic, queue = Topic("OrderEvents"), Queue("Inventory")
        topic.subscribe(queue)
        topic.publish('{"type": "OrderCreated"}')
        await take(queue, "worker-1")

    trace = run(main()).trace
    assert [(m.sender, m.receiver, m.what, m.fate) for m in trace.messages] == [
        ("producer", "OrderEvents", "OrderCreated", Fate.DELIVERED),
        ("OrderEvents", "Inventory", "OrderCreated", Fate.DELIVERED),
        ("Inventory", "worker-1", "OrderCreated", Fate.DELIVERED),
    ]
    seen = {"messages visible": "0", "messages in flight": "1"}
    assert trace.states_at(0) == {"Inventory": seen}


# --- anything goes -------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "receive", "receive", "delete", "give-back", "sleep"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([60.0, 4 * DAY]))
def test_no_interleaving_loses_or_invents_a_message(
    steps: list[tuple[str, int]], fifo: bool, retention: float
) -> None:
    async def main() -> None:
        dead = Queue("dead", fifo=fifo)
        queue = Queue(
            "q",
            fifo=fifo,
            retention=retention,
            visibility_timeout=10,
            dead_letter=dead,
            max_receives=2,
        )
        holding: list[SqsMessage] = []
        flying: dict[str, tuple[str | None, float]] = {}  # by receipt: the group, until when
        deleted: Counter[str] = Counter()
        sent: dict[str, float] = {}
        for step, number in steps:
            if step == "send":
                body = f"m{len(sent)}/{number}"
                queue.send(body, group=f"g{number}" if fifo else None)
                sent[body] = now()
            elif step == "receive":
                received = await queue.receive("worker", most=number + 1, wait=0)
                blocked = {group for group, until in flying.values() if until > now()}
                assert not fifo or not blocked & {message.group for message in received}
                order = [(message.group, message.stored.number) for message in received]
                assert not fifo or all(
                    earlier[1] < later[1]
                    for earlier, later in combinations(order, 2)
                    if earlier[0] == later[0]
                )
                flying |= {m.receipt: (m.group, now() + 10) for m in received}
                holding += received
            elif step == "sleep":
                await asyncio.sleep(number * 3)
            elif holding:
                message = holding.pop(number % len(holding))
                flying.pop(message.receipt)
                try:
                    if step == "delete":
                        deleted[message.body] += queue.delete(message)
                    else:
                        queue.change_visibility(message, 0)
                except UnknownDelivery:
                    assert fifo or step != "delete"
            there = queue.depth + queue.in_flight + dead.depth
            if retention > 60:
                assert there + deleted.total() == len(sent)
            assert there + deleted.total() <= len(sent)
        await asyncio.sleep(12)  # all is visible again
        expired = {body for body, time in sent.items() if time <= now() - 60}
        left = await work_off(queue) + await work_off(dead)
        total = deleted + Counter(left)
        assert all(count == 1 for count in total.values())
        assert set(total) <= set(sent)
        if retention > 60:
            assert set(total) == set(sent)
        else:
            assert set(sent) - set(total) <= expired

    run(main())
