"""What notebook 09 shows of RabbitMQ."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.real.installed import need_rabbitmq_or_skip

need_rabbitmq_or_skip()

from lessonkit.real.queues import (  # noqa: E402
    compete,
    limit_a_classic_queue,
    poison,
    until_redelivered,
)
from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402

pytestmark = pytest.mark.slow  # a server takes its time to start


def test_competing_consumers_overtake(rabbitmq: RabbitMQ) -> None:
    done = asyncio.run(compete(rabbitmq.url, messages=3))
    assert sorted(one.message for one in done) == ["1", "2", "3"]
    assert {one.consumer for one in done} == {"slow", "quick"}
    assert [one.message for one in done] != ["1", "2", "3"]
    seconds = [one.seconds for one in done]
    assert seconds == sorted(seconds)


def test_a_classic_queue_has_no_delivery_limit(rabbitmq: RabbitMQ) -> None:
    said = asyncio.run(limit_a_classic_queue(rabbitmq.url))
    assert said.startswith("PRECONDITION_FAILED")
    assert "x-delivery-limit" in said


def test_what_is_rejected_too_often_is_a_dead_letter(rabbitmq: RabbitMQ) -> None:
    poisoned = asyncio.run(poison(rabbitmq.url, limit=2))
    assert poisoned.attempts.count("poison") == 3
    assert sorted(poisoned.handled) == ["1", "3", "4"]
    assert (poisoned.dead, poisoned.reason) == (["poison"], "delivery_limit")


def test_a_death_is_seen_at_once_and_a_frozen_host_when_two_heartbeats_are_missing(
    rabbitmq: RabbitMQ,
) -> None:
    heartbeat = 2
    killed = asyncio.run(until_redelivered(rabbitmq.url, "kill", heartbeat))
    # RabbitMQ looks once in a heartbeat. The first may be some time ago when we freeze it.
    assert killed < heartbeat
    if os.name == "posix":
        frozen = asyncio.run(until_redelivered(rabbitmq.url, "freeze", heartbeat))
        assert frozen > heartbeat > killed


def test_what_is_no_argument_is_said(rabbitmq: RabbitMQ) -> None:
    for call in (
        compete(rabbitmq.url, messages=1),
        poison(rabbitmq.url, limit=-1),
        until_redelivered(rabbitmq.url, "sleep"),
        until_redelivered(rabbitmq.url, "kill", heartbeat=0),
        compete(""),
    ):
        with pytest.raises(ValueError, match="must be"):
            asyncio.run(call)
