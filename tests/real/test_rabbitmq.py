"""What notebook 09 shows of RabbitMQ."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.real.installed import need_rabbitmq_or_skip

need_rabbitmq_or_skip()

from lessonkit.real import queues  # noqa: E402
from lessonkit.real.queues import (  # noqa: E402
    compete,
    limit_a_classic_queue,
    poison,
    until_redelivered,
)
from lessonkit.real.rabbitmq import VARIABLE, RabbitMQ  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.driver_rabbitmq import Cable  # noqa: E402

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
    assert asyncio.run(until_redelivered(rabbitmq.url, "kill", heartbeat=60)) < 60
    if os.name == "posix":
        # (RabbitMQ looks once in a heartbeat, and may have looked just before.)
        assert asyncio.run(until_redelivered(rabbitmq.url, "freeze", heartbeat=2)) > 2


def test_a_server_that_goes_in_the_middle_and_one_that_was_never_there(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "SLOW", 3600.0)

    async def cut_in_the_middle() -> None:
        cable = Cable()
        url = await cable.lay(rabbitmq.url)
        asyncio.get_running_loop().call_later(1, cable.cut)
        await compete(url)

    with pytest.raises(ServerUnavailable, match="start it again") as gone:
        asyncio.run(cut_in_the_middle())
    assert rabbitmq.url.rpartition(":")[0].rpartition("@")[0] not in str(gone.value)
    with pytest.raises(ServerUnavailable, match="start it again"):
        asyncio.run(compete(f"amqp://me:secret@127.0.0.1:{free_port()}/"))


def test_a_stranger_gets_nothing_and_no_password_is_shown(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, password = rabbitmq.url.removeprefix("amqp://").partition("@")[0].split(":")
    monkeypatch.setenv(VARIABLE, rabbitmq.url.replace(user, "stranger", 1))
    with pytest.raises(ServerUnavailable, match="that knows this user") as refused:
        RabbitMQ()
    assert password not in str(refused.value)


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
