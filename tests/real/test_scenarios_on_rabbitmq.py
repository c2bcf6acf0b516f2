"""The model of RabbitMQ's queues is held to RabbitMQ: the same scenarios on both.

The model is that of RabbitMQ 4.3. Where an older server does otherwise, that is a known difference:
a model with the old rule does the same as the server.
"""

# ruff: noqa: RUF005  (steps that fill more than a line are two lists)

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings

from lessonkit.patterns.brokers import WorkQueue
from tests.real.driver_models import QuorumQueueModel, WorkQueueModel
from tests.real.installed import need_rabbitmq_or_skip
from tests.real.scenarios import (
    Ack,
    DeadLetters,
    Die,
    Difference,
    Freeze,
    Got,
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
    Settle,
    Step,
    TimeOut,
    check,
    check_known,
    difference,
    scenarios,
)

need_rabbitmq_or_skip()

import aio_pika  # noqa: E402

from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402
from tests.real.driver_rabbitmq import QuorumQueueDriver, RabbitMQDriver  # noqa: E402

pytestmark = pytest.mark.slow
KINDS = {
    "classic": (WorkQueueModel, RabbitMQDriver),
    "quorum": (QuorumQueueModel, QuorumQueueDriver),
}
each_kind = pytest.mark.parametrize("kind", KINDS)
A, B = Publish("A"), Publish("B")
ENDS: list[Step] = [Look(), DeadLetters()]
FIXED = {
    "consumers take turns, each up to its prefetch": Scenario(
        [Join("x", prefetch=2), Join("y"), Join("z", prefetch=3), *[A] * 8]
        + [Receive("x", 3), Receive("y", 3), Receive("z", 3), Ack("x", 1), Ack("z"), Ack("y")]
        + [Receive("x", 3), Receive("y", 3), Receive("z", 3), Leave("z"), *ENDS]
    ),
    "what is given back has been overtaken": Scenario(
        [Join("x"), Join("y"), A, A, A, Receive("x"), Receive("y"), Nack("x"), Receive("x")]
        + [Ack("y"), Receive("y"), Ack("y"), Receive("y"), *ENDS],
        failures=2,
    ),
    "one that always fails is a dead letter": Scenario(
        [Join("x"), A, B, *[Receive("x"), Reject("x")] * 3, Receive("x"), *ENDS], failures=2
    ),
    "what is refused is a dead letter at once": Scenario(
        [Join("x", prefetch=2), A, B, Receive("x", 2), Nack("x", requeue=False)]
        + [Reject("x", requeue=False), *ENDS],
        failures=2,
    ),
    "the dead give all back, taken or not": Scenario(
        [Join("x", prefetch=3), *[A] * 4, Receive("x", 2), Die("x"), Look(), Join("y", prefetch=4)]
        + [Receive("y", 4), *ENDS],
        failures=2,
    ),
    "who dies with it too often, leaves a dead letter": Scenario(
        [A, B, Join("x"), Receive("x"), Die("x"), Join("y"), Receive("y"), Leave("y"), Join("z")]
        + [Receive("z"), Die("z"), *ENDS],
        failures=2,
    ),
    "each group has all that it wants": Scenario(
        [Join("x"), Join("y", "mail", 2), A, B, A, Receive("x", 3), Receive("y", 3), Ack("x")]
        + [Receive("x"), Look(), Look("mail")],
        groups=("work", "mail"),
        wants={"mail": ["A"]},
    ),
    "a frozen one holds its messages until it is missed": Scenario(
        [Join("x"), Join("y"), A, Receive("x"), Freeze("x"), B, B, Receive("y", 2), Look()]
        + [TimeOut(), Look(), Ack("y"), Receive("y"), *ENDS],
        failures=2,
    ),
}
STEPS = [Publish, Receive, Receive, Ack, Nack, Reject, Join, Die, Leave, Look, DeadLetters]


