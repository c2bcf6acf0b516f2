"""Virtual time: asyncio as always, but a second costs nothing and every run is the same."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lessonkit.clock import (
    BackgroundTaskError,
    ClockError,
    DeadlockError,
    FrozenTimeError,
    NotInVirtualTimeError,
    RunawayError,
    VirtualTimeLoop,
)
from lessonkit.runner import run
from tests.unit.real_loop import run_for_real

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def now() -> float:
    return asyncio.get_running_loop().time()


def result_of(main: Coroutine[Any, Any, T], **options: Any) -> T:
    return run(main, **options).result


async def worker(seconds: float, value: T, log: list[Any] | None = None) -> T:
    await asyncio.sleep(seconds)
    if log is not None:
        log.append(value)
    return value


async def fails(seconds: float = 0.0, error: type[Exception] = ValueError) -> None:
    await asyncio.sleep(seconds)
    raise error("it broke")


async def waits_for_ever() -> None:
    await asyncio.Event().wait()


async def busy_for_ever() -> None:
    while True:
        await asyncio.sleep(0)


async def ticks_for_ever() -> None:
    while True:
        await asyncio.sleep(1)


def python(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


# --- the clock -----------------------------------------------------------------------------------


def test_time_starts_at_0() -> None:
    async def main() -> float:
        return now()

    assert result_of(main()) == 0.0
    assert result_of(main()) == 0.0  # in the second run as well


def test_a_long_sleep_costs_nothing() -> None:
    assert run(asyncio.sleep(100 * 24 * 3600.0)).elapsed == 100 * 24 * 3600.0


@pytest.mark.parametrize("seconds", [1e-12, 0.1, 1 / 3, 1.0000000001, 123456.789012345])
def test_a_sleep_is_not_rounded(seconds: float) -> None:
    assert run(asyncio.sleep(seconds)).elapsed == seconds


def test_sleeps_in_a_row_add_up_exactly() -> None:
    async def main() -> None:
        for _ in range(10):
            await asyncio.sleep(0.1)

    total = 0.0
    for _ in range(10):
        total += 0.1  # not sum(), which rounds less than + since Python 3.12
    assert run(main()).elapsed == total


def test_deadlines_that_differ_in_the_last_bit_are_two_instants() -> None:
    log: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(math.nextafter(1.0, 2.0), lambda: log.append(now()))
        loop.call_at(1.0, lambda: log.append(now()))
        await asyncio.sleep(2)

    run(main())
    assert log == [1.0, math.nextafter(1.0, 2.0)]


def test_a_sleep_of_zero_lets_the_others_go_first_and_takes_no_time() -> None:
    log: list[str] = []

    async def main() -> float:
        task = asyncio.create_task(worker(0, "other", log))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append("main")
        await task
        return now()

    assert result_of(main()) == 0.0
    assert log == ["other", "main"]


def test_time_stands_still_while_the_program_computes() -> None:
    async def main() -> tuple[float, float]:
        before = now()
        sum(range(200_000))
        return before, now()

    before, after = result_of(main())
    assert before == after


def test_equal_deadlines_fire_in_the_order_they_were_set() -> None:
    log: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(1000):
            loop.call_at(1.0, log.append, number)
        await asyncio.sleep(1)

    run(main())
    assert log == list(range(1000))


def test_an_equal_deadline_set_later_fires_later() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(1.0, loop.call_at, 2.0, log.append, "set at 1")
        loop.call_at(2.0, log.append, "set at 0")
        await asyncio.sleep(3)

    run(main())
    assert log == ["set at 0", "set at 1"]


def test_what_is_ready_at_an_instant_goes_before_the_next_timer() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(1.0, loop.call_soon, loop.call_soon, log.append, "still at 1")
        loop.call_at(1.5, log.append, "at 1.5")
        await asyncio.sleep(2)

    run(main())
    assert log == ["still at 1", "at 1.5"]


def test_a_negative_delay_is_due_now_and_time_does_not_run_backwards() -> None:
    log: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(5)
        loop.call_at(1.0, lambda: log.append(now()))
        loop.call_later(-3, lambda: log.append(now()))
        loop.call_later(-math.inf, lambda: log.append(now()))
        await asyncio.sleep(0)
        await asyncio.sleep(-1)
        await asyncio.sleep(0.5)
        log.append(now())

    run(main())
    assert log == [5.0, 5.0, 5.0, 5.5]


@pytest.mark.parametrize("method", ["call_at", "call_later"])
@pytest.mark.parametrize("when", [math.nan, math.inf])
def test_a_timer_for_never_is_refused(method: str, when: float) -> None:
    async def main() -> None:
        getattr(asyncio.get_running_loop(), method)(when, print)

    with pytest.raises(ValueError, match=rf"a timer needs a finite time, in seconds; got {when!r}"):
        run(main())


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
def test_nobody_can_sleep_for_ever(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"got inf|got nan|Invalid delay: NaN"):
        run(asyncio.sleep(seconds))


def test_a_cancelled_timer_does_not_fire_and_does_not_hold_up_the_end() -> None:
    log: list[str] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1, log.append, "timer")
        soon = loop.call_soon(log.append, "soon")
        assert timer.when() == 1.0
        assert not timer.cancelled()
        timer.cancel()
        soon.cancel()
        timer.cancel()  # twice is as good as once
        assert timer.cancelled()
        assert soon.cancelled()
        await asyncio.sleep(0.5)
        return now()

    assert result_of(main()) == 0.5
    assert log == []


def test_a_callback_can_cancel_the_next_one_of_the_same_instant() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        handles: list[Any] = []
        loop.call_at(1.0, lambda: handles[0].cancel())
        handles.append(loop.call_at(1.0, log.append, "cancelled"))
        await asyncio.sleep(2)

    run(main())
    assert log == []


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    async def main() -> None:
        timer = asyncio.get_running_loop().call_later(7, print)
        timer.cancel()
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match=r"deadlock at 0\.000 s"):
        run(main())


# --- timeouts ------------------------------------------------------------------------------------


def test_a_timeout_ends_the_wait_exactly_when_it_is_due() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.sleep(1)
        return now()

    assert result_of(main()) == 0.3


def test_a_timeout_that_is_not_reached_does_nothing() -> None:
    async def main() -> str:
        async with asyncio.timeout(2) as limit:
            value = await worker(1, "in time")
        assert not limit.expired()
        await asyncio.sleep(5)
        return value

    assert result_of(main()) == "in time"


def test_a_timeout_can_be_moved() -> None:
    async def main() -> float:
        try:
            async with asyncio.timeout(1) as limit:
                limit.reschedule(now() + 4)
                await asyncio.sleep(10)
        except TimeoutError:
            return now()
        return math.nan

    assert result_of(main()) == 4.0


def test_a_timeout_in_the_past_is_due_now() -> None:
    async def main() -> float:
        await asyncio.sleep(3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout_at(1):
                await asyncio.sleep(10)
        return now()

    assert result_of(main()) == 3.0


def test_wait_for_cancels_what_took_too_long() -> None:
    log: list[float] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            log.append(now())
            raise

    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow(), 2.5)
        assert await asyncio.wait_for(worker(1, "ok"), 2) == "ok"
        return now()

    assert result_of(main()) == 3.5
    assert log == [2.5]


def test_nested_timeouts_tell_which_one_ran_out() -> None:
    async def main() -> list[bool]:
        outer, inner = asyncio.timeout(1), asyncio.timeout(2)
        with suppress(TimeoutError):
            async with outer, inner:
                await asyncio.sleep(5)
        return [outer.expired(), inner.expired()]

    assert result_of(main()) == [True, False]


# --- groups of tasks -----------------------------------------------------------------------------


def test_a_task_group_takes_as_long_as_its_longest_task() -> None:
    async def main() -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker(seconds, seconds)) for seconds in (3, 1, 2)]
        return [task.result() for task in tasks]

    outcome = run(main())
    assert outcome.result == [3, 1, 2]
    assert outcome.elapsed == 3.0


def test_a_failing_task_aborts_its_group_in_the_order_of_creation() -> None:
    log: list[Any] = []

    async def sibling(number: int) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            log.append((number, now()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(sibling(number))
            group.create_task(fails(1))

    with pytest.raises(ExceptionGroup) as caught:
        run(main())
    assert [str(error) for error in caught.value.exceptions] == ["it broke"]
    assert log == [(number, 1.0) for number in range(5)]


def test_gather_keeps_the_order_of_its_arguments() -> None:
    outcome = run(gathered(2, 3, 1))
    assert outcome.result == [2, 3, 1]
    assert outcome.elapsed == 3.0


async def gathered(*seconds: int) -> list[int]:
    return await asyncio.gather(*(worker(second, second) for second in seconds))


def test_gather_raises_the_first_error_and_keeps_it_with_return_exceptions() -> None:
    async def main(keep: bool) -> Any:
        return await asyncio.gather(fails(1), worker(2, "ok"), return_exceptions=keep)

    with pytest.raises(ValueError, match="it broke"):
        run(main(False))
    error, value = result_of(main(True))
    assert isinstance(error, ValueError)
    assert value == "ok"


def test_wait_returns_with_the_first_that_is_done() -> None:
    async def main() -> tuple[list[str], list[str], float]:
        tasks = [asyncio.create_task(worker(s, None), name=f"{s} s") for s in (3, 1, 2, 1)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return [t.get_name() for t in done], [t.get_name() for t in pending], now()

    assert result_of(main()) == (["1 s", "1 s"], ["3 s", "2 s"], 1.0)


def test_wait_returns_with_the_first_error() -> None:
    async def main() -> float:
        tasks = [asyncio.create_task(c) for c in (worker(1, None), fails(2), worker(9, None))]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        assert (len(done), len(pending)) == (2, 1)
        assert isinstance(tasks[1].exception(), ValueError)
        return now()

    assert result_of(main()) == 2.0


def test_wait_returns_when_its_time_is_up() -> None:
    async def main() -> tuple[int, int, float]:
        tasks = [asyncio.create_task(worker(s, s)) for s in (1, 5)]
        done, pending = await asyncio.wait(tasks, timeout=2)
        return len(done), len(pending), now()

    assert result_of(main()) == (1, 1, 2.0)


@pytest.mark.parametrize("as_tasks", [True, False], ids=["tasks", "coroutines"])
def test_as_completed_gives_them_in_the_order_in_which_they_end(as_tasks: bool) -> None:
    async def main() -> list[tuple[int, float]]:
        coroutines = [worker(seconds, seconds) for seconds in (3, 1, 2)]
        aws: list[Any] = [asyncio.create_task(c) for c in coroutines] if as_tasks else coroutines
        return [(await first, now()) for first in asyncio.as_completed(aws)]

    assert result_of(main()) == [(1, 1.0), (2, 2.0), (3, 3.0)]


@pytest.mark.parametrize("as_tasks", [True, False], ids=["tasks", "coroutines"])
def test_as_completed_gives_equals_in_the_order_of_creation(as_tasks: bool) -> None:
    async def main() -> list[int]:
        coroutines = [worker(1, number) for number in range(50)]
        aws: list[Any] = [asyncio.create_task(c) for c in coroutines] if as_tasks else coroutines
        return [await first for first in asyncio.as_completed(aws)]

    assert result_of(main()) == list(range(50))


def test_as_completed_takes_the_same_one_twice_and_a_generator() -> None:
    async def main() -> tuple[list[int], list[int]]:
        task = asyncio.create_task(worker(1, 7))
        twice = [await first for first in asyncio.as_completed([task, task])]
        several = [await first for first in asyncio.as_completed(worker(n, n) for n in (2, 1))]
        return twice, several

    assert result_of(main()) == ([7], [1, 2])


def test_as_completed_refuses_a_future_in_asyncios_own_words() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        with pytest.raises(TypeError, match=r"an iterable of (futures|awaitables).* not .*Future"):
            list(asyncio.as_completed(future))  # type: ignore[arg-type]

    run(main())


def test_as_completed_stops_when_its_time_is_up() -> None:
    async def main() -> tuple[list[int], float]:
        finished: list[int] = []
        try:
            for first in asyncio.as_completed([worker(s, s) for s in (1, 2, 9)], timeout=2.5):
                finished.append(await first)
        except TimeoutError:
            return finished, now()
        return finished, math.nan

    assert result_of(main()) == ([1, 2], 2.5)


def test_shield_keeps_a_task_alive() -> None:
    log: list[str] = []

    async def main() -> float:
        payment = asyncio.create_task(worker(3, "paid", log))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(payment), 1)
        assert log == []
        await payment
        return now()

    assert result_of(main()) == 3.0
    assert log == ["paid"]


def test_a_cancelled_task_is_done_and_says_so() -> None:
    async def main() -> float:
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(1)
        task.cancel("no longer needed")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        return now()

    assert result_of(main()) == 1.0


def test_all_tasks_are_the_tasks_of_this_run_in_the_order_of_creation() -> None:
    async def main() -> list[str]:
        for number in range(40):
            asyncio.create_task(asyncio.sleep(1), name=f"t{number}")  # noqa: RUF006
        await asyncio.sleep(0)
        return [task.get_name() for task in asyncio.all_tasks()]

    assert result_of(main()) == ["main", *(f"t{number}" for number in range(40))]


def test_nameless_tasks_are_numbered_from_the_start_of_the_run() -> None:
    async def main() -> list[str]:
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(2)]
        return [task.get_name() for task in tasks]

    assert result_of(main()) == result_of(main()) == ["Task-2", "Task-3"]


# --- queues and locks ----------------------------------------------------------------------------


def test_a_queue_hands_on_in_order_and_holds_up_a_fast_producer() -> None:
    async def main() -> list[tuple[int, float]]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        taken: list[tuple[int, float]] = []

        async def consume() -> None:
            while True:
                item = await queue.get()
                await asyncio.sleep(1)
                taken.append((item, now()))
                queue.task_done()

        consumer = asyncio.create_task(consume())
        for item in range(4):
            await queue.put(item)
        assert now() == 2.0  # one in work, one in the queue
        await queue.join()
        consumer.cancel()
        return taken

    assert result_of(main()) == [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]


def test_an_event_wakes_all_who_wait_in_the_order_they_came() -> None:
    log: list[Any] = []

    async def waiter(number: int, event: asyncio.Event) -> None:
        await event.wait()
        log.append((number, now()))

    async def main() -> None:
        event = asyncio.Event()
        tasks = [asyncio.create_task(waiter(n, event)) for n in range(3)]
        await asyncio.sleep(2)
        event.set()
        await asyncio.gather(*tasks)

    run(main())
    assert log == [(0, 2.0), (1, 2.0), (2, 2.0)]


def test_a_semaphore_lets_so_many_in_at_a_time() -> None:
    async def main() -> list[float]:
        semaphore = asyncio.Semaphore(2)

        async def job() -> float:
            async with semaphore:
                await asyncio.sleep(1)
                return now()

        return await asyncio.gather(*(job() for _ in range(5)))

    assert result_of(main()) == [1.0, 1.0, 2.0, 2.0, 3.0]


def test_a_lock_is_fair() -> None:
    log: list[Any] = []

    async def main() -> None:
        lock = asyncio.Lock()

        async def job(number: int) -> None:
            async with lock:
                await asyncio.sleep(1)
                log.append((number, now()))

        await asyncio.gather(*(job(number) for number in range(3)))

    run(main())
    assert log == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_a_condition_wakes_when_it_holds() -> None:
    async def main() -> float:
        condition = asyncio.Condition()
        stock = 0

        async def customer() -> float:
            async with condition:
                await condition.wait_for(lambda: stock >= 2)
                return now()

        waiting = asyncio.create_task(customer())
        for _ in range(3):
            await asyncio.sleep(1)
            async with condition:
                stock += 1
                condition.notify_all()
        return await waiting

    assert result_of(main()) == 2.0


# --- async generators, context variables ---------------------------------------------------------


def test_an_async_generator_gives_its_items_in_time() -> None:
    async def ticks() -> AsyncIterator[float]:
        for _ in range(3):
            await asyncio.sleep(1)
            yield now()

    async def main() -> list[float]:
        return [tick async for tick in ticks()]

    assert result_of(main()) == [1.0, 2.0, 3.0]


def test_an_unfinished_async_generator_is_closed_at_the_end() -> None:
    log: list[str] = []

    async def ticks() -> AsyncIterator[float]:
        try:
            while True:
                yield now()
        finally:
            await asyncio.sleep(1)
            log.append("closed")

    kept: list[Any] = []  # it stays alive longer than the run

    async def main() -> None:
        generator = ticks()
        kept.append(generator)
        assert await anext(generator) == 0.0

    hooks = sys.get_asyncgen_hooks()
    run(main())
    assert log == ["closed"]
    assert sys.get_asyncgen_hooks() == hooks


def test_an_async_generator_that_is_dropped_is_closed() -> None:
    log: list[str] = []

    async def ticks() -> AsyncIterator[float]:
        try:
            while True:
                yield now()
        finally:
            log.append("closed")

    async def main() -> None:
        async for _ in ticks():
            break
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append("main goes on")

    run(main())
    assert log == ["closed", "main goes on"]


def test_each_task_has_its_own_context() -> None:
    customer: ContextVar[str] = ContextVar("customer", default="nobody")

    async def order(name: str) -> str:
        customer.set(name)
        await asyncio.sleep(1)
        return customer.get()

    async def main() -> list[str]:
        customer.set("main")
        names = await asyncio.gather(order("ann"), order("bob"))
        called: list[str] = []
        asyncio.get_running_loop().call_later(1, lambda: called.append(customer.get()))
        customer.set("changed afterwards")
        await asyncio.sleep(1)
        return [*names, *called]

    assert result_of(main()) == ["ann", "bob", "main"]
    assert customer.get() == "nobody"


def test_a_run_sees_the_context_of_its_caller() -> None:
    customer: ContextVar[str] = ContextVar("customer", default="nobody")

    async def main() -> str:
        return customer.get()

    token = customer.set("ann")
    assert result_of(main()) == "ann"
    customer.reset(token)


# --- what virtual time does not have -------------------------------------------------------------


async def in_a_thread() -> None:
    await asyncio.to_thread(print)


async def in_an_executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, print)


async def on_a_socket() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def on_a_server() -> None:
    await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)


async def in_a_process() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "")


async def in_a_shell() -> None:
    await asyncio.create_subprocess_shell("exit")


async def with_a_signal() -> None:
    asyncio.get_running_loop().add_signal_handler(2, print)


@pytest.mark.parametrize(
    ("main", "name"),
    [
        (in_a_thread, "run_in_executor"),
        (in_an_executor, "run_in_executor"),
        (on_a_socket, "(create_connection|getaddrinfo)"),
        (on_a_server, "create_server"),
        (in_a_process, "subprocess_exec"),
        (in_a_shell, "subprocess_shell"),
        (with_a_signal, "add_signal_handler"),
    ],
)
def test_the_real_world_is_refused_with_advice(
    main: Callable[[], Coroutine[Any, Any, None]], name: str
) -> None:
    with pytest.raises(
        NotInVirtualTimeError, match=rf"virtual time has no {name}: .*use run\(\.\.\., wall=True\)"
    ):
        run(main())


def test_a_call_from_another_thread_is_refused() -> None:
    caught: list[BaseException] = []
    log: list[str] = []

    def in_another_thread(loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(log.append, "from another thread")
        except NotInVirtualTimeError as error:
            caught.append(error)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(log.append, "from its own thread")
        thread = threading.Thread(target=in_another_thread, args=(loop,))
        thread.start()
        thread.join()
        await asyncio.sleep(0)

    run(main())
    assert log == ["from its own thread"]
    assert [str(error) for error in caught] == [
        "virtual time cannot be called from another thread (call_soon_threadsafe)"
    ]


# --- runs that cannot go on ----------------------------------------------------------------------


def test_a_deadlock_names_who_waits_and_what_for() -> None:
    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        lock = asyncio.Lock()
        await lock.acquire()

        async def second(lock: asyncio.Lock) -> None:
            async with lock:
                pass

        async def third(other: asyncio.Task[None]) -> None:
            await other

        async def fourth() -> None:
            await asyncio.get_running_loop().create_future()

        async def fifth() -> None:
            await asyncio.gather(asyncio.shield(one), waits_for_ever())

        one = asyncio.create_task(second(lock), name="stock")
        two = asyncio.create_task(third(one), name="payment")
        three = asyncio.create_task(fourth(), name="mail")
        four = asyncio.create_task(fifth(), name="both")
        await asyncio.sleep(2)
        await queue.get()
        del two, three, four

    with pytest.raises(DeadlockError) as caught:
        run(main())
    here = "test_a_deadlock_names_who_waits_and_what_for.<locals>.main"
    waiting = names_of(caught.value.waiting)
    assert waiting == ["main", "stock", "payment", "mail", "both", "Task-6"]
    lines = dict(zip(waiting, caught.value.waiting, strict=True))
    assert f"({here}, line " in lines["main"]
    assert lines["main"].endswith(" waits in Queue.get")
    assert f"({here}.<locals>.second, line " in lines["stock"]
    assert lines["stock"].endswith(" waits in Lock.acquire")
    assert lines["payment"].endswith(" waits for stock")
    assert lines["mail"].endswith(" waits for a future nobody sets")
    assert lines["both"].endswith(" waits for gather")
    assert lines["Task-6"].endswith(" waits in Event.wait")
    first, *others = str(caught.value).splitlines()
    assert first == "deadlock at 2.000 s: every task waits and no timer is set"
    assert others == [f"  - {line}" for line in caught.value.waiting]


def test_a_deadlock_gives_the_line_of_the_learners_own_code() -> None:
    async def main() -> None:
        await waits_for_ever()

    with pytest.raises(DeadlockError) as caught:
        run(main())
    line = waits_for_ever.__code__.co_firstlineno + 1
    assert caught.value.waiting == (f"main (waits_for_ever, line {line}) waits in Event.wait",)


def test_a_deadlock_in_an_async_generator_is_found_too() -> None:
    async def ticks() -> AsyncIterator[None]:
        await waits_for_ever()
        yield

    async def main() -> None:
        async for _ in ticks():
            pass

    # Where in the generator it waits cannot be seen from outside (asyncio shows no more of it).
    with pytest.raises(DeadlockError, match=r"main \(\S+\.main, line \d+\) waits "):
        run(main())


def test_of_very_many_who_wait_only_some_are_named() -> None:
    async def main() -> None:
        await asyncio.gather(*(waits_for_ever() for _ in range(3000)))

    with pytest.raises(DeadlockError) as caught:
        run(main())
    assert len(caught.value.waiting) == 21
    assert caught.value.waiting[-1] == "... and 2,981 more"


def test_two_tasks_that_wait_for_each_other_are_a_deadlock() -> None:
    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def wait_for(number: int) -> None:
            await asyncio.sleep(1)
            await asyncio.shield(tasks[number])

        tasks += [asyncio.create_task(wait_for(n), name=f"wait for {n}") for n in (1, 0)]
        await asyncio.gather(*tasks)

    with pytest.raises(DeadlockError, match=r"deadlock at 1\.000 s"):
        run(main())


def test_a_task_that_never_lets_time_pass_is_found() -> None:
    async def main() -> None:
        await asyncio.sleep(1.5)
        asyncio.create_task(busy_for_ever(), name="busy")  # noqa: RUF006
        await asyncio.sleep(1)

    with pytest.raises(FrozenTimeError) as caught:
        run(main(), steps_per_instant=1000)
    assert str(caught.value).startswith(
        "time stands still at 1.500 s: 1,000 steps and no time has passed;"
    )
    assert any(line.startswith("busy (busy_for_ever, line ") for line in caught.value.waiting)


def set_again() -> None:
    asyncio.get_running_loop().call_later(0, set_again)


async def sleeps_too_short() -> None:
    await asyncio.sleep(1)
    while True:
        await asyncio.sleep(1e-20)  # 1 + 1e-20 is 1: the clock does not move


async def sets_timers_that_are_due_now() -> None:
    set_again()
    await asyncio.sleep(1)


@pytest.mark.parametrize("main", [sets_timers_that_are_due_now, sleeps_too_short])
def test_timers_that_let_no_time_pass_are_found(
    main: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    # A timer that fires does not mean that the clock has moved.
    with pytest.raises(FrozenTimeError, match=r"time stands still at [01]\.000 s: 1,000 steps"):
        run(main(), steps_per_instant=1000, step_limit=50_000)


def test_a_run_past_its_time_limit_is_stopped() -> None:
    with pytest.raises(
        RunawayError, match=r"wants to go on to 101\.000 s; its limit is 100\.000 s"
    ) as caught:
        run(ticks_for_ever(), time_limit=100)
    assert len(caught.value.waiting) == 1
    assert caught.value.waiting[0].startswith("main (ticks_for_ever, line ")
    assert caught.value.waiting[0].endswith(" waits in sleep")


def test_the_time_limit_itself_may_be_reached() -> None:
    assert run(asyncio.sleep(100), time_limit=100).elapsed == 100.0


def test_a_run_past_its_steps_is_stopped() -> None:
    with pytest.raises(RunawayError, match=r"the run took more than 1,000 steps \(at \d+\.\d+ s\)"):
        run(ticks_for_ever(), step_limit=1000)


def names_of(waiting: tuple[str, ...]) -> list[str]:
    return [line.split(" (", 1)[0] for line in waiting]


@pytest.mark.parametrize("limit", ["step_limit", "steps_per_instant"])
@pytest.mark.parametrize("before", [0.0, 1.0], ids=["at 0 s", "later"])
def test_a_limit_of_steps_may_be_reached_and_not_passed(limit: str, before: float) -> None:
    async def main() -> None:
        await asyncio.sleep(before)
        for _ in range(50):
            await asyncio.sleep(0)

    def steps(**limits: int) -> int:
        loop = VirtualTimeLoop(**limits)
        try:
            loop.run_until_complete(main())
            return loop.steps
        finally:
            loop.close()

    all_steps = steps()
    most = all_steps - (1 if before and limit == "steps_per_instant" else 0)
    assert steps(**{limit: most}) == all_steps
    with pytest.raises(FrozenTimeError if limit == "steps_per_instant" else RunawayError):
        steps(**{limit: most - 1})


@pytest.mark.parametrize("before", [0, 50])
def test_steps_that_are_counted_by_hand_are_those_of_this_instant(before: int) -> None:
    counted: list[int] = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        for _ in range(before):
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        counted.append(0)
        while not loop.count_step():
            counted[0] += 1
        await asyncio.sleep(0)

    with pytest.raises(FrozenTimeError):
        run(main(), steps_per_instant=200)
    assert counted == [197]  # and the timer, the task that it woke, and the last one


class _StepsAside:
    """What no coroutine of asyncio does: to give way without saying what for."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def test_a_task_that_only_gives_way_is_ready_to_go_on() -> None:
    async def main() -> None:
        while True:
            await _StepsAside()

    with pytest.raises(FrozenTimeError) as caught:
        run(main(), steps_per_instant=100)
    (line,) = caught.value.waiting
    assert line.startswith("main (")
    assert line.endswith(") is ready to go on")


