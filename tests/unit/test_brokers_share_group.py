"""The share group: a log that is read as a queue is."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import run
from lessonkit.patterns.brokers import ConsumerClosed, PartitionedLog, ShareGroup, UnknownDelivery
from lessonkit.patterns.brokers.share_group import ShareConsumer, SharedRecord


def a_log(*texts: str, **options: Any) -> PartitionedLog:
    log = PartitionedLog("orders", **options)
    for text in texts:
        log.append("k", text)
    return log


def values(shared: list[SharedRecord]) -> list[str]:
    return [one.value for one in shared]


def test_more_consumers_than_partitions_have_something_to_do() -> None:
    async def main() -> list[list[str]]:
        group = ShareGroup(a_log(*"abc"), "g")
        return [values(await group.join(name).poll(1)) for name in "xyz"]

    assert run(main()).result == [["a"], ["b"], ["c"]]


def test_a_failing_record_holds_up_no_other_and_is_given_up_after_five_deliveries() -> None:
    async def main() -> tuple[list[str], int, list[str]]:
        group = ShareGroup(a_log("poison", "b", "c"), "g")
        consumer, done, attempts = group.join("x"), [], 0
        while shared := await consumer.poll(wait=0):
            for one in shared:
                if one.value == "poison":
                    attempts += 1
                    assert one.deliveries == attempts
                    consumer.release(one)
                else:
                    done.append(one.value)
                    consumer.accept(one)
        return done, attempts, [record.value for record in group.given_up]

    assert run(main()).result == (["b", "c"], 5, ["poison"])


def test_a_full_partition_does_not_starve_the_others() -> None:
    async def main() -> list[int]:
        log = a_log(partitions=3)
        for _ in range(9):
            log.append(None, "x")
        consumer = ShareGroup(log, "g").join("x")
        return [(await consumer.poll(1))[0].record.partition for _ in range(6)]

    assert run(main()).result == [0, 1, 2, 0, 1, 2]


def test_what_is_rejected_never_comes_again() -> None:
    async def main() -> tuple[list[SharedRecord], int]:
        group = ShareGroup(a_log("a"), "g")
        consumer = group.join("x")
        consumer.reject((await consumer.poll())[0])
        return await consumer.poll(wait=100), len(group.given_up)

    assert run(main()).result == ([], 1)


def test_the_log_and_its_other_groups_notice_nothing() -> None:
    async def main() -> list[str]:
        log = a_log("a")
        consumer = ShareGroup(log, "g").join("x")
        consumer.accept((await consumer.poll())[0])
        return [record.value for record in await log.join("g", "y").poll()]

    assert run(main()).result == ["a"]


@pytest.mark.parametrize(("end", "after"), [("close", 1), ("die", 30), ("nothing", 30)])
def test_what_a_consumer_had_goes_to_who_waits(end: str, after: float) -> None:
    async def main() -> tuple[float, int]:
        group = ShareGroup(a_log(), "g")
        waiting = asyncio.create_task(group.join("y").poll())
        await asyncio.sleep(0)
        gone = group.join("x")
        group.log.append("k", "a")
        (record,) = await gone.poll()
        await asyncio.sleep(1)
        if end != "nothing":
            getattr(gone, end)()
            with pytest.raises(ConsumerClosed):
                gone.accept(record)
        (again,) = await waiting
        if end == "nothing":
            with pytest.raises(UnknownDelivery, match="'x' does not hold"):
                gone.accept(record)
        return asyncio.get_running_loop().time(), again.deliveries

    assert run(main()).result == (after, 2)


def test_the_name_of_a_dead_consumer_is_free_when_its_locks_have_run_out() -> None:
    async def main() -> list[str]:
        group = ShareGroup(a_log("a"), "g")
        gone = group.join("x")
        await gone.poll()
        gone.die()
        await asyncio.sleep(30)
        await group.join("y").poll(wait=0)
        return values(await group.join("x").poll(wait=40))

    assert run(main()).result == ["a"]


def test_who_waits_gets_what_is_appended_and_an_idle_group_moves_no_time() -> None:
    async def main() -> list[str]:
        group = ShareGroup(a_log(), "g")
        consumer = group.join("x")
        waiting = asyncio.create_task(consumer.poll())
        await asyncio.sleep(1)
        group.log.append("k", "a")
        (record,) = await waiting
        consumer.accept(record)
        asyncio.create_task(consumer.poll())  # noqa: RUF006 - it waits for ever
        await asyncio.sleep(1)
        return [record.value]

    outcome = run(main(), drain=math.inf)
    assert outcome.result == ["a"]
    assert outcome.trace.clock() == 2


@pytest.mark.parametrize("settle", [ShareConsumer.accept, ShareConsumer.release])
def test_no_record_settles_another_one_whatever_its_number(settle: Any) -> None:
    async def main() -> None:
        log = a_log("a")
        mine, others = (ShareGroup(each, "g").join("x") for each in (log, a_log("a")))
        also = ShareGroup(log, "g").join("x")
        held, foreign, third = [(await who.poll())[0] for who in (mine, others, also)]
        assert held == foreign == third  # nothing that can be read tells them apart
        for wrong in (foreign, third):
            with pytest.raises(UnknownDelivery):
                settle(mine, wrong)
        mine.release(held)
        (current,) = await mine.poll()
        for wrong in (foreign, third, held):
            with pytest.raises(UnknownDelivery):
                settle(mine, wrong)
        settle(mine, current)

    run(main())


def test_bad_input_is_refused_by_name() -> None:
    log = a_log()
    group = ShareGroup(log, "g")
    consumer = group.join("x")
    for act, error, words in [
        (lambda: ShareGroup("orders", "g"), TypeError, "log must be a PartitionedLog"),
        (lambda: ShareGroup(log, ""), ValueError, "a name must be"),
        (lambda: ShareGroup(log, "g", delivery_limit=0), ValueError, "delivery_limit must be 1"),
        (lambda: ShareGroup(log, "g", lock=0), ValueError, "lock must be"),
        (lambda: group.join("x"), ValueError, "has a consumer 'x' already"),
        (lambda: consumer.accept("a"), TypeError, "shared must be what poll"),
        (lambda: run(consumer.poll(0)), ValueError, "most must be 1 or more"),
        (lambda: run(consumer.poll(1, -1)), ValueError, "wait must be"),
    ]:
        with pytest.raises(error, match=words):
            act()  # type: ignore[no-untyped-call]


ACTS = ["append", "append", "poll", "poll", "accept", "release", "reject"]
ENDS = ["join", "close", "die", "sleep"]
STEPS = st.lists(st.tuples(st.sampled_from(ACTS + ENDS), st.integers(0, 5)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 3), st.integers(1, 4))
def test_no_interleaving_loses_or_invents_a_record(
    steps: list[tuple[str, int]], partitions: int, limit: int
) -> None:
    async def main() -> None:
        log = a_log(partitions=partitions)
        group = ShareGroup(log, "g", delivery_limit=limit, lock=10)
        consumers: list[ShareConsumer] = []
        holding: dict[ShareConsumer, list[SharedRecord]] = {}
        appended: list[str] = []
        accepted: Counter[str] = Counter()
        for step, number in steps:
            if step == "append":
                appended.append(f"m{len(appended)}")
                log.append(f"O-{number}", appended[-1])
            elif step == "join":
                consumers.append(group.join(f"w{len(holding)}"))
                holding[consumers[-1]] = []
            elif step == "sleep":
                await asyncio.sleep(number * 3)
            elif consumers:
                consumer = consumers[number % len(consumers)]
                mine = holding[consumer]
                if step == "poll":
                    mine += await consumer.poll(number + 1, wait=0)
                elif step in ("close", "die"):
                    consumers.remove(consumer)
                    getattr(consumer, step)()
                elif mine:
                    shared = mine.pop()
                    try:
                        getattr(consumer, step)(shared)
                    except UnknownDelivery:
                        continue
                    accepted[shared.value] += step == "accept"
        await asyncio.sleep(10)  # every lock runs out
        last = group.join("last")
        while got := await last.poll(wait=0):
            for shared in got:
                last.accept(shared)
                accepted[shared.value] += 1
        given_up = [record.value for record in group.given_up]
        assert +accepted + Counter(given_up) == Counter(appended)

    run(main())


def test_a_poll_takes_ten_records_unless_told_otherwise() -> None:
    async def main() -> int:
        return len(await ShareGroup(a_log(*map(str, range(12))), "g").join("a").poll())

    assert run(main()).result == 10


def test_a_record_says_what_it_is_and_not_where_it_came_from() -> None:
    (record,) = a_log("x").read(0, 0, 1)
    assert "origin" not in repr(record)
