"""The saga: roll-back in reverse order, and each choice that makes it safe."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lessonkit import CreateOrder, OrderFailed, Saga, SagaLog, Step, Told, an_order, audit, run
from lessonkit.clock.strangers import StrayCancellation
from lessonkit.database import Database, DatabaseLocked, DatabaseUnavailable
from lessonkit.messages import current_language, language
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga import SagaResult, SagaState, SagaTakenOver, SagaUnfinished
from lessonkit.shop import KeyReused, NoReply, OutcomeUnknown, ServiceRefused, ShopError
from lessonkit.shop.customer import Answer
from lessonkit.shop.network import correlation
from tests.unit.real_loop import run_for_real
from tests.unit.saga_shop import ShopWithLog, order_saga, resume

COMPLETED, COMPENSATED, FAILED = SagaState.COMPLETED, SagaState.COMPENSATED, SagaState.FAILED
STEADY = Backoff(base=1.0, cap=8.0, jitter=False)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    before = current_language()
    language("en")
    yield
    language(before)


class Refuses:
    """Raises an error for the first ``times`` calls."""

    def __init__(self, error: Exception | None = None, times: float = math.inf) -> None:
        self.error = error or ServiceRefused("payment")
        self.times = times

    def strike(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise self.error


NEVER = Refuses(times=0)


class Play:
    """Makes steps that write down when they are called, and fail and last as they are told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.times: list[float] = []

    def step(
        self,
        name: str,
        fails: Refuses = NEVER,
        *,
        takes: float = 0.0,
        undo: bool = True,
        undo_fails: Refuses = NEVER,
        undo_takes: float = 0.0,
        **options: bool,
    ) -> Step:
        action = self.function(name, fails, takes, f"{name} is done")
        undoing = self.function(f"undo {name}", undo_fails, undo_takes, None)
        return Step(name, action, undoing if undo else None, **options)

    def function(
        self, name: str, fails: Refuses, takes: float, result: object
    ) -> Callable[[Any], Awaitable[Any]]:
        async def call(command: object) -> object:
            self.calls.append(name)
            self.times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(takes)
            fails.strike()
            return result

        return call


@pytest.fixture
def play() -> Play:
    return Play()


def execute(saga: Saga, saga_id: str = "O-001", command: object = None) -> SagaResult:
    return run(saga.execute(saga_id, command or an_order())).result


def rows(log: SagaLog, saga_id: str = "O-001") -> list[str]:
    return [f"{entry.what} {entry.step}".strip() for entry in log.history(saga_id)]


# --- forward, and back ---------------------------------------------------------------------------


def test_the_steps_are_done_in_order_and_their_results_are_kept(play: Play) -> None:
    result = execute(Saga("order", [play.step("a"), play.step("b"), play.step("c")]))
    assert play.calls == ["a", "b", "c"]
    done = {"a": "a is done", "b": "b is done", "c": "c is done"}
    assert result == SagaResult("O-001", COMPLETED, done, None, (), True)


def test_a_failure_is_rolled_back_from_the_second_step_in_reverse_order(play: Play) -> None:
    refused = ServiceRefused("payment")
    steps = [play.step("a"), play.step("b"), play.step("c", Refuses(refused)), play.step("d")]
    result = execute(Saga("order", steps))
    assert play.calls == ["a", "b", "c", "undo b", "undo a"]
    assert (result.state, result.error, result.owed) == (COMPENSATED, refused, ())
    assert not result.committed


def test_if_the_first_step_fails_nothing_is_undone(play: Play) -> None:
    result = execute(Saga("order", [play.step("a", Refuses()), play.step("b")]))
    assert play.calls == ["a"]
    assert result.state == COMPENSATED


def test_if_the_last_step_fails_all_steps_before_it_are_undone(play: Play) -> None:
    steps = [play.step("a"), play.step("b"), play.step("c", Refuses())]
    assert execute(Saga("order", steps)).state == COMPENSATED
    assert play.calls == ["a", "b", "c", "undo b", "undo a"]


def test_a_step_without_a_compensation_is_skipped_on_the_way_back(play: Play) -> None:
    steps = [play.step("a"), play.step("b", undo=False), play.step("c", Refuses())]
    assert execute(Saga("order", steps)).state == COMPENSATED
    assert play.calls == ["a", "b", "c", "undo a"]


def test_each_function_gets_the_command() -> None:
    seen: list[object] = []

    async def look(command: object) -> None:
        seen.append(command)

    async def fail(command: object) -> None:
        raise ShopError("no")

    execute(Saga("order", [Step("a", look, look), Step("b", fail)]), command="the command")
    assert seen == ["the command", "the command"]


def test_what_the_steps_send_carries_the_saga_s_id() -> None:
    seen: list[str | None] = []

    async def look(command: object) -> None:
        seen.append(correlation.get())

    async def two() -> str | None:
        saga = Saga("order", [Step("a", look)])
        await saga.execute("O-001", None)
        await saga.execute("O-002", None)
        return correlation.get()

    assert run(two()).result is None
    assert seen == ["O-001", "O-002"]


# --- a step that may fail ------------------------------------------------------------------------


def test_an_optional_step_that_fails_undoes_nothing_and_is_owed(play: Play) -> None:
    mail = play.step("mail", Refuses(ServiceRefused("notification")), optional=True)
    result = execute(Saga("order", [play.step("a"), mail, play.step("c")]))
    assert play.calls == ["a", "mail", "c"]
    assert (result.state, result.error, result.committed) == (COMPLETED, None, True)
    assert result.owed == ("mail: not done (ServiceRefused: notification refused the request)",)
    assert result.results == {"a": "a is done", "c": "c is done"}


def test_an_optional_step_is_undone_if_a_later_step_fails(play: Play) -> None:
    steps = [play.step("a", optional=True), play.step("b", Refuses())]
    assert execute(Saga("order", steps)).state == COMPENSATED
    assert play.calls == ["a", "b", "undo a"]


# --- the compensation, registered before or after ------------------------------------------------


def test_registered_before_the_step_that_failed_is_undone_first(play: Play) -> None:
    steps = [play.step("a"), play.step("b", Refuses()), play.step("c")]
    result = execute(Saga("order", steps, compensate_before=True))
    assert play.calls == ["a", "b", "undo b", "undo a"]
    assert result.state == COMPENSATED


def test_a_compensation_that_fails_does_not_keep_the_others_from_being_undone(play: Play) -> None:
    lost = Refuses(ServiceRefused("payment"))
    steps = [play.step("a"), play.step("b", undo_fails=lost), play.step("c", Refuses())]
    result = execute(Saga("order", steps))
    assert play.calls == ["a", "b", "c", "undo b", "undo a"]
    assert result.state == FAILED
    assert result.owed == ("b: not undone (ServiceRefused: payment refused the request)",)


def test_a_compensation_is_tried_as_often_as_said(play: Play) -> None:
    fails = Refuses(times=2)
    steps = [play.step("a", undo_fails=fails), play.step("b", Refuses())]
    result = execute(Saga("order", steps, compensation_attempts=3, backoff=STEADY))
    assert play.calls == ["a", "b", "undo a", "undo a", "undo a"]
    assert play.times == [0, 0, 0, 1, 3]
    assert (result.state, result.owed) == (COMPENSATED, ())