async def tidies_up_slowly() -> None:
    try:
        await ticks_for_ever()
    finally:
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("main", "options"),
    [
        (ticks_for_ever, {"step_limit": 1000}),
        (tidies_up_slowly, {"time_limit": 100}),
        (lambda: leaves_behind(ticks_for_ever()), {"drain": math.inf, "time_limit": 100}),
    ],
    ids=["steps", "time", "drain"],
)
def test_a_runaway_names_the_learners_tasks_and_no_others(
    main: Callable[[], Coroutine[Any, Any, None]], options: dict[str, Any]
) -> None:
    # Whether tidying up runs into the same limit or not: run() has no tasks the learner made.
    with pytest.raises(RunawayError) as caught:
        run(main(), **options)
    assert names_of(caught.value.waiting) in (["main"], ["Task-2"])


def test_a_runaway_does_not_hide_the_errors_of_background_tasks() -> None:
    async def main() -> None:
        await leaves_behind(fails())
        await ticks_for_ever()

    with pytest.raises(RunawayError) as caught:
        run(main(), step_limit=1000)
    assert "ValueError: it broke" in "".join(getattr(caught.value, "__notes__", []))


def test_by_default_a_run_for_ever_ends_after_a_year_of_virtual_time() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(3600)

    with pytest.raises(RunawayError, match="its limit is 31622400"):
        run(main())


