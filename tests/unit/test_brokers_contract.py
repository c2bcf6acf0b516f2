"""What a consumer may rely on, whichever broker is behind it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextvars import copy_context
from itertools import chain

import pytest

from lessonkit.patterns.brokers.message import label
from lessonkit.shop.process import Process, here
from tests.unit.broker_harness import ADAPTERS, Got, Harness, recovery, work_off

KEYS = ["O-1", "O-2", "O-3", "O-4", "O-5", "O-6", "O-7", "O-8", "O-9", "O-10", "O-11", "O-12"]
GROUP = "inventory"

ORDERED = [name for name, make in ADAPTERS.items() if make().traits.order != "none"]
"""Those that promise an order at all."""

ORDERED_QUEUES = [name for name in ORDERED if ADAPTERS[name]().traits.order == "queue"]
"""Those that promise it for a whole queue."""

Scenario = Callable[[Harness], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture(params=ADAPTERS)
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    return ADAPTERS[request.param]()


@pytest.fixture
def play(harness: Harness) -> Play:
    def execute(scenario: Scenario, groups: tuple[str, ...] = (GROUP,)) -> None:
        async def main() -> None:
            await harness.start(groups)
            await scenario(harness)

        harness.run(main())

    return execute


async def publish_each(harness: Harness, keys: list[str], texts: str) -> list[str]:
    bodies = [(key, f"{key}/{text}") for text in texts for key in keys]
    for key, body in bodies:
        await harness.publish(key, body)
    return [body for _, body in bodies]


def now() -> float:
    return asyncio.get_running_loop().time()


async def must_receive(harness: Harness, consumer: str, wait: float | None = 20.0) -> Got:
    got = await harness.receive(GROUP, consumer, wait)
    assert got is not None
    return got


# --- nothing is lost -----------------------------------------------------------------------------


def test_every_message_arrives_once_if_nothing_fails(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, KEYS, "abc")
        got = await work_off(harness, GROUP, "worker-1")
        assert Counter(got["worker-1"]) == Counter(published)

    play(scenario)


def test_a_backlog_is_kept_while_nobody_listens(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        published = await publish_each(harness, KEYS, "ab")
        await asyncio.sleep(3600)
        await harness.join(GROUP, "worker-1")
        got = await work_off(harness, GROUP, "worker-1")
        assert Counter(got["worker-1"]) == Counter(published)

    play(scenario)


def test_who_waits_gets_a_message_as_soon_as_it_is_published(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        start = now()
        waiting = asyncio.create_task(harness.receive(GROUP, "worker-1", None))
        await asyncio.sleep(5)
        await harness.publish("O-1", "O-1/a")
        got = await waiting
        assert got is not None
        assert got.body == "O-1/a"
        assert now() - start == pytest.approx(5, abs=harness.traits.tolerance)

    play(scenario)


def test_a_receive_in_vain_comes_back_after_its_wait(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        start = now()
        assert await harness.receive(GROUP, "worker-1", 7.5) is None
        assert now() - start == pytest.approx(7.5, abs=harness.traits.tolerance)

    play(scenario)


def test_a_cancelled_wait_loses_nothing(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        for text in "ab":
            waiting = asyncio.create_task(harness.receive(GROUP, "worker-1", None))
            await asyncio.sleep(1)
            await harness.publish("O-1", f"O-1/{text}")
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            got = await must_receive(harness, "worker-1")
            assert got.body == f"O-1/{text}"
            await harness.acknowledge(GROUP, "worker-1", got)

    play(scenario)


def test_a_timeout_at_the_very_moment_of_the_message_loses_nothing(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        asyncio.get_running_loop().call_later(
            1, lambda: asyncio.ensure_future(harness.publish("O-1", "O-1/a"))
        )
        seen = []
        try:
            async with asyncio.timeout(1):
                seen.append(await must_receive(harness, "worker-1", None))
        except TimeoutError:
            seen.append(await must_receive(harness, "worker-1"))
        assert [got.body for got in seen] == ["O-1/a"]

    play(scenario)


# --- a consumer dies -----------------------------------------------------------------------------


def test_a_consumer_that_dies_leaves_its_message_to_another(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await harness.publish("O-1", "O-1/a")
        first = await must_receive(harness, "worker-1")
        await harness.join(GROUP, "worker-2")
        await harness.kill(GROUP, "worker-1")
        await recovery(harness)
        second = await must_receive(harness, "worker-2")
        assert first.body == second.body == "O-1/a"
        if harness.traits.marks_redelivery:
            assert first.redelivered is False
            assert second.redelivered is True
        await harness.acknowledge(GROUP, "worker-2", second)
        assert await work_off(harness, GROUP, "worker-2") == {"worker-2": []}

    play(scenario)


def test_who_waits_already_gets_what_a_dead_consumer_had(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await harness.join(GROUP, "worker-2")
        await harness.publish("O-1", "O-1/a")
        start = now()
        holder, other = "worker-1", "worker-2"
        if await harness.receive(GROUP, holder, harness.traits.patience) is None:
            holder, other = other, holder
            await must_receive(harness, holder)
        waiting = asyncio.create_task(harness.receive(GROUP, other, None))
        await asyncio.sleep(0)
        await harness.kill(GROUP, holder)
        got = await waiting
        assert got is not None
        assert got.body == "O-1/a"
        assert now() - start == pytest.approx(harness.traits.recovery, abs=harness.traits.tolerance)

    play(scenario)


def test_what_was_acknowledged_does_not_come_back(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await publish_each(harness, KEYS, "a")
        await work_off(harness, GROUP, "worker-1")
        await harness.kill(GROUP, "worker-1")
        await harness.join(GROUP, "worker-2")
        await recovery(harness)
        assert await work_off(harness, GROUP, "worker-2") == {"worker-2": []}

    play(scenario)


def test_what_was_received_and_not_acknowledged_comes_back_once_more(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, KEYS, "ab")
        lost = []
        while got := await harness.receive(GROUP, "worker-1", 0):
            lost.append(got.body)
            if len(lost) > len(published) // 2:
                break
        await harness.kill(GROUP, "worker-1")
        await harness.join(GROUP, "worker-2")
        await recovery(harness)
        again = await work_off(harness, GROUP, "worker-2")
        assert Counter(again["worker-2"]) == Counter(published)

    play(scenario)


def test_a_killed_process_takes_no_message_though_it_was_waiting(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        process = Process("inventory")
        context = copy_context()
        context.run(here.set, process)
        loop = asyncio.get_running_loop()
        for wait in (None, 0.0):  # it waits already; it begins only now
            killed = loop.create_task(harness.receive(GROUP, "worker-1", wait), context=context)
            await asyncio.sleep(1)
            process.kill()
            if wait is None:
                await harness.publish("O-1", "O-1/a")
            await asyncio.sleep(1)
            assert not killed.done()
        assert (await must_receive(harness, "worker-1")).body == "O-1/a"

    play(scenario)


# --- failure -------------------------------------------------------------------------------------


def test_what_failed_is_tried_again(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await harness.publish("O-1", "O-1/a")
        first = await must_receive(harness, "worker-1")
        await harness.fail(GROUP, "worker-1", first)
        second = await must_receive(harness, "worker-1")
        assert second.body == first.body
        if harness.traits.marks_redelivery:
            assert (first.redelivered, second.redelivered) == (False, True)

    play(scenario)


def test_a_poison_message_ends_where_the_broker_says(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await publish_each(harness, ["O-1"], "!abc")
        done: list[str] = []
        for _ in range(20):
            got = await harness.receive(GROUP, "worker-1", harness.traits.patience)
            if got is None:
                break
            if got.body == "O-1/!":
                await harness.fail(GROUP, "worker-1", got)
            else:
                done.append(got.body)
                await harness.acknowledge(GROUP, "worker-1", got)
        dead = await harness.dead_letters(GROUP)
        if harness.traits.poison == "blocks":
            assert (done, dead) == ([], [])
        else:
            assert (done, dead) == (["O-1/a", "O-1/b", "O-1/c"], ["O-1/!"])

    play(scenario)


# --- order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("harness", ORDERED, indirect=True)
def test_messages_with_one_key_stay_in_order(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, KEYS, "abcdef")
        got = (await work_off(harness, GROUP, "worker-1"))["worker-1"]
        for key in KEYS:
            mine = [body for body in published if body.startswith(f"{key}/")]
            assert [body for body in got if body.startswith(f"{key}/")] == mine

    play(scenario)


@pytest.mark.parametrize("harness", ORDERED_QUEUES, indirect=True)
def test_a_whole_queue_stays_in_order(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, KEYS, "abc")
        got = (await work_off(harness, GROUP, "worker-1"))["worker-1"]
        assert got == published

    play(scenario)


@pytest.mark.parametrize("harness", ORDERED, indirect=True)
def test_what_comes_back_comes_before_what_is_behind_it(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, ["O-1"], "abcd")
        got = await must_receive(harness, "worker-1")
        await harness.fail(GROUP, "worker-1", got)
        again = (await work_off(harness, GROUP, "worker-1"))["worker-1"]
        assert again == published

    play(scenario)


# --- groups --------------------------------------------------------------------------------------


def test_every_group_gets_every_message(play: Play) -> None:
    groups = ("inventory", "payment", "notification")

    async def scenario(harness: Harness) -> None:
        for group in groups:
            await harness.join(group, f"{group}-1")
        published = await publish_each(harness, KEYS, "ab")
        for group in groups:
            got = await work_off(harness, group, f"{group}-1")
            assert Counter(got[f"{group}-1"]) == Counter(published)

    play(scenario, groups)


def test_a_slow_group_holds_up_no_other(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join("inventory", "slow")
        await harness.join("payment", "quick")
        published = await publish_each(harness, KEYS, "a")
        await harness.receive("inventory", "slow", 0)  # and it never comes back
        got = await work_off(harness, "payment", "quick")
        assert Counter(got["quick"]) == Counter(published)

    play(scenario, ("inventory", "payment"))


def test_the_consumers_of_a_group_share_the_work(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        await harness.join(GROUP, "worker-2")
        published = await publish_each(harness, KEYS, "ab")
        got = await work_off(harness, GROUP, "worker-1", "worker-2")
        assert all(got.values()), "somebody had nothing to do"
        assert Counter(chain.from_iterable(got.values())) == Counter(published)

    play(scenario)


# --- replay --------------------------------------------------------------------------------------


def test_what_was_acknowledged_can_be_read_again_only_from_a_log(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.join(GROUP, "worker-1")
        published = await publish_each(harness, KEYS, "ab")
        await work_off(harness, GROUP, "worker-1")
        if harness.traits.replay:
            await harness.replay(GROUP)
        else:
            with pytest.raises(NotImplementedError):
                await harness.replay(GROUP)
        again = (await work_off(harness, GROUP, "worker-1"))["worker-1"]
        assert Counter(again) == (Counter(published) if harness.traits.replay else Counter())

    play(scenario)


@pytest.mark.parametrize(("letters", "shown"), [(24, "x" * 24), (25, "x" * 23 + "…")])
def test_a_long_text_is_called_by_its_beginning(letters: int, shown: str) -> None:
    assert label("x" * letters) == shown