# --- retries -------------------------------------------------------------------------------------


def test_a_step_is_tried_as_often_as_said_and_not_once_more(play: Play) -> None:
    result = execute(Saga("order", [play.step("a", Refuses())], attempts=4, backoff=STEADY))
    assert play.calls == ["a"] * 4
    assert play.times == [0, 1, 3, 7]
    assert result.state == COMPENSATED


def test_a_step_that_succeeds_at_last_has_succeeded(play: Play) -> None:
    result = execute(Saga("order", [play.step("a", Refuses(times=2))], attempts=3))
    assert play.calls == ["a"] * 3
    assert (result.state, result.error) == (COMPLETED, None)


def test_a_refusal_that_will_not_change_is_not_tried_again(play: Play) -> None:
    declined = Refuses(ShopError("card declined"))
    assert execute(Saga("order", [play.step("a", declined)], attempts=4)).state == COMPENSATED
    assert play.calls == ["a"]


def attempts_of(play: Play, saga_id: str, seed: int = 0) -> list[float]:
    execute(Saga("order", [play.step("a", Refuses())], attempts=6, seed=seed), saga_id)
    times, play.times = play.times, []
    return times


def test_the_jitter_of_a_saga_is_the_same_in_every_run(play: Play) -> None:
    assert attempts_of(play, "O-001") == attempts_of(play, "O-001")


def test_the_jitter_differs_between_sagas_and_between_seeds(play: Play) -> None:
    different = [attempts_of(play, "O-001"), attempts_of(play, "O-002")]
    different.append(attempts_of(play, "O-001", seed=1))
    assert len({tuple(times) for times in different}) == 3


# --- the pivot -----------------------------------------------------------------------------------


def test_after_the_pivot_nothing_is_undone_and_what_is_missing_is_owed(play: Play) -> None:
    steps = [play.step("a"), play.step("b", pivot=True), play.step("c", Refuses()), play.step("d")]
    result = execute(Saga("order", steps, compensate_before=True))
    assert play.calls == ["a", "b", "c"]
    assert (result.state, result.committed) == (FAILED, True)
    assert isinstance(result.error, ServiceRefused)
    assert result.owed == (
        "c: not done (ServiceRefused: payment refused the request)",
        "d: not done (-)",
    )


def test_a_pivot_that_fails_is_undone_with_all_before_it(play: Play) -> None:
    steps = [play.step("a"), play.step("b", Refuses(), pivot=True), play.step("c")]
    result = execute(Saga("order", steps, compensate_before=True))
    assert play.calls == ["a", "b", "undo b", "undo a"]
    assert (result.state, result.committed) == (COMPENSATED, False)


def test_without_a_pivot_a_late_failure_undoes_everything(play: Play) -> None:
    steps = [play.step("a"), play.step("b"), play.step("c", Refuses())]
    assert not execute(Saga("order", steps)).committed
    assert play.calls == ["a", "b", "c", "undo b", "undo a"]


# --- time ----------------------------------------------------------------------------------------


def test_a_step_that_takes_too_long_has_failed(play: Play) -> None:
    steps = [play.step("a"), play.step("b", takes=5.0)]
    outcome = run(Saga("order", steps, step_timeout=2.0).execute("O-001", None))
    assert outcome.elapsed == 2.0
    assert play.calls == ["a", "b", "undo a"]
    assert str(outcome.result.error) == "no reply within 2 s"
    assert isinstance(outcome.result.error, TimeoutError)


def test_the_step_timeout_is_for_each_attempt_and_for_compensations_too(play: Play) -> None:
    steps = [play.step("a", undo_takes=9.0), play.step("b", takes=5.0)]
    saga = Saga(
        "order", steps, attempts=2, compensation_attempts=2, step_timeout=2.0, backoff=STEADY
    )
    result = execute(saga)
    assert play.calls == ["a", "b", "b", "undo a", "undo a"]
    assert play.times == [0, 0, 3, 5, 8]
    assert result.owed == ("a: not undone (TimeoutError: no reply within 2 s)",)


def test_a_saga_that_takes_too_long_is_undone(play: Play) -> None:
    steps = [play.step("a", takes=1.0, undo_takes=9.0), play.step("b", takes=1.0), play.step("c")]
    outcome = run(Saga("order", steps, timeout=1.5).execute("O-001", None))
    assert play.calls == ["a", "b", "undo a"]
    assert outcome.elapsed == 10.5  # compensations are not counted
    assert outcome.result.state == COMPENSATED
    assert str(outcome.result.error) == "saga 'order' took longer than 1.5 s"


def test_a_timeout_after_the_pivot_undoes_nothing(play: Play) -> None:
    steps = [play.step("a", pivot=True), play.step("mail", takes=5.0, optional=True)]
    result = execute(Saga("order", steps, timeout=1.0))
    assert play.calls == ["a", "mail"]
    assert (result.state, result.error) == (COMPLETED, None)
    assert result.owed == ("mail: not done (TimeoutError: saga 'order' took longer than 1 s)",)


def test_a_timeout_in_the_middle_of_a_backoff_counts(play: Play) -> None:
    saga = Saga("order", [play.step("a", Refuses())], attempts=9, backoff=STEADY, timeout=2.0)
    outcome = run(saga.execute("O-001", None))
    assert (outcome.elapsed, outcome.result.state) == (2.0, COMPENSATED)
    assert play.calls == ["a", "a"]


def test_a_timer_that_was_not_needed_does_not_move_the_end(play: Play) -> None:
    saga = Saga("order", [play.step("a", takes=1.0)], step_timeout=200, timeout=300)
    assert run(saga.execute("O-001", None), drain=math.inf).trace.clock() == 1.0


def test_both_timeouts_at_one_instant_end_the_saga(play: Play) -> None:
    steps = [play.step("a"), play.step("b", takes=5.0)]
    result = execute(Saga("order", steps, attempts=3, step_timeout=2.0, timeout=2.0))
    assert (result.state, play.calls) == (COMPENSATED, ["a", "b", "undo a"])


# --- cancellation --------------------------------------------------------------------------------


async def give_up_after(seconds: float, saga: Saga) -> None:
    async with asyncio.timeout(seconds):
        await saga.execute("O-001", an_order())


def test_the_lesson_s_saga_is_left_as_it_is_when_the_caller_gives_up(play: Play) -> None:
    steps = [play.step("a"), play.step("b", takes=5.0), play.step("c")]
    with pytest.raises(TimeoutError):
        run(give_up_after(1.0, Saga("order", steps)))
    assert play.calls == ["a", "b"]