MISTAKES: dict[str, tuple[Callable[[], Coroutine[Any, Any, Any]], dict[str, Any]]] = {
    "deadlock": (lambda: gathered_for_ever(), {}),
    "frozen": (busy_for_ever, {"steps_per_instant": 100}),
    "too long": (ticks_for_ever, {"time_limit": 10}),
    "too many steps": (ticks_for_ever, {"step_limit": 10}),
    "background": (lambda: leaves_behind(fails()), {}),
    "thread": (in_a_thread, {}),
}


async def gathered_for_ever() -> None:
    await asyncio.gather(waits_for_ever(), asyncio.shield(waits_for_ever()))


async def leaves_behind(coroutine: Coroutine[Any, Any, Any]) -> None:
    asyncio.create_task(coroutine)  # noqa: RUF006
    await asyncio.sleep(1)


async def uses_up_numbers_of_tasks() -> None:
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_same_mistake_gives_the_same_words_without_an_address(mistake: str) -> None:
    main, options = MISTAKES[mistake]
    texts = []
    for _ in range(2):
        with pytest.raises(ClockError) as caught:
            run(main(), **options)
        texts.append(str(caught.value))
        asyncio.run(uses_up_numbers_of_tasks())
    assert texts[0] == texts[1]
    assert "0x" not in texts[0]


