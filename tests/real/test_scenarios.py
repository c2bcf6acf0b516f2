"""The language of scenarios: the models speak it, and a difference is found, shrunk and told."""

from __future__ import annotations

import pytest
from hypothesis import find, given, settings

from tests.real.driver_models import (
    LogModel,
    QuorumQueueModel,
    SqsFifoModel,
    SqsModel,
    WorkQueueModel,
)
from tests.real.scenarios import (
    Ack,
    DeadLetters,
    Die,
    Driver,
    Extend,
    Freeze,
    Got,
    GrowOld,
    Join,
    Known,
    Leave,
    Look,
    Make,
    Nack,
    Publish,
    Receive,
    Reject,
    Scenario,
    Seek,
    Settle,
    Step,
    TimeOut,
    TooSlow,
    check,
    check_known,
    difference,
    play,
    scenarios,
)

# What each broker knows; what happens often stands here twice.
COMMON = [Publish, Publish, Join, Receive, Receive, Receive, Ack, Ack, Leave, Die, TimeOut]
RABBITMQ = [*COMMON, Nack, Reject, Freeze, Look, DeadLetters]
KAFKA = [*COMMON, Seek, Freeze, GrowOld, Look]
SQS = [*COMMON, Extend, GrowOld, Look, DeadLetters]
MODELS: dict[Make, list[type]] = {
    WorkQueueModel: RABBITMQ,
    QuorumQueueModel: RABBITMQ,
    LogModel: KAFKA,
    SqsModel: SQS,
    SqsFifoModel: SQS,
}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_all_its_steps_and_always_the_same_way(model: Make) -> None:
    @given(scenarios(*MODELS[model], groups=("work", "mail"), failures=2, partitions=2))
    @settings(max_examples=15, deadline=None, derandomize=True)
    def play_twice(scenario: Scenario) -> None:
        check(scenario, model, model)

    play_twice()


def shown(driver: Driver, *steps: Step, **setting: object) -> list[tuple[str, ...]]:
    scenario = Scenario((Join("x"), *steps), **setting)  # type: ignore[arg-type]
    return driver.run(play(scenario, driver))[1:]


def test_what_is_observable_is_shown() -> None:
    steps: list[Step] = [
        Publish("A"),
        Publish("B"),
        Receive("x", 2),
        Nack("x"),
        Receive("x", 2),
        Look(),
    ]
    ready = [("A1",), (), ("A1 redelivered",), ("1 ready, 1 unacked",)]
    assert shown(WorkQueueModel(), *steps) == [(), (), *ready]
    assert shown(SqsModel(), *steps)[2:] == [
        ("A1 #1", "B2 #1"),
        (),
        ("A1 #2",),
        ("0 visible, 2 in flight",),
    ]


def test_who_is_not_there_and_what_is_not_held_is_passed_over() -> None:
    steps: list[Step] = [Ack("x"), Ack("y"), Join("x"), Die("x"), Receive("x")]
    assert shown(WorkQueueModel(), *steps) == [
        ("holds none",),
        ("nobody",),
        ("was there",),
        (),
        ("nobody",),
    ]


class Forgetful(WorkQueueModel):
    """It forgets what is given back."""

    async def settle(self, step: Settle, got: Got | None) -> None:
        await super().settle(Ack(step.consumer) if isinstance(step, Nack) else step, got)


@pytest.mark.slow
def test_a_difference_is_found_and_the_shortest_scenario_tells_it() -> None:
    random = scenarios(Publish, Receive, Nack, longest=5)
    shortest = find(
        random,
        lambda each: difference(each, WorkQueueModel, Forgetful) is not None,
        settings=settings(max_examples=300, derandomize=True, database=None, deadline=None),
    )
    assert [type(step) for step in shortest.steps[1:-2]] == [Publish, Receive, Nack]
    with pytest.raises(AssertionError, match=r"(?s)model: .*1 unacked.*real: .*0 unacked"):
        check(shortest, WorkQueueModel, Forgetful)


def test_a_known_difference_is_excused_and_fails_when_it_is_gone() -> None:
    steps = (Join("x"), Publish("A"), Receive("x"), Nack("x"), Receive("x"))
    known = Known("it forgets", Scenario(steps), lambda found: found.real == ())
    check(known.shown_by, WorkQueueModel, Forgetful, [known])
    check_known(known, WorkQueueModel, Forgetful)
    with pytest.raises(AssertionError, match="no longer so: it forgets"):
        check_known(known, WorkQueueModel, WorkQueueModel)


def test_a_machine_that_is_too_slow_gets_more_time() -> None:
    paces = []

    class Slow(WorkQueueModel):
        def __init__(self, pace: float) -> None:
            self.pace = pace
            paces.append(pace)

        async def receive(self, step: Receive, hope: int) -> list[Got]:
            if self.pace < enough:
                raise TooSlow
            return await super().receive(step, hope)

    scenario = Scenario((Join("x"), Receive("x")))
    enough = 2.0
    assert difference(scenario, WorkQueueModel, Slow) is None
    assert paces == [1.0, 3.0]
    enough = 100.0
    with pytest.raises(TooSlow):
        difference(scenario, WorkQueueModel, Slow)