@pytest.fixture
def real(rabbitmq: RabbitMQ) -> Callable[[str], Make]:
    """Makes, for a kind of queue, what makes its drivers."""
    return lambda kind: partial(KINDS[kind][1], rabbitmq.url)


class OldQuorumQueueModel(QuorumQueueModel):
    """What is given back unhandled counts too, and without ``failures`` there is no limit."""

    async def start(self, scenario: Scenario) -> None:
        await super().start(scenario)
        if scenario.failures is None:
            self.queues = {
                name: WorkQueue(name, kind="quorum", delivery_limit=-1) for name in self.queues
            }

    async def settle(self, step: Settle, got: Got | None) -> None:
        if isinstance(step, Nack):
            step = Reject(step.consumer, step.which, step.requeue)
        await super().settle(step, got)


def known(kind: str, real: Make, version: tuple[int, ...]) -> list[Known]:
    """The differences that are known and wanted at a server of this version."""

    def old_rule(found: Difference) -> bool:
        return difference(found.scenario, OldQuorumQueueModel, real) is None

    found: list[Known] = []
    if kind == "quorum" and version < (4, 3):
        reason = "before 4.3 a nack counts toward the delivery limit, as a reject does"
        steps = [Join("x"), A, B, *[Receive("x"), Nack("x")] * 3, Receive("x"), *ENDS]
        found.append(Known(reason, Scenario(steps, failures=2), old_rule))
    if kind == "quorum" and version < (4, 0):
        reason = "before 4.0 there is no limit unless told; then what is returned goes to the back"
        steps = [Join("x"), A, B, Receive("x"), Reject("x"), Receive("x")]
        found.append(Known(reason, Scenario(steps), old_rule))
    return found


def version_of(url: str) -> tuple[int, ...]:
    async def ask() -> Any:
        async with await aio_pika.connect(url) as connection:
            return connection.transport.connection.server_properties["version"]

    return tuple(int(part) for part in asyncio.run(ask()).split(".")[:2])


@pytest.mark.parametrize("name", FIXED)
@each_kind
def test_fixed_ones(kind: str, name: str, real: Callable[[str], Make], rabbitmq: RabbitMQ) -> None:
    differences = known(kind, real(kind), version_of(rabbitmq.url))
    check(FIXED[name], KINDS[kind][0], real(kind), differences)


@pytest.mark.parametrize("failures", [None, 2])
@each_kind
def test_random_ones(
    kind: str, failures: int | None, real: Callable[[str], Make], rabbitmq: RabbitMQ
) -> None:
    differences = known(kind, real(kind), version_of(rabbitmq.url))
    # So that there is something to do: a backlog, and two who work.
    begin = (*[A] * 4, Join("x", prefetch=2), Join("y", prefetch=3))

    @given(scenarios(*STEPS, failures=failures))
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    def play(scenario: Scenario) -> None:
        scenario = replace(scenario, steps=(*begin, *scenario.steps))
        check(scenario, KINDS[kind][0], real(kind), differences)

    play()


@each_kind
def test_known_differences_still_show(
    kind: str, real: Callable[[str], Make], rabbitmq: RabbitMQ
) -> None:
    for each in known(kind, real(kind), version_of(rabbitmq.url)):
        check_known(each, KINDS[kind][0], real(kind))


class ToTheBack(WorkQueueModel):
    """A model that is wrong: what is given back goes to the end of the line."""

    async def settle(self, step: Settle, got: Got | None) -> None:
        if isinstance(step, Nack) and got is not None:
            self.consumers[step.consumer].ack(got.handle)
            self.queues["work"].publish(got.body)
        else:
            await super().settle(step, got)


def test_a_wrong_model_is_found_out(real: Callable[[str], Make]) -> None:
    scenario = Scenario([Join("x"), A, B, Receive("x"), Nack("x"), Receive("x")])
    with pytest.raises(AssertionError, match=r"(?s)model: \('B2',\).*real:  \('A1 redelivered',\)"):
        check(scenario, ToTheBack, real("classic"))