def test_after_a_mistake_the_next_run_is_as_if_nothing_had_been() -> None:
    for main, options in MISTAKES.values():
        with pytest.raises(ClockError):
            run(main(), **options)
        assert run(asyncio.sleep(1)).elapsed == 1.0


# --- the stop button -----------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_task_stops_the_run_and_the_next_run_works(
    stop: type[BaseException],
) -> None:
    log: list[str] = []

    async def interrupted() -> None:
        await asyncio.sleep(1)
        raise stop

    async def main() -> None:
        task = asyncio.create_task(interrupted())
        try:
            await asyncio.sleep(100)
        finally:
            log.append("tidied up")
        await task

    with pytest.raises(stop):
        run(main())
    assert log == ["tidied up"]
    assert asyncio._get_running_loop() is None
    assert run(asyncio.sleep(1)).elapsed == 1.0


def test_an_interrupt_in_the_main_coroutine_is_not_kept_as_an_error() -> None:
    async def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(main(), keep_error=True)


def test_an_interrupt_in_a_callback_stops_the_run() -> None:
    def press() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, press)
        await asyncio.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert run(asyncio.sleep(1)).elapsed == 1.0


# --- errors nobody awaited -----------------------------------------------------------------------


def test_an_error_in_a_background_task_is_not_lost() -> None:
    with pytest.raises(BackgroundTaskError) as caught:
        run(leaves_behind(fails()))
    assert str(caught.value) == (
        "a background task failed and nobody awaited it\n  - ValueError: it broke"
    )
    (error,) = caught.value.errors
    assert isinstance(error, ValueError)
    assert caught.value.__cause__ is error


