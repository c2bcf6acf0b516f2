"""``run()``: what it accepts, what it gives back, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import current_trace, run
from lessonkit.clock import BackgroundTaskError, ClockError, DeadlockError, RunawayError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    # Warnings such as "coroutine ... was never awaited" come when the object is thrown away.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "unclosed database")  # another file's, on Python 3.13
        yield
        gc.collect(1)  # the young objects; all of pytest's would take a tenth of a second
    assert [str(warning.message) for warning in caught] == []
    assert asyncio._get_running_loop() is None


def now() -> float:
    return asyncio.get_running_loop().time()


async def place_order(seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return "confirmed"


async def refuse_order() -> str:
    await asyncio.sleep(1)
    raise LookupError("no such item")


async def fail_later(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise OSError("the mail server is down")


def leave_behind(coroutine: Coroutine[Any, Any, Any], name: str | None = None) -> None:
    """Start a task and keep no reference to it."""
    asyncio.create_task(coroutine, name=name)  # noqa: RUF006


def python(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


# --- what it accepts -----------------------------------------------------------------------------


def test_a_function_instead_of_a_coroutine_is_refused_with_a_hint() -> None:
    with pytest.raises(
        TypeError,
        match=r"main must be a coroutine, got function place_order"
        r" \(call it: run\(f\(\)\), not run\(f\)\)",
    ):
        run(place_order)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, 5, "place_order()", [1]])
def test_what_is_no_coroutine_is_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        run(value)
    assert str(caught.value) == (f"main must be a coroutine, got {type(value).__name__} {value!r}")


def test_a_coroutine_that_was_run_already_is_refused() -> None:
    coroutine = place_order()
    run(coroutine)
    with pytest.raises(
        ValueError,
        match=r"main must be a fresh coroutine; place_order\(\) has been awaited already,"
        r" call the function again",
    ):
        run(coroutine)


NUMBERS: list[tuple[str, Any, str]] = [
    ("drain", -1, "drain must be a number of 0 or more; got -1"),
    ("drain", math.nan, "drain must be a number of 0 or more; got nan"),
    ("drain", "5", "drain must be a number, got str '5'"),
    ("drain", None, "drain must be a number, got NoneType None"),
    ("drain", True, "drain must be a number, got bool True"),
    *(
        ("time_limit", value, f"time_limit must be a number above 0, and finite; got {value!r}")
        for value in (0, -1, math.nan, math.inf)
    ),
    ("step_limit", 0, "step_limit must be 1 or more; got 0"),
    ("step_limit", 3.5, "step_limit must be a whole number, got float 3.5"),
    ("steps_per_instant", -1, "steps_per_instant must be 1 or more; got -1"),
    ("steps_per_instant", math.nan, "steps_per_instant must be a whole number, got float nan"),
    ("time_limit", "1", "time_limit must be a number, got str '1'"),
]


@pytest.mark.parametrize(("name", "value", "message"), NUMBERS)
@pytest.mark.parametrize("wall", [False, True])
def test_a_bad_number_is_refused_with_name_value_and_what_is_accepted(
    name: str, value: Any, message: str, wall: bool
) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises((TypeError, ValueError)) as caught:
        run(place_order(), wall=wall, **options)
    # In real time nothing goes on for ever: "..., and finite" is said of each number.
    assert str(caught.value).replace(", and finite;", ";") == message.replace(", and finite;", ";")


def test_an_endless_drain_is_for_virtual_time_only() -> None:
    with pytest.raises(
        ValueError, match="drain must be a number of 0 or more, and finite; got inf"
    ):
        run(place_order(), wall=True, drain=math.inf)


@pytest.mark.parametrize("wall", [False, True])
def test_a_run_inside_a_run_is_refused(wall: bool) -> None:
    async def main() -> None:
        run(place_order(), wall=wall)

    with pytest.raises(
        RuntimeError, match=r"run\(\) was called inside a run; await the coroutine instead"
    ):
        run(main())
    assert run(place_order()).result == "confirmed"


# --- what it gives back --------------------------------------------------------------------------


def test_a_run_gives_the_result_the_time_and_the_trace() -> None:
    async def main() -> str:
        current_trace().note("orders", "begins")
        return await place_order(2.5)

    outcome = run(main())
    assert outcome.result == "confirmed"
    assert outcome.elapsed == 2.5
    assert outcome.error is None
    assert [(note.time, note.text) for note in outcome.trace.notes] == [(0.0, "begins")]
    assert repr(outcome) == "Run(elapsed=2.500 s, result='confirmed', 0 messages)"


def test_an_error_is_raised_as_it_is() -> None:
    with pytest.raises(LookupError, match="no such item"):
        run(refuse_order())


def test_a_kept_error_is_raised_when_the_result_is_asked_for() -> None:
    outcome = run(refuse_order(), keep_error=True)
    assert isinstance(outcome.error, LookupError)
    assert outcome.elapsed == 1.0
    assert repr(outcome) == "Run(elapsed=1.000 s, error=LookupError('no such item'), 0 messages)"
    with pytest.raises(LookupError, match="no such item"):
        _ = outcome.result


def test_without_an_error_keep_error_changes_nothing() -> None:
    outcome = run(place_order(), keep_error=True)
    assert outcome.error is None
    assert outcome.result == "confirmed"


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("main", "options", "error"),
    [
        (wait_for_ever, {}, DeadlockError),
        (lambda: place_order(11), {"time_limit": 10}, RunawayError),
    ],
)
def test_a_mistake_in_the_program_is_raised_even_with_keep_error(
    main: Callable[[], Coroutine[Any, Any, Any]],
    options: dict[str, Any],
    error: type[ClockError],
) -> None:
    with pytest.raises(error):
        run(main(), keep_error=True, **options)


@pytest.mark.parametrize("wall", [False, True])
def test_keep_error_keeps_the_errors_of_background_tasks_too(wall: bool) -> None:
    async def main() -> None:
        leave_behind(fail_later(0.01))
        await asyncio.sleep(0.05)

    kept = run(main(), wall=wall, keep_error=True).error
    assert isinstance(kept, BackgroundTaskError)
    assert [type(error) for error in kept.errors] == [OSError]


def test_a_main_coroutine_that_is_cancelled_says_so() -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    with pytest.raises(asyncio.CancelledError):
        run(main())


def test_outside_of_a_run_there_is_no_trace() -> None:
    run(place_order())
    with pytest.raises(RuntimeError, match="there is no trace here"):
        current_trace()


def test_each_run_has_its_own_trace() -> None:
    async def main() -> None:
        current_trace().note("a", "b")

    assert len(run(main()).trace.notes) == len(run(main()).trace.notes) == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_afterwards_as_it_was(enabled: bool) -> None:
    async def main() -> bool:
        return gc.isenabled()

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        assert run(main()).result is False
        assert gc.isenabled() is enabled
        with pytest.raises(LookupError):
            run(refuse_order())
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


# --- background tasks and drain ------------------------------------------------------------------


def ticking(log: list[Any], every: float = 1.0, times: int = 10) -> Coroutine[Any, Any, None]:
    async def tick() -> None:
        try:
            for _ in range(times):
                await asyncio.sleep(every)
                log.append(now())
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
        finally:
            log.append("finally")

    return tick()


@pytest.mark.parametrize(
    ("drain", "expected"),
    [
        (0, [1.0, "cancelled", "finally"]),
        (2, [1.0, 2.0, 3.0, "cancelled", "finally"]),
        (2.5, [1.0, 2.0, 3.0, "cancelled", "finally"]),
        (100, [1.0, 2.0, 3.0, 4.0, "finally"]),
        (math.inf, [1.0, 2.0, 3.0, 4.0, "finally"]),
    ],
)
def test_background_tasks_go_on_for_drain_seconds_and_are_then_cancelled(
    drain: float, expected: list[Any]
) -> None:
    log: list[Any] = []

    async def main() -> None:
        leave_behind(ticking(log, times=4))
        await asyncio.sleep(1.25)

    outcome = run(main(), drain=drain)
    assert outcome.elapsed == 1.25  # what the main coroutine took, without the drain
    assert log == expected


def test_without_a_drain_nothing_goes_on_not_even_at_that_instant() -> None:
    log: list[str] = []

    async def note() -> None:
        for _ in range(9):
            await asyncio.sleep(0)
        log.append("went on")

    tasks = []

    async def main() -> None:
        tasks.append(asyncio.create_task(note()))

    run(main())
    assert log == []
    run(main(), drain=math.inf)
    assert log == ["went on"]


def test_an_interrupt_while_a_failed_run_is_tidied_up_is_no_part_of_the_failure() -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise KeyboardInterrupt

    kept = []

    async def main() -> None:
        kept.append(numbers())
        await anext(kept[0])
        raise LookupError("no such item")

    with pytest.raises(KeyboardInterrupt):
        run(main(), keep_error=True)


def test_an_endless_drain_ends_when_the_rest_only_waits() -> None:
    log: list[Any] = []

    async def serve(queue: asyncio.Queue[int]) -> None:
        try:
            while True:
                log.append(await queue.get())
                await asyncio.sleep(1)
        finally:
            log.append("server stopped")

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        leave_behind(serve(queue))
        for number in range(3):
            queue.put_nowait(number)

    assert run(main(), drain=math.inf).elapsed == 0.0
    assert log == [0, 1, 2, "server stopped"]


def test_an_endless_drain_of_a_task_that_never_ends_is_a_runaway() -> None:
    async def main() -> None:
        leave_behind(ticking([], times=1_000_000))

    with pytest.raises(RunawayError, match=r"its limit is 50\.000 s"):
        run(main(), drain=math.inf, time_limit=50)


def test_after_an_error_the_background_tasks_are_drained_too() -> None:
    log: list[Any] = []

    async def main() -> None:
        leave_behind(ticking(log, times=2))
        raise LookupError("no such item")

    assert run(main(), drain=10, keep_error=True).error is not None
    assert log == [1.0, 2.0, "finally"]


def test_an_error_during_the_drain_is_not_lost() -> None:
    async def main() -> None:
        leave_behind(fail_later(5))

    run(main(), drain=1)
    with pytest.raises(BackgroundTaskError, match="OSError: the mail server is down"):
        run(main(), drain=10)


def test_a_task_started_during_the_drain_is_cancelled_like_the_others() -> None:
    log: list[Any] = []

    async def starts_another() -> None:
        await asyncio.sleep(1)
        leave_behind(ticking(log))

    async def main() -> None:
        leave_behind(starts_another())
        leave_behind(ticking([], every=5, times=1))

    run(main(), drain=5.5)
    assert log[-2:] == ["cancelled", "finally"]


def test_cleaning_up_may_take_time() -> None:
    log: list[Any] = []

    async def slow_to_stop() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(3)
            log.append(now())

    async def main() -> None:
        leave_behind(slow_to_stop())
        await asyncio.sleep(1)

    assert run(main()).elapsed == 1.0
    assert log == [4.0]


@pytest.mark.parametrize("drain", [0, 5, math.inf])
def test_a_stubborn_task_that_swallows_its_cancellation_does_not_hang(drain: float) -> None:
    log: list[str] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("no")

    async def main() -> str:
        leave_behind(stubborn())
        await asyncio.sleep(1)
        return "done"

    assert run(main(), drain=drain).result == "done"
    assert log == ["no"]


def test_a_task_that_waits_even_in_its_last_finally_does_not_hang() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(1)

    async def main() -> str:
        leave_behind(stubborn())
        await asyncio.sleep(1)
        return "done"

    assert run(main()).result == "done"


def test_a_stubborn_task_that_goes_on_sleeping_is_stopped_by_the_time_limit() -> None:
    async def stubborn() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main() -> None:
        leave_behind(stubborn())
        await asyncio.sleep(1)

    with pytest.raises(RunawayError):
        run(main(), time_limit=100)
    assert run(place_order()).result == "confirmed"


# --- any program at all --------------------------------------------------------------------------

Tree = tuple[float, tuple["Tree", ...]]

DELAYS = st.sampled_from([0.0, 0.1, 0.25, 1.0, 1.0, 2.0]) | st.floats(0, 10)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.tuples(DELAYS, st.just(())),
    lambda trees: st.tuples(DELAYS, st.lists(trees, max_size=4).map(tuple)),
    max_leaves=20,
)
FORESTS = st.lists(TREES, min_size=1, max_size=6)


def longest(tree: Tree, start: float = 0.0) -> float:
    delay, children = tree
    end = start + delay
    return max([end, *(longest(child, end) for child in children)])


async def grow(forest: list[Tree]) -> None:
    async def branch(tree: Tree, path: str) -> None:
        delay, children = tree
        await asyncio.sleep(delay)
        current_trace().note(path, "done")
        async with asyncio.TaskGroup() as group:
            for number, child in enumerate(children):
                group.create_task(branch(child, f"{path}.{number}"))

    await asyncio.gather(*(branch(tree, str(number)) for number, tree in enumerate(forest)))


@given(FORESTS)
@settings(deadline=None, max_examples=100)
def test_tasks_of_tasks_end_at_the_greatest_sum_of_their_sleeps(forest: list[Tree]) -> None:
    outcome = run(grow(forest))
    assert outcome.elapsed == max(longest(tree) for tree in forest)
    times = [note.time for note in outcome.trace.notes]
    assert times == sorted(times)


@given(FORESTS)
@settings(deadline=None, max_examples=100)
def test_a_program_run_twice_gives_equal_traces(forest: list[Tree]) -> None:
    first, second = run(grow(forest)), run(grow(forest))
    assert first.trace.to_dict() == second.trace.to_dict()
    assert first.trace.digest() == second.trace.digest()


@given(st.lists(DELAYS.filter(bool), min_size=1, max_size=60))
@settings(deadline=None, max_examples=200)
def test_tasks_end_in_the_order_of_deadline_and_creation(delays: list[float]) -> None:
    log: list[tuple[float, int]] = []

    async def job(number: int) -> None:
        await asyncio.sleep(delays[number])
        log.append((now(), number))

    async def main() -> None:
        await asyncio.gather(*(job(number) for number in range(len(delays))))

    run(main())
    assert log == sorted((delay, number) for number, delay in enumerate(delays))


# --- in real seconds -----------------------------------------------------------------------------


def test_wall_takes_real_seconds_and_the_trace_begins_at_0() -> None:
    async def main() -> str:
        current_trace().note("orders", "begins")
        await asyncio.sleep(0.05)
        current_trace().note("orders", "ends")
        return "done"

    outcome = run(main(), wall=True)
    assert outcome.result == "done"
    begins, ends = (note.time for note in outcome.trace.notes)
    assert begins < 5  # of the loop's own clock it would be the seconds since the machine started
    assert ends - begins > 0.04
    assert ends <= outcome.elapsed


def test_wall_has_threads_and_sockets() -> None:
    async def main() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await asyncio.to_thread(bytes.upper, await reader.readline()))
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
        return line

    assert run(main(), wall=True).result == b"HELLO\n"


def test_wall_raises_and_keeps_errors_as_virtual_time_does() -> None:
    async def main() -> None:
        await asyncio.sleep(0.01)
        raise LookupError("no such item")

    with pytest.raises(LookupError, match="no such item"):
        run(main(), wall=True)
    outcome = run(main(), wall=True, keep_error=True)
    assert isinstance(outcome.error, LookupError)
    with pytest.raises(LookupError, match="no such item"):
        _ = outcome.result


def test_wall_raises_the_errors_of_background_tasks() -> None:
    async def main() -> None:
        leave_behind(fail_later(0.01))
        await asyncio.sleep(0.05)

    with pytest.raises(BackgroundTaskError, match="OSError: the mail server is down"):
        run(main(), wall=True)


def test_wall_notes_the_errors_of_background_tasks_on_the_error_of_main() -> None:
    async def main() -> None:
        leave_behind(fail_later(0.01))
        await asyncio.sleep(0.05)
        raise LookupError("no such item")

    with pytest.raises(LookupError, match="no such item") as caught:
        run(main(), wall=True)
    assert "OSError: the mail server is down" in "".join(getattr(caught.value, "__notes__", []))


def test_wall_does_not_count_an_error_that_somebody_handled() -> None:
    async def main() -> str:
        task = asyncio.create_task(fail_later(0.01))
        try:
            await task
        except OSError:
            return "handled"
        return "no error"

    # In virtual time the same code runs through as well.
    assert run(main()).result == "handled"
    assert run(main(), wall=True).result == "handled"


@pytest.mark.parametrize(
    ("drain", "seconds", "expected"),
    [
        (0, 60, ["cancelled"]),
        (0.05, 60, ["cancelled"]),
        (0.5, 0.05, ["done"]),
    ],
)
def test_wall_drains_and_cancels_background_tasks(
    drain: float, seconds: float, expected: list[str]
) -> None:
    log: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(seconds)
            log.append("done")
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    async def main() -> None:
        leave_behind(background())
        await asyncio.sleep(0)

    run(main(), wall=True, drain=drain)
    assert log == expected


def test_asyncio_run_in_virtual_time_breaks_no_later_run_when_real_seconds_were_lent() -> None:
    script = """
        import asyncio
        from lessonkit import run

        async def cell():
            run(asyncio.sleep(0), wall=True)

        async def mistaken():
            asyncio.run(asyncio.sleep(1))

        asyncio.run(cell())
        print(run(mistaken(), keep_error=True).error)
        print("virtual time:", run(asyncio.sleep(1000)).elapsed)
    """
    assert python(script) == ["this loop is running already", "virtual time: 1000.0"]


def test_wall_inside_of_a_running_loop_lets_that_loop_go_on() -> None:
    script = """
        import asyncio, nest_asyncio
        from lessonkit import current_trace, run
        from lessonkit.clock import BackgroundTaskError

        nest_asyncio.apply()
        log = []

        async def kernel():
            while True:
                await asyncio.sleep(0.01)
                log.append("beat")

        async def failing():
            raise OSError("broken")

        async def background():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

        async def main(other=None):
            current_trace().note("a", "begins")
            task = asyncio.create_task(background())
            if other:
                asyncio.create_task(other())
            await asyncio.sleep(0.08)
            return "done"

        async def cell():
            heart = asyncio.create_task(kernel())
            await asyncio.sleep(0.05)
            loop, me = asyncio.get_running_loop(), asyncio.current_task()
            creating = loop.create_task
            beats = log.count("beat")
            outcome = run(main(), wall=True)
            print(outcome.result, outcome.trace.notes[0].time < 5, outcome.elapsed < 5)
            print("kernel went on:", log.count("beat") > beats, "cancelled" in log)
            print("as before:", asyncio.get_running_loop() is loop, asyncio.current_task() is me,
                  loop.create_task == creating, asyncio.all_tasks() == {me, heart})
            try:
                run(main(failing), wall=True)
            except BackgroundTaskError as error:
                print(error.errors)
            print("virtual time:", run(asyncio.sleep(1000)).elapsed)
            beats = log.count("beat")
            await asyncio.sleep(0.05)
            print("kernel goes on:", log.count("beat") > beats, heart.cancel())

        asyncio.run(cell())
    """
    assert python(script) == [
        "done True True",
        "kernel went on: True True",
        "as before: True True True True",
        "(OSError('broken'),)",
        "virtual time: 1000.0",
        "kernel goes on: True True",
    ]


def test_wall_does_not_crash_a_loop_that_nest_asyncio_did_not_start() -> None:
    # The outer loop has counted what is ready in this round before
    # nest_asyncio came; the inner one takes callbacks from it, and the outer one would die of
    # "IndexError: pop from an empty deque". A notebook's kernel is such a loop.
    script = """
        import asyncio
        from lessonkit import run

        async def cell():
            loop = asyncio.get_running_loop()
            finished = loop.create_future()

            def clicked():
                print(run(asyncio.sleep(0.01, "done"), wall=True).result)
                finished.set_result(None)

            for callback in (clicked, int, int, int):  # ready in one round of the loop
                loop.call_soon(callback)
            await finished
            await asyncio.sleep(0.01)
            return "kernel goes on"

        print(asyncio.run(cell()))
    """
    assert python(script) == ["done", "kernel goes on"]


def test_whoever_can_await_needs_no_nest_asyncio_and_several_runs_may_overlap() -> None:
    script = """
        import asyncio, sys
        from lessonkit import current_trace
        from lessonkit.clock import BackgroundTaskError
        from lessonkit.runner import in_real_seconds

        sys.modules["nest_asyncio"] = sys.modules["nest_asyncio2"] = None
        log = []

        async def failing():
            raise OSError("broken")

        async def background(name):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                log.append(f"{name} cancelled")
                raise

        async def main(name, until, other=None):
            current_trace().note(name, "begins")
            tasks = [asyncio.create_task(background(name))]
            await until.wait()
            tasks += [asyncio.create_task(background(name))]
            if other:
                tasks += [asyncio.create_task(other())]
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            return name

        async def cell():
            loop = asyncio.get_running_loop()
            creating = loop.create_task
            one, two = asyncio.Event(), asyncio.Event()
            first = asyncio.create_task(in_real_seconds(main("first", one)))
            second = asyncio.create_task(in_real_seconds(main("second", two, failing)))
            kernels = asyncio.create_task(asyncio.sleep(10))
            await asyncio.sleep(0.01)
            one.set()
            outcome = await first
            print(outcome.result, [note.service for note in outcome.trace.notes], log)
            two.set()
            try:
                await second
            except BackgroundTaskError as error:
                print(error.errors, log)
            print(loop.create_task == creating, not kernels.done())
            try:
                await in_real_seconds(failing())
            except OSError as error:
                print(error)
            print((await in_real_seconds(failing(), keep_error=True)).error)

        asyncio.run(cell())
    """
    both = ["first cancelled"] * 2
    assert python(script) == [
        f"first ['first'] {both}",
        f"(OSError('broken'),) {both + ['second cancelled'] * 2}",
        "True True",
        "broken",
        "broken",
    ]


def test_where_a_loop_cannot_be_entered_again_one_must_await() -> None:
    class Browsers(asyncio.AbstractEventLoop):
        """A loop as Pyodide has one, which nobody can run."""

    asyncio._set_running_loop(Browsers())
    main = asyncio.sleep(0.01)
    try:
        with pytest.raises(RuntimeError, match=r"await in_real_seconds\(\.\.\.\)"):
            run(main, wall=True)
    finally:
        asyncio._set_running_loop(None)
    assert inspect.getcoroutinestate(main) == inspect.CORO_CLOSED


def test_wall_in_a_plain_script_leaves_no_loop_behind() -> None:
    script = """
        import asyncio
        from lessonkit import run

        async def main():
            await asyncio.sleep(0.05)
            return 7

        first, second = run(main(), wall=True), run(main(), wall=True)
        print(first.result, second.result, first.elapsed > 0.04)
        print(asyncio._get_running_loop())
        print(asyncio.run(main()))
    """
    assert python(script) == ["7 7 True", "None", "7"]