def test_with_a_shield_the_caller_who_gives_up_is_told_when_all_is_undone(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", undo_takes=3.0), play.step("b", takes=5.0), play.step("c")]
    saga = Saga("order", steps, shield=True, compensate_before=True, log=log)
    outcome = run(give_up_after(1.0, saga), keep_error=True)
    assert isinstance(outcome.error, TimeoutError)
    assert play.calls == ["a", "b", "undo b", "undo a"]
    assert outcome.elapsed == 4.0
    assert log.state("O-001") == COMPENSATED


def test_a_shielded_compensation_outlives_any_number_of_cancellations(play: Play) -> None:
    steps = [play.step("a", undo_takes=3.0), play.step("b", Refuses())]

    async def main() -> float:
        task = asyncio.create_task(Saga("order", steps, shield=True).execute("O-001", None))
        for _ in range(5):
            await asyncio.sleep(0.5)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run(main()).result == 3.0
    assert play.calls == ["a", "b", "undo a"]


def test_without_a_shield_a_compensation_can_be_cancelled(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", undo_takes=3.0), play.step("b", Refuses())]
    with pytest.raises(TimeoutError):
        run(give_up_after(1.0, Saga("order", steps, log=log)))
    assert log.state("O-001") == SagaState.COMPENSATING


def test_with_a_shield_what_comes_after_the_pivot_is_done_all_the_same(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", pivot=True), play.step("b", takes=5.0), play.step("c")]
    saga = Saga("order", steps, shield=True, log=log)
    assert run(give_up_after(1.0, saga), keep_error=True).elapsed == 5.0
    assert play.calls == ["a", "b", "c"]
    assert log.state("O-001") == COMPLETED


def test_cancelled_before_its_first_step_a_saga_has_nothing_to_undo(play: Play) -> None:
    saga = Saga("order", [play.step("a")], shield=True, compensate_before=True, log=SagaLog())

    async def main() -> None:
        task = asyncio.create_task(saga.execute("O-001", an_order()))
        await asyncio.sleep(0)  # execute() has begun; its first step has not
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert play.calls == []
    assert saga.log is not None
    assert saga.log.state("O-001") == COMPENSATED


# --- what strangers' code ends in, and gives back ------------------------------------------------


async def cancelled_inside(command: object) -> None:
    inner = asyncio.ensure_future(asyncio.sleep(10))
    inner.cancel()
    await inner


@pytest.mark.parametrize("shield", [False, True])
def test_a_step_that_ends_in_a_cancellation_of_its_own_has_failed(play: Play, shield: bool) -> None:
    log = SagaLog()
    steps = [play.step("a"), Step("b", cancelled_inside, play.step("b").compensation)]
    saga = Saga("order", [*steps, play.step("c")], shield=shield, compensate_before=True, log=log)
    words = "cancelled_inside ended in a CancelledError, and nobody had cancelled it"
    with pytest.raises(StrayCancellation, match=words):
        execute(saga)
    assert play.calls == ["a", "undo b", "undo a"]
    assert log.state("O-001") == COMPENSATED
    assert log.history("O-001")[4].detail == f"StrayCancellation: {words}"


def test_a_compensation_that_ends_in_a_cancellation_of_its_own_is_owed(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a"), Step("b", do, cancelled_inside), play.step("c", Refuses())]
    with pytest.raises(StrayCancellation):
        execute(Saga("order", steps, log=log))
    assert play.calls == ["a", "c", "undo a"]
    assert (log.state("O-001"), rows(log)[-3]) == (FAILED, "compensation failed b")


@pytest.mark.parametrize("where", ["step", "compensation"])
@pytest.mark.parametrize("shield", [False, True])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_through_and_the_log_says_how_far_it_came(
    play: Play, stop: type[BaseException], shield: bool, where: str
) -> None:
    stops = [True]

    async def interrupted(command: object) -> None:
        if stops:
            stops.clear()
            raise stop

    log = SagaLog()
    last = Step("b", interrupted) if where == "step" else play.step("b", Refuses())
    undo = do if where == "step" else interrupted
    saga = Saga("order", [Step("a", do, undo), last], shield=shield, log=log)
    with pytest.raises(stop):
        execute(saga)
    if shield and where == "step":  # what the end of the run still had time for
        assert log.state("O-001") == COMPENSATED
    else:
        assert rows(log)[-1] == ("step begun b" if where == "step" else "compensating")
        assert [result.state for result in resumed(saga)] == [COMPENSATED]


@pytest.mark.parametrize("reaction", ["obeys", "goes on", "fails"])
@pytest.mark.parametrize("where", ["step", "last step", "pivot", "compensation"])
@pytest.mark.parametrize("shield", [False, True])
def test_whatever_a_function_makes_of_it_a_saga_that_is_cancelled_ends(
    play: Play, shield: bool, where: str, reaction: str
) -> None:
    async def function(command: object) -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            if reaction == "fails":
                raise ConnectionError("interrupted") from None
            if reaction == "obeys":
                raise
        return "it is done"

    steps = [Step("b", function, pivot=where == "pivot"), play.step("c")]
    if where == "last step":
        steps.pop()
    elif where == "compensation":
        steps = [Step("b", do, function), play.step("c", Refuses())]
    saga = Saga("order", [play.step("a"), *steps], shield=shield, log=SagaLog())

    async def main() -> float:
        task = asyncio.create_task(saga.execute("O-001", an_order()))
        await asyncio.sleep(5)
        play.calls.clear()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run(main()).result == (10 if shield and where == "compensation" else 5)
    assert saga.log is not None
    if not shield and not (where == "compensation" and reaction == "goes on"):
        assert play.calls == []  # it stays where it is
    elif where == "last step" or where == "pivot":
        done = reaction == "goes on"
        assert saga.log.state("O-001") == (COMPLETED if done else COMPENSATED)
        assert play.calls == (["c"] if where == "pivot" else []) if done else ["undo a"]
    else:
        assert (saga.log.state("O-001"), play.calls) == (COMPENSATED, ["undo a"])


def test_a_step_that_turns_its_time_limit_into_an_error_of_its_own_has_taken_too_long() -> None:
    times = []

    async def stubborn(command: object) -> None:
        times.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise ConnectionError("interrupted") from None

    saga = Saga("order", [Step("a", stubborn)], step_timeout=2.0, attempts=2, backoff=STEADY)
    result = execute(saga)
    assert (str(result.error), times) == ("no reply within 2 s", [0, 3])


def test_a_step_that_passes_over_the_time_limit_of_the_saga_is_done_and_is_undone(
    play: Play,
) -> None:
    async def deaf(command: object) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(10)

    log = SagaLog()
    steps = [Step("a", deaf, play.step("a").compensation), play.step("b")]
    result = execute(Saga("order", steps, timeout=2.0, log=log))
    assert (result.state, play.calls) == (COMPENSATED, ["undo a"])
    assert rows(log)[1:4] == ["step begun a", "step done a", "compensating"]
    only = Saga("order", steps[:1], timeout=2.0, log=log)
    assert execute(only, "O-002").state == COMPLETED


async def more(command: object) -> None: ...


UNRUN: dict[str, Callable[[], Any]] = {
    "coroutine": lambda: more(None),
    "generator": lambda: (number for number in [1]),
    "Future": lambda: asyncio.get_running_loop().create_future(),
}


@pytest.mark.parametrize("kind", UNRUN)
def test_a_step_that_gives_back_work_has_not_been_done(play: Play, kind: str) -> None:
    async def half(command: object) -> Any:
        return UNRUN[kind]()

    log = SagaLog()
    steps = [play.step("a"), Step("b", half, play.step("b").compensation), play.step("c")]
    with pytest.raises(TypeError, match=rf"half must be done when it returns; .* a {kind}"):
        execute(Saga("order", steps, compensate_before=True, log=log))
    assert play.calls == ["a", "undo b", "undo a"]
    assert rows(log)[4] == "step failed b"


def test_a_compensation_that_gives_back_work_has_not_been_done(play: Play) -> None:
    async def half(command: object) -> Any:
        return more(command)

    log = SagaLog()
    steps = [Step("a", do, half), play.step("b", Refuses())]
    with pytest.raises(TypeError, match="half must be done when it returns"):
        execute(Saga("order", steps, log=log))
    assert log.owes("O-001")


class Unspeakable(ShopError):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@pytest.mark.parametrize("error", [Unspeakable(), ShopError("\ud83d"), ShopError("x" * 5000)])
def test_an_error_that_cannot_be_said_is_noted_all_the_same(play: Play, error: Exception) -> None:
    log = SagaLog()
    result = execute(Saga("order", [play.step("a"), play.step("b", Refuses(error))], log=log))
    assert (result.state, result.error) == (COMPENSATED, error)
    assert len(log.history("O-001")[4].detail) <= 1000


# --- one Saga in several runs --------------------------------------------------------------------


def test_a_saga_that_was_interrupted_serves_the_next_run(play: Play) -> None:
    fails = Refuses(KeyboardInterrupt(), times=1)  # type: ignore[arg-type]
    saga = Saga("order", [play.step("a"), play.step("b", fails, takes=1.0)], log=SagaLog())

    async def two_clicks() -> list[Any]:
        return await asyncio.gather(*(saga.execute("O-001", an_order()) for _ in range(2)))

    with pytest.raises(KeyboardInterrupt):
        run(two_clicks())
    with pytest.raises(SagaUnfinished):
        execute(saga)
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert [result.state for result in run(two_clicks()).result] == [COMPENSATED] * 2
    assert execute(saga, "O-002").state == COMPLETED


def test_a_click_in_another_run_does_not_wait_for_this_one(play: Play) -> None:
    saga = Saga("order", [play.step("a", takes=0.1)], log=SagaLog())

    async def outer() -> list[Any]:
        first = asyncio.create_task(saga.execute("O-001", an_order()))
        await asyncio.sleep(0.01)
        with pytest.raises(SagaUnfinished):
            execute(saga)  # a run of its own, in the middle of this one
        return [await first, await saga.execute("O-001", an_order())]

    first, second = run_for_real(outer())
    assert (first.state, second) == (COMPLETED, first)
    assert play.calls == ["a"]


def test_without_a_log_one_saga_runs_in_two_loops_at_once() -> None:
    async def wait(command: object) -> None:
        await asyncio.sleep(0.01)

    saga = Saga("order", [Step("a", wait, wait), Step("b", wait)], timeout=60, shield=True)
    states = []

    def elsewhere() -> None:
        for _ in range(3):
            states.append(asyncio.run(saga.execute("O-001", None)).state)

    threads = [threading.Thread(target=elsewhere) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [COMPLETED] * 6


# --- a mistake in the program --------------------------------------------------------------------


def test_a_mistake_in_a_step_is_raised_when_everything_is_undone(play: Play) -> None:
    mistake = ZeroDivisionError("1 / 0")
    steps = [play.step("a"), play.step("b", Refuses(mistake))]
    with pytest.raises(ZeroDivisionError) as caught:
        execute(Saga("order", steps, attempts=3))
    assert caught.value.__notes__ == ["(in step 'b' of saga 'order' 'O-001')"]
    assert play.calls == ["a", "b", "undo a"]


def test_of_two_mistakes_the_first_is_raised(play: Play) -> None:
    second = Refuses(KeyError("x"))
    steps = [play.step("a", undo_fails=second), play.step("b", Refuses(ZeroDivisionError()))]
    with pytest.raises(ZeroDivisionError):
        execute(Saga("order", steps))


def test_a_mistake_in_a_saga_that_was_cancelled_is_the_cause(play: Play) -> None:
    mistake = KeyError("x")
    steps = [play.step("a", undo_takes=3.0, undo_fails=Refuses(mistake)), play.step("b", Refuses())]
    saga = Saga("order", steps, shield=True)

    async def main() -> BaseException | None:
        task = asyncio.create_task(saga.execute("O-001", None))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value.__cause__

    assert run(main()).result is mistake


def test_a_mistake_in_the_first_step_is_raised_and_nothing_is_undone(play: Play) -> None:
    with pytest.raises(ZeroDivisionError):
        execute(Saga("order", [play.step("a", Refuses(ZeroDivisionError())), play.step("b")]))
    assert play.calls == ["a"]


@pytest.mark.parametrize("where", ["optional step", "compensation"])
def test_a_mistake_elsewhere_is_raised_as_well(play: Play, where: str) -> None:
    mistake = Refuses(KeyError("x"))
    steps = [play.step("a", mistake, optional=True), play.step("b")]
    if where == "compensation":
        steps = [play.step("a", undo_fails=mistake), play.step("b", Refuses())]
    with pytest.raises(KeyError):
        execute(Saga("order", steps))


def test_a_result_that_the_log_cannot_keep_is_a_mistake_but_the_step_is_done(play: Play) -> None:
    async def bad(command: object) -> object:
        return 1j

    log = SagaLog()
    saga = Saga("order", [play.step("a"), Step("b", bad), play.step("c")], log=log)
    with pytest.raises(TypeError, match=r"the result of step 'b' must be .*; got 1j"):
        execute(saga)
    assert play.calls == ["a", "c"]
    assert rows(log)[3:5] == ["step begun b", "step done b"]
    assert log.state("O-001") == COMPLETED


# --- the log -------------------------------------------------------------------------------------


def test_the_log_says_what_has_happened(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", takes=1.0), play.step("b", Refuses()), play.step("c")]
    execute(Saga("order", steps, compensate_before=True, log=log))
    assert rows(log) == [
        "started",
        "step begun a",
        "step done a",
        "step begun b",
        "step failed b",
        "compensating",
        "step undone b",
        "step undone a",
        "compensated",
    ]
    history = log.history("O-001")
    assert [entry.time for entry in history] == [0, 0] + [1] * 7
    assert (history[2].detail, history[4].detail) == (
        "a is done",
        "ServiceRefused: payment refused the request",
    )
    frame = log.to_frame("O-001")
    assert list(frame.columns) == ["time (s)", "what", "step", "detail"]
    assert list(frame["what"])[:3] == ["started", "step begun", "step done"]
    assert log.history("O-002") == []


def test_the_same_saga_again_gives_the_known_result_and_does_nothing(play: Play) -> None:
    saga = Saga("order", [play.step("a")], log=SagaLog())
    first = execute(saga)
    assert execute(saga) == first
    assert play.calls == ["a"]


def test_the_known_result_of_a_saga_that_was_undone_has_its_error_in_words(play: Play) -> None:
    saga = Saga("order", [play.step("a"), play.step("b", Refuses())], log=SagaLog())
    execute(saga)
    again = execute(saga)
    assert (again.state, str(again.error)) == (
        COMPENSATED,
        "ServiceRefused: payment refused the request",
    )
    assert play.calls == ["a", "b", "undo a"]


@pytest.mark.parametrize("when", [1.0, 9.0], ids=["under way", "finished"])
def test_an_id_that_belongs_to_another_command_is_refused_at_once(play: Play, when: float) -> None:
    saga = Saga("order", [play.step("a", takes=5.0)], log=SagaLog())

    async def main() -> SagaResult:
        first = asyncio.create_task(saga.execute("O-001", an_order()))
        await asyncio.sleep(when)
        with pytest.raises(KeyReused, match="saga_id 'O-001' belongs to another command"):
            await saga.execute("O-001", an_order(2))
        assert asyncio.get_running_loop().time() == when
        return await first

    assert run(main()).result.state == COMPLETED
    assert play.calls == ["a"]


def test_an_id_that_belongs_to_another_saga_is_refused(play: Play) -> None:
    log = SagaLog()
    execute(Saga("order", [play.step("a")], log=log))
    with pytest.raises(ValueError, match="'O-001' belongs to saga 'order', not to 'return'"):
        execute(Saga("return", [play.step("a")], log=log))


# --- the customer clicks twice -------------------------------------------------------------------


def clicks(saga: Saga, *moments: float) -> list[Any]:
    """Execute one saga several times; what came of each, and when."""

    async def click(moment: float) -> tuple[Any, float]:
        await asyncio.sleep(moment)
        (outcome,) = await asyncio.gather(saga.execute("O-001", an_order()), return_exceptions=True)
        return outcome, asyncio.get_running_loop().time()

    async def all_of_them() -> list[tuple[Any, float]]:
        return await asyncio.gather(*map(click, moments))

    return run(all_of_them()).result


def test_all_clicks_get_one_result_and_each_step_is_done_once(play: Play) -> None:
    steps = [play.step("a", takes=1.0), play.step("b", takes=1.0)]
    found = clicks(Saga("order", steps, log=SagaLog()), 0.0, 0.0, 1.5, 9.0)
    done = {"a": "a is done", "b": "b is done"}
    result = SagaResult("O-001", COMPLETED, done, None, (), True)
    assert found == [(result, 2.0), (result, 2.0), (result, 2.0), (result, 9.0)]
    assert play.calls == ["a", "b"]


def test_all_clicks_hear_that_it_was_undone_and_it_is_undone_once(play: Play) -> None:
    steps = [play.step("a", undo_takes=2.0), play.step("b", Refuses(), takes=1.0)]
    found = clicks(Saga("order", steps, compensate_before=True, log=SagaLog()), 0.0, 0.0, 2.0)
    assert [(result.state, when) for result, when in found] == [(COMPENSATED, 3.0)] * 3
    assert ["payment refused the request" in str(result.error) for result, _ in found] == [True] * 3
    assert play.calls == ["a", "b", "undo b", "undo a"]


def test_a_mistake_in_the_program_does_not_leave_the_other_clicks_waiting(play: Play) -> None:
    mistake = ZeroDivisionError("1 / 0")
    steps = [play.step("a"), play.step("b", Refuses(mistake), takes=1.0)]
    (first, _), (second, _) = clicks(Saga("order", steps, log=SagaLog()), 0.0, 0.5)
    assert first is mistake
    assert (second.state, str(second.error)) == (COMPENSATED, "ZeroDivisionError: 1 / 0")


async def three_clicks(saga: Saga, cancelled: int) -> list[Any]:
    """Three clicks at once, and one of them is cancelled on the way; what came of each."""
    tasks = [asyncio.create_task(saga.execute("O-001", an_order())) for _ in range(3)]
    await asyncio.sleep(1.0)
    tasks[cancelled - 1].cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("shield", [False, True])
def test_a_second_click_that_is_cancelled_leaves_the_others_alone(play: Play, shield: bool) -> None:
    steps = [play.step("a", takes=5.0), play.step("b")]
    saga = Saga("order", steps, shield=shield, log=SagaLog())
    first, second, third = run(three_clicks(saga, cancelled=2)).result
    assert first.state == COMPLETED
    assert isinstance(second, asyncio.CancelledError)
    assert third == first
    assert play.calls == ["a", "b"]


def test_when_the_first_click_is_cancelled_the_others_learn_that_nobody_can_say(play: Play) -> None:
    saga = Saga("order", [play.step("a", takes=5.0), play.step("b")], log=SagaLog())
    first, *others = run(three_clicks(saga, cancelled=1)).result
    assert isinstance(first, asyncio.CancelledError)
    for other in others:
        assert isinstance(other, SagaUnfinished)
        assert isinstance(other, OutcomeUnknown)  # the customer is told: we do not know yet
        assert str(other) == "saga 'O-001' is in the log (running); resume() drives it on"
    assert play.calls == ["a"]


def test_under_a_shield_the_other_clicks_learn_how_it_ended(play: Play) -> None:
    steps = [play.step("a", undo_takes=2.0), play.step("b", takes=5.0)]
    saga = Saga("order", steps, shield=True, log=SagaLog())
    first, second, third = run(three_clicks(saga, cancelled=1)).result
    assert isinstance(first, asyncio.CancelledError)
    assert (second.state, third) == (COMPENSATED, second)


def test_a_click_after_a_run_that_was_left_does_not_wait_for_it(play: Play) -> None:
    saga = left_unfinished(play, [play.step("a", takes=5.0)], SagaLog())
    with pytest.raises(SagaUnfinished):
        execute(saga)
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert execute(saga).state == COMPENSATED


@pytest.mark.parametrize("same", [True, False], ids=["the same Saga", "another Saga"])
def test_a_click_in_a_new_process_does_not_wait_for_the_dead_one(same: bool) -> None:
    shop = ShopWithLog()
    sagas = [order_saga(shop), order_saga(shop)]

    async def nothing() -> None:
        pass

    async def create_order(command: CreateOrder) -> None:
        saga = sagas[0 if same else len(shop.customer.placed) - 1]
        (await saga.execute(command.order_id, command)).check()

    async def main() -> list[Answer]:
        first = asyncio.create_task(shop.place_order(create_order))
        await asyncio.sleep(0.2)  # it waits for the payment
        shop.network.kill("orders")
        await shop.restart("orders", nothing())
        return [await shop.place_order(create_order), await first]

    second, first = run(main(), drain=math.inf).result
    assert (first.told, second.told) == (Told.NOTHING, Told.UNKNOWN)
    assert second.wait == 0
    assert shop.log.state("O-001") == SagaState.RUNNING
    run(shop.restart("orders", resume(shop)), drain=math.inf)
    assert shop.log.state("O-001") == COMPENSATED
    assert audit(shop) == []


# --- what the customer is told, and what is owed -------------------------------------------------


def test_a_result_is_checked_before_anybody_is_told_that_it_went_well(play: Play) -> None:
    done = execute(Saga("order", [play.step("a", pivot=True), play.step("b")]))
    late = execute(Saga("order", [play.step("a", pivot=True), play.step("b", Refuses())]))
    assert (done.state, late.state) == (COMPLETED, FAILED)
    assert (done.check(), late.check()) == (done, late)  # both orders stand
    undone = execute(Saga("order", [play.step("a"), play.step("b", Refuses())]))
    with pytest.raises(OrderFailed, match="payment refused the request") as caught:
        undone.check()
    assert caught.value.__cause__ is undone.error
    stuck = execute(
        Saga("order", [play.step("a", undo_fails=Refuses()), play.step("b", Refuses())])
    )
    with pytest.raises(OutcomeUnknown, match="payment refused the request"):
        stuck.check()


def test_what_was_undone_for_a_process_that_died_has_failed(play: Play) -> None:
    saga = left_unfinished(play, [play.step("a"), play.step("b", takes=5.0)], SagaLog())
    (result,) = resumed(saga)
    assert (result.state, result.error) == (COMPENSATED, None)
    with pytest.raises(OrderFailed, match="saga 'O-001' is compensated"):
        result.check()


def test_only_a_saga_that_has_failed_says_that_it_still_owes_something(play: Play) -> None:
    log = SagaLog()
    fails = Refuses(times=1)
    steps = [play.step("a", undo_takes=1.0, undo_fails=fails), play.step("b", Refuses(), takes=1.0)]
    saga = Saga("order", steps, log=log)
    assert not log.owes("O-001")  # it does not know it

    async def main() -> list[bool]:
        execution = asyncio.create_task(saga.execute("O-001", an_order()))
        owed = []
        for _ in range(3):
            await asyncio.sleep(0.7)  # running, compensating, failed
            owed.append(log.owes("O-001"))
        await execution
        return owed

    assert run(main()).result == [False, False, True]
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert not log.owes("O-001")
    execute(Saga("order", [play.step("a")], log=log), "O-002")
    assert not log.owes("O-002")


def test_if_the_pivot_cannot_be_undone_nothing_before_it_is(play: Play) -> None:
    undo_fails = Refuses(ServiceRefused("database"), times=1)
    pivot = play.step("save", Refuses(NoReply("database")), undo_fails=undo_fails, pivot=True)
    saga = Saga("order", [play.step("a"), pivot], compensate_before=True, log=SagaLog())
    result = execute(saga)
    assert play.calls == ["a", "save", "undo save"]
    assert (result.state, result.committed) == (FAILED, False)
    assert result.owed == ("save: not undone (ServiceRefused: database refused the request)",)
    play.calls.clear()
    (result,) = resumed(saga)
    assert play.calls == ["undo save", "undo a"]
    assert (result.state, result.owed) == (COMPENSATED, ())


# --- whom a log knows ----------------------------------------------------------------------------


def test_of_two_processes_that_start_one_saga_one_is_refused() -> None:
    log = SagaLog()
    log.start("order", "O-001", an_order())
    with pytest.raises(SagaUnfinished, match="'O-001' has just been started by another"):
        log.start("order", "O-001", an_order())
    assert rows(log) == ["started"]


def test_a_saga_runs_in_real_time_as_well(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", takes=0.01), play.step("b", takes=9.0)]
    saga = Saga("order", steps, step_timeout=0.02, compensate_before=True, log=log)
    outcome = run(saga.execute("O-001", an_order()), wall=True)
    assert outcome.result.state == COMPENSATED
    assert play.calls == ["a", "b", "undo b", "undo a"]


def test_commands_come_back_from_the_file_as_what_they_were(play: Play, tmp_path: Path) -> None:
    seen: list[object] = []

    async def look(command: object) -> None:
        seen.append(command)

    steps = [Step("a", look, look), play.step("b", takes=5.0)]
    with SagaLog(tmp_path / "saga.db", CreateOrder) as log, pytest.raises(TimeoutError):
        run(give_up_after(1.0, Saga("order", steps, log=log)))
    with SagaLog(tmp_path / "saga.db", CreateOrder) as log:
        results = run(Saga("order", steps, log=log).resume()).result
        assert [result.state for result in results] == [COMPENSATED]
    assert seen == [an_order(), an_order()]


def test_a_command_may_be_a_dict(play: Play) -> None:
    log = SagaLog(":memory:", dict)
    saga = Saga("order", [play.step("a")], log=log)
    assert execute(saga, command={"amount": 5000}).state == COMPLETED
    assert log.command("order", "O-001") == {"amount": 5000}


# --- resume --------------------------------------------------------------------------------------


def left_unfinished(play: Play, steps: list[Step], log: SagaLog, **choices: Any) -> Saga:
    saga = Saga("order", steps, log=log, **choices)
    with pytest.raises(TimeoutError):
        run(give_up_after(1.0, saga))
    play.calls.clear()
    return saga


def resumed(saga: Saga) -> list[SagaResult]:
    return run(saga.resume()).result


def test_before_the_pivot_a_saga_is_undone_by_resume(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a"), play.step("b", takes=5.0), play.step("c", pivot=True)]
    saga = left_unfinished(play, steps, log, compensate_before=True)
    (result,) = resumed(saga)
    assert play.calls == ["undo b", "undo a"]
    assert (result.state, result.error, result.committed) == (COMPENSATED, None, False)
    assert rows(log)[-5:] == [
        "resumed",
        "compensating",
        "step undone b",
        "step undone a",
        "compensated",
    ]


def test_after_the_pivot_a_saga_goes_on_by_resume(play: Play) -> None:
    fails = Refuses(times=1)
    steps = [play.step("a"), play.step("b", pivot=True), play.step("c", fails), play.step("d")]
    saga = Saga("order", steps, log=SagaLog())
    assert execute(saga).state == FAILED
    play.calls.clear()
    (result,) = resumed(saga)
    assert play.calls == ["c", "d"]
    assert (result.state, result.error, result.owed) == (COMPLETED, None, ())
    assert list(result.results) == ["a", "b", "c", "d"]


def test_what_was_done_after_the_pivot_is_not_done_again_by_resume(play: Play) -> None:
    steps = [play.step("a", pivot=True), play.step("b"), play.step("c", Refuses(times=1))]
    saga = Saga("order", steps, log=SagaLog())
    assert execute(saga).state == FAILED
    play.calls.clear()
    assert [result.state for result in resumed(saga)] == [COMPLETED]
    assert play.calls == ["c"]


def test_without_a_pivot_an_optional_step_that_was_under_way_is_not_the_end(play: Play) -> None:
    steps = [play.step("a"), play.step("mail", takes=5.0, optional=True)]
    saga = left_unfinished(play, steps, SagaLog())
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert play.calls == ["undo a"]


def test_a_saga_that_another_process_has_just_ended_is_left_alone(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    saga = Saga("order", [play.step("a")], log=SagaLog())
    execute(saga)
    monkeypatch.setattr(saga.log, "unfinished", lambda name: ["O-001"])
    before = rows(saga.log)  # type: ignore[arg-type]
    assert (resumed(saga), rows(saga.log)) == ([], before)  # type: ignore[arg-type]


def test_a_saga_that_is_finished_never_runs_again(play: Play) -> None:
    saga = Saga(
        "order", [play.step("a"), play.step("mail", Refuses(), optional=True)], log=SagaLog()
    )
    undone = Saga("order", [play.step("a"), play.step("b", Refuses())], log=saga.log)
    assert execute(saga, "O-001").state == COMPLETED
    assert execute(undone, "O-002").state == COMPENSATED
    play.calls.clear()
    assert resumed(saga) == []
    assert resumed(undone) == []
    assert play.calls == []


def test_what_could_not_be_undone_is_tried_again_by_resume(play: Play) -> None:
    fails = Refuses(times=2)
    steps = [play.step("a"), play.step("b", undo_fails=fails), play.step("c", Refuses())]
    saga = Saga("order", steps, log=SagaLog())
    assert execute(saga).state == FAILED
    play.calls.clear()
    (still,) = resumed(saga)
    assert (still.state, still.owed) == (
        FAILED,
        ("b: not undone (ServiceRefused: payment refused the request)",),
    )
    assert str(still.error) == "ServiceRefused: payment refused the request"
    (result,) = resumed(saga)
    assert (result.state, result.owed) == (COMPENSATED, ())
    assert play.calls == ["undo b", "undo b"]  # and a, which is undone, is not undone again
    assert str(result.error) == str(still.error)


def test_resume_finds_nothing_to_do_in_an_empty_log(play: Play) -> None:
    assert resumed(Saga("order", [play.step("a")], log=SagaLog())) == []


def test_resume_needs_a_log(play: Play) -> None:
    with pytest.raises(ValueError, match="log must be given"):
        resumed(Saga("order", [play.step("a")]))


def test_the_oldest_is_resumed_first_and_other_sagas_are_left_alone(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a"), play.step("b", takes=5.0)]
    order, back = Saga("order", steps, log=log), Saga("return", steps, log=log)

    async def main() -> None:
        work = [(order, "O-2"), (back, "R-1"), (order, "O-1")]
        tasks = [asyncio.create_task(saga.execute(name, an_order())) for saga, name in work]
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()

    run(main())
    assert log.unfinished() == ["O-2", "R-1", "O-1"]
    assert [result.saga_id for result in resumed(order)] == ["O-2", "O-1"]
    assert log.unfinished() == ["R-1"]


def test_two_resumes_at_once_end_with_everything_undone(play: Play) -> None:
    steps = [play.step("a", undo_takes=1.0), play.step("b", takes=5.0)]
    log = SagaLog()
    saga = left_unfinished(play, steps, log)

    async def later() -> list[SagaResult]:
        await asyncio.sleep(0.5)
        return await saga.resume()

    async def both() -> list[list[SagaResult]]:
        return await asyncio.gather(saga.resume(), later())

    loser, winner = run(both()).result
    assert loser == []
    assert [result.state for result in winner] == [COMPENSATED]
    assert play.calls == ["undo a", "undo a"]  # a compensation may come twice, and bears it
    assert rows(log).count("compensated") == 1


def test_a_process_that_was_only_slow_notices_that_it_lost_its_saga(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", takes=2.0), play.step("b")]
    saga = Saga("order", steps, compensate_before=True, log=log)

    async def main() -> None:
        slow = asyncio.create_task(saga.execute("O-001", an_order()))
        await asyncio.sleep(1.0)
        assert [result.state for result in await saga.resume()] == [COMPENSATED]
        with pytest.raises(SagaTakenOver, match="'O-001' has been resumed elsewhere"):
            await slow

    run(main())
    assert play.calls == ["a", "undo a"]
    assert log.state("O-001") == COMPENSATED


def test_a_saga_that_cannot_be_resumed_does_not_keep_the_others_waiting(play: Play) -> None:
    log = SagaLog()
    old = Saga("order", [play.step("gone"), play.step("b", takes=5.0)], log=log)
    new = Saga("order", [play.step("a"), play.step("b", takes=5.0)], log=log)
    for number, saga in ((1, old), (2, new)):
        with pytest.raises(TimeoutError):
            run(asyncio.wait_for(saga.execute(f"O-{number}", an_order()), 1.0))
    with pytest.raises(ValueError, match=r"'O-1' in the log has a step 'gone'; .* only a, b"):
        resumed(new)
    assert log.unfinished() == ["O-1"]
    assert rows(log, "O-1")[-1] == "step begun b"  # it was not even taken over
    assert [result.state for result in resumed(old)] == [COMPENSATED]


def test_a_mistake_in_a_compensation_is_raised_when_all_sagas_are_resumed(play: Play) -> None:
    log = SagaLog()
    steps = [play.step("a", undo_fails=Refuses(KeyError("x"), times=1)), play.step("b", takes=5.0)]
    saga = left_unfinished(play, steps, log)
    with pytest.raises(TimeoutError):
        run(asyncio.wait_for(saga.execute("O-002", an_order()), 1.0))
    with pytest.raises(KeyError):
        resumed(saga)
    assert (log.state("O-001"), log.state("O-002")) == (FAILED, COMPENSATED)


def test_a_saga_whose_steps_were_all_done_is_completed_by_resume(play: Play) -> None:
    log = SagaLog()
    saga = Saga("order", [play.step("a")], log=log)
    execute(saga)
    log.database.execute("UPDATE sagas SET state = 'running'")
    log.database.execute("DELETE FROM saga_log WHERE what = 'completed'")
    play.calls.clear()
    assert [result.state for result in resumed(saga)] == [COMPLETED]
    assert play.calls == []


# --- a database that does not work ---------------------------------------------------------------


def test_nothing_is_done_if_the_log_cannot_be_written(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "saga.db"
    log = SagaLog(Database(path, timeout=0.01))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked):
        execute(Saga("order", [play.step("a")], log=log))
    assert play.calls == []
    other.close()
    assert log.unfinished() == []


def test_a_saga_stops_where_the_log_stops_and_is_resumed_from_there(
    play: Play, tmp_path: Path
) -> None:
    path = tmp_path / "saga.db"
    log = SagaLog(Database(path, timeout=0.01))
    other = sqlite3.connect(path, isolation_level=None)

    async def lock(command: object) -> None:
        other.execute("BEGIN IMMEDIATE")

    steps = [play.step("a"), Step("b", lock, play.step("b").compensation), play.step("c")]
    saga = Saga("order", steps, compensate_before=True, log=log)
    with pytest.raises(DatabaseLocked):
        execute(saga)
    assert play.calls == ["a"]
    other.close()
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert play.calls == ["a", "undo b", "undo a"]


def test_a_disk_that_is_full_stops_the_saga_and_loses_nothing(play: Play, tmp_path: Path) -> None:
    log = SagaLog(tmp_path / "saga.db")
    pages = log.database.execute("PRAGMA page_count").fetchone()[0]

    async def long_result(command: object) -> str:
        log.database.execute(f"PRAGMA max_page_count = {pages}")
        return "x" * 100_000

    async def short_result(command: object) -> None:
        play.calls.append("undo a")

    saga = Saga("order", [Step("a", long_result, short_result)], compensate_before=True, log=log)
    with pytest.raises(DatabaseUnavailable, match="the disk is full"):
        execute(saga)
    log.database.execute("PRAGMA max_page_count = 1000000")
    assert [result.state for result in resumed(saga)] == [COMPENSATED]
    assert play.calls == ["undo a"]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "saga.db"
    path.write_text("This is a letter, and no database. " * 100, encoding="utf-8")
    with pytest.raises(DatabaseUnavailable, match="it is no SQLite database"):
        SagaLog(path)


def test_a_file_that_is_read_only_is_named(tmp_path: Path) -> None:
    SagaLog(tmp_path / "saga.db").close()
    database = Database(tmp_path / "saga.db")
    database.execute("PRAGMA query_only = ON")
    with pytest.raises(DatabaseUnavailable, match="it is read-only"):
        SagaLog(database)
    database.close()


def test_a_log_that_is_closed_says_so(play: Play) -> None:
    with SagaLog() as log:
        saga = Saga("order", [play.step("a")], log=log)
    with pytest.raises(DatabaseUnavailable, match="it is closed"):
        execute(saga)
    assert play.calls == []


def test_a_database_that_was_given_stays_open(tmp_path: Path) -> None:
    database = Database(tmp_path / "saga.db")
    SagaLog(database).close()
    assert database.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_a_log_with_commands_of_another_type_says_so(play: Play, tmp_path: Path) -> None:
    steps = [play.step("a", takes=5.0)]
    with SagaLog(tmp_path / "saga.db", CreateOrder) as log:
        left_unfinished(play, steps, log)
    with SagaLog(tmp_path / "saga.db", dict) as log:
        saga = Saga("order", steps, log=log)
        with pytest.raises(
            ValueError, match="'O-001' cannot be read: it is a CreateOrder, this lo"
        ):
            resumed(saga)
        assert log.unfinished() == ["O-001"]


def test_a_command_that_cannot_be_read_holds_up_no_other_saga(play: Play, tmp_path: Path) -> None:
    steps = [play.step("a", takes=5.0)]
    with SagaLog(tmp_path / "saga.db", CreateOrder) as log:
        left_unfinished(play, steps, log)
        assert log.command("order", "O-001") == an_order()
    with SagaLog(tmp_path / "saga.db", dict) as log:
        saga = Saga("order", steps, log=log)
        with pytest.raises(TimeoutError):
            run(asyncio.wait_for(saga.execute("O-002", {"any": "dict"}), 1.0))
        with pytest.raises(ValueError, match="'O-001' cannot be read"):
            execute(saga, "O-001", {"any": "dict"})  # the same id again
        before = rows(log)
        with pytest.raises(ValueError, match="'O-001' cannot be read"):
            resumed(saga)
        assert log.unfinished() == ["O-001"]
        assert rows(log) == before  # it is still his who can read it
    with SagaLog(tmp_path / "saga.db", CreateOrder) as log:
        (result,) = resumed(Saga("order", steps, log=log))
        assert (result.saga_id, result.state) == ("O-001", COMPENSATED)


# --- bad input -----------------------------------------------------------------------------------


async def do(command: object) -> None: ...


def not_async(command: object) -> None: ...


async def two_arguments(command: object, more: object) -> None: ...


async def none() -> None: ...


class AsyncObject:
    async def __call__(self, command: object) -> None: ...

    async def method(self, command: object, *, more: int = 0) -> None: ...


def test_whatever_is_async_and_takes_the_command_can_be_a_step() -> None:
    functions: list[Any] = [do, AsyncObject(), AsyncObject().method, partial(two_arguments, more=1)]
    assert [Step("a", function, function).name for function in functions] == ["a"] * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", do), "the name of a step must be a text of at least one letter; got ''"),
        ((None, do), "the name of a step must be a text of at least one letter; got None"),
        (("\ud800", do), "the name of a step must be such that UTF-8 can carry it"),
        (("a", None), "action of step 'a' must be a function; got None"),
        (("a", not_async), "action of step 'a' must be declared with async def; got not_async"),
        (("a", lambda order: do(order)), "action of step 'a' must be declared with async def"),
        (("a", two_arguments), "action of step 'a' must take one argument, .* 'more'"),
        (("a", none), "action of step 'a' must take one argument, the command; none does not"),
        (("a", do, "undo"), "compensation of step 'a' must be a function; got 'undo'"),
        (("a", do, not_async), "compensation of step 'a' must be declared with async def"),
        (("a", do, none), "compensation of step 'a' must take one argument"),
        (("a", do, do, "yes"), "optional of step 'a' must be True or False; got 'yes'"),
        (("a", do, do, False, 1), "pivot of step 'a' must be True or False; got 1"),
        (("a", do, do, True, True), "step 'a' cannot be both the pivot and optional"),
    ],
)
def test_a_bad_step_is_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Step(*arguments)


A, B = Step("a", do), Step("b", do)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": ""}, "name must be a text of at least one letter; got ''"),
        ({"steps": []}, r"steps must be a list of at least one Step; got \[\]"),
        ({"steps": "a"}, "steps must be a list of at least one Step; got 'a'"),
        ({"steps": None}, "steps must be a list of at least one Step; got None"),
        ({"steps": [A, do]}, r"steps\[1\] must be a Step"),
        ({"steps": [A, B, A]}, "steps must have names of their own; two are called 'a'"),
        (
            {"steps": [Step("a", do, pivot=True), Step("b", do, pivot=True)]},
            "steps must have one pivot at most; got a, b",
        ),
        ({"compensate_before": 1}, "compensate_before must be True or False; got 1"),
        ({"shield": None}, "shield must be True or False; got None"),
        ({"attempts": 0}, "attempts must be 1 or more; got 0"),
        ({"attempts": 1.5}, "attempts must be a whole number"),
        ({"compensation_attempts": 0}, "compensation_attempts must be 1 or more; got 0"),
        ({"backoff": 1.0}, "backoff must be a Backoff; got 1.0"),
        ({"step_timeout": 0}, "step_timeout must be a number above 0"),
        ({"step_timeout": -1}, "step_timeout must be a number above 0"),
        ({"timeout": math.inf}, "timeout must be a number above 0, and finite; got inf"),
        ({"timeout": "1"}, "timeout must be a number"),
        ({"log": "saga.db"}, "log must be a SagaLog; got 'saga.db'"),
        ({"seed": 0.5}, "seed must be a whole number, got float 0.5"),
    ],
)
def test_a_bad_saga_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Saga(**({"name": "order", "steps": [A]} | arguments))


@pytest.mark.parametrize("saga_id", ["", None, 1, "\udfff"])
def test_a_bad_id_is_refused(saga_id: Any) -> None:
    with pytest.raises(ValueError, match="saga_id must be"):
        execute(Saga("order", [A], log=SagaLog()), saga_id)


@pytest.mark.parametrize(
    ("kind", "command", "words"),
    [
        (
            CreateOrder,
            {"a": 1},
            r"command \(.* command_type\) must be a CreateOrder; got \{'a': 1\}",
        ),
        (dict, {"a": {1}}, r"command must come back .*; got \{'a': \{1\}\}, not \{'a': \[1\]\}"),
        (dict, {"a": math.nan}, r"command\.a must be what JSON .*; got nan"),
        (dict, {"a": (1,)}, r"command must come back .*; got \{'a': \(1,\)\}, not \{'a': \[1\]\}"),
    ],
)
def test_a_command_that_the_log_cannot_keep_is_refused(
    play: Play, kind: type, command: Any, words: str
) -> None:
    log = SagaLog(":memory:", kind)
    with pytest.raises((TypeError, ValueError), match=words):
        run(Saga("order", [play.step("a")], log=log).execute("O-001", command))
    assert (play.calls, log.unfinished()) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", CreateOrder), "path must be the name of a file"),
        ((7, CreateOrder), "path must be the name of a file"),
        ((":memory:", an_order()), "command_type must be a class; got CreateOrder"),
    ],
)
def test_a_bad_log_is_refused(arguments: tuple[Any, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        SagaLog(*arguments)