def test_an_error_in_a_callback_is_not_lost_and_does_not_stop_the_others() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(int, "no number")
        loop.call_soon(log.append, "next")
        loop.call_later(1, int, "no number either")
        cancelled = loop.create_future()
        cancelled.cancel()
        loop.call_soon(cancelled.result)
        await asyncio.sleep(2)
        return log.append("done")

    with pytest.raises(BackgroundTaskError) as caught:
        run(main())
    assert log == ["next", "done"]
    kinds = [type(error) for error in caught.value.errors]
    assert kinds == [ValueError, asyncio.CancelledError, ValueError]


def test_an_error_is_found_though_its_task_is_long_forgotten() -> None:
    async def main() -> None:
        asyncio.create_task(fails(0.5), name="forgotten")  # noqa: RUF006
        for _ in range(5000):
            await asyncio.create_task(asyncio.sleep(0.001))

    with pytest.raises(BackgroundTaskError, match="it broke"):
        run(main())


def test_several_errors_come_in_the_order_of_their_tasks() -> None:
    async def main() -> None:
        for seconds, error in ((3, ValueError), (1, KeyError), (2, OSError)):
            asyncio.create_task(fails(seconds, error))  # noqa: RUF006
        await asyncio.sleep(5)

    with pytest.raises(BackgroundTaskError) as caught:
        run(main())
    assert [type(error) for error in caught.value.errors] == [ValueError, KeyError, OSError]


def test_when_the_main_coroutine_fails_too_the_other_errors_are_noted_on_its_error() -> None:
    async def main() -> None:
        await leaves_behind(fails())
        raise LookupError("no such order")

    with pytest.raises(LookupError, match="no such order") as caught:
        run(main())
    (note,) = caught.value.__notes__
    assert "ValueError: it broke" in note


def test_an_error_that_somebody_looked_at_is_no_background_error() -> None:
    async def main() -> str:
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        with pytest.raises(ValueError, match="it broke"):
            await task
        return "handled"

    assert result_of(main()) == "handled"


def test_an_error_while_being_cancelled_at_the_end_is_not_lost() -> None:
    async def breaks_on_the_way_out() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            raise OSError("the disk is full")

    with pytest.raises(BackgroundTaskError, match="OSError: the disk is full"):
        run(leaves_behind(breaks_on_the_way_out()))


def test_a_cancelled_background_task_is_no_error() -> None:
    async def main() -> None:
        asyncio.create_task(asyncio.sleep(9)).cancel()
        await asyncio.sleep(1)

    run(main())


# --- inside of another loop ----------------------------------------------------------------------


def test_a_run_inside_a_running_loop_leaves_that_loop_as_it_was() -> None:
    async def inner() -> tuple[float, list[str]]:
        await asyncio.sleep(50)
        names = sorted(task.get_name() for task in asyncio.all_tasks())
        return now(), names

    async def outer() -> None:
        other = asyncio.create_task(asyncio.sleep(0.001), name="the kernel's")
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        tasks = asyncio.all_tasks()
        functions = asyncio.all_tasks, asyncio.as_completed
        hooks = sys.get_asyncgen_hooks()

        assert result_of(inner()) == (50.0, ["main"])

        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        assert asyncio.all_tasks() == tasks == {task, other}
        assert (asyncio.all_tasks, asyncio.as_completed) == functions
        assert sys.get_asyncgen_hooks() == hooks
        await other

    run_for_real(outer())
    assert asyncio._get_running_loop() is None


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_failed_run_leaves_the_outer_loop_as_it_was(mistake: str) -> None:
    main, options = MISTAKES[mistake]

    async def outer() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        functions = asyncio.all_tasks, asyncio.as_completed
        with pytest.raises(ClockError):
            run(main(), **options)
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        assert asyncio.all_tasks() == {task}
        assert (asyncio.all_tasks, asyncio.as_completed) == functions
        await asyncio.sleep(0)

    run_for_real(outer())


def test_a_run_from_a_callback_of_a_running_loop_works() -> None:
    # A widget's callback is no task: there is a running loop, but no current task.
    async def outer() -> float:
        future = asyncio.get_running_loop().create_future()

        def clicked() -> None:
            assert asyncio.current_task() is None
            future.set_result(run(asyncio.sleep(5)).elapsed)
            assert asyncio.current_task() is None

        asyncio.get_running_loop().call_soon(clicked)
        return await future

    assert run_for_real(outer()) == 5.0


def test_a_run_after_nest_asyncio_was_applied_works() -> None:
    script = """
        import asyncio, nest_asyncio
        nest_asyncio.apply()
        from lessonkit import run

        async def inner():
            async with asyncio.TaskGroup() as group:
                slow = group.create_task(asyncio.sleep(3, "slow"))
                group.create_task(asyncio.sleep(1))
            async with asyncio.timeout(10):
                await asyncio.sleep(1)
            first = [await f for f in asyncio.as_completed([asyncio.sleep(2, 2), slow])]
            loop = asyncio.get_running_loop()
            return loop.time(), first, len(asyncio.all_tasks())

        async def outer():
            other = asyncio.create_task(asyncio.sleep(0.001))
            before = asyncio.current_task(), asyncio.get_running_loop(), asyncio.all_tasks()
            print(run(inner()).result)
            after = asyncio.current_task(), asyncio.get_running_loop(), asyncio.all_tasks()
            assert before == after
            await other
            return run(inner()).elapsed

        print(asyncio.run(outer()))
        print(run(inner()).elapsed)
    """
    assert python(script).splitlines() == ["(6.0, ['slow', 2], 1)", "6.0", "6.0"]


def test_nest_asyncio_applied_between_two_runs_changes_nothing() -> None:
    script = """
        import asyncio
        from lessonkit import run, current_trace

        async def main():
            async with asyncio.TaskGroup() as group:
                for number in range(30):
                    group.create_task(job(number))

        async def job(number):
            await asyncio.sleep(number % 3)
            current_trace().note(str(number), str(len(asyncio.all_tasks())))

        def digest():
            return run(main()).trace.digest()

        async def in_a_kernel():
            return digest()

        digests = [digest()]
        import nest_asyncio
        nest_asyncio.apply()
        digests += [digest(), asyncio.run(in_a_kernel())]
        print(len(set(digests)))
    """
    assert python(script).strip() == "1"


# --- the loop itself -----------------------------------------------------------------------------


def test_asyncios_debug_mode_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> float:
        assert asyncio.get_running_loop().get_debug() is debug
        await asyncio.gather(*(worker(n, n) for n in range(5)))
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
        async with asyncio.timeout(9):
            await asyncio.sleep(0)
        return now()

    debug = False
    plain = run(main())
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    debug = True
    assert run(main()).result == plain.result == 5.0
    for mistake, options in MISTAKES.values():
        with pytest.raises(ClockError):
            run(mistake(), **options)


def test_debug_mode_can_be_switched_on_in_the_middle() -> None:
    async def main() -> float:
        asyncio.get_running_loop().set_debug(True)
        await asyncio.sleep(1)
        return now()

    assert result_of(main()) == 1.0


def test_the_loop_can_be_used_on_its_own_and_refuses_to_run_twice() -> None:
    loop = VirtualTimeLoop()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="running already"):
            loop.run_forever()
        coroutine = asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="running already"):
            loop.run_until_complete(coroutine)
        coroutine.close()

    loop.run_until_complete(main())
    assert loop.run_until_complete(worker(2, "value")) == "value"
    assert loop.time() == 2.0
    loop.call_later(1, loop.stop)
    loop.run_forever()
    assert loop.time() == 3.0
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()


def test_asyncios_own_runner_takes_the_loop() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        # `Runner.close` asks for shutdown_default_executor, which has nothing to shut down.
        assert runner.run(worker(1000, "value")) == "value"


def test_a_closed_loop_keeps_nothing_of_what_was_to_come() -> None:
    class Thing:
        def __call__(self) -> None: ...

    for set_up in (VirtualTimeLoop.call_soon, partial(VirtualTimeLoop.call_later, delay=1.0)):
        loop, thing = VirtualTimeLoop(), Thing()
        kept = weakref.ref(thing)
        set_up(loop, callback=thing)
        del thing
        assert kept() is not None
        loop.close()
        assert kept() is None


def test_finished_tasks_are_forgotten() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        for _ in range(10_000):
            await asyncio.create_task(asyncio.sleep(0))
        return len(loop.tasks)

    assert result_of(main()) < 2000
