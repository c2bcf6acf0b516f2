"""RabbitMQ itself: overtaking, poison, deaths; and outbox and inbox at both of its ends."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from lessonkit.course.real_parts.here import beside_before
from lessonkit.course.real_parts.stored import Counted
from lessonkit.lab import Picture

if TYPE_CHECKING:
    from lessonkit.real.rabbitmq import RabbitMQ

HEARTBEAT: Final = 2
"""Seconds; usual is a minute."""
running: list[RabbitMQ] = []
"""It takes its time to start, so the cells share one. It ends with the kernel."""


def server() -> RabbitMQ:
    """The RabbitMQ of this kernel."""
    from lessonkit.real.rabbitmq import RabbitMQ

    ours = running[0].server if running else None  # none if it is one that AMQP_URL names
    if not running or (ours is not None and not ours.is_running):
        running[:] = [RabbitMQ()]
    return running[0]


def on_rabbitmq() -> Picture:
    """Four experiments of notebook 03 on RabbitMQ itself; beside it, before."""
    return beside_before("rabbitmq", lambda: asyncio.run(experiments(server().url)))


async def experiments(url: str) -> Counted:
    """What RabbitMQ makes of them."""
    from lessonkit.real.queues import compete, limit_a_classic_queue, poison, until_redelivered

    done = await compete(url)
    refused = await limit_a_classic_queue(url)
    poisoned = await poison(url, limit=2)
    found: dict[str, float] = {
        "messages that overtake the first one": done.index("1"),
        "a delivery limit on a classic queue: code of the error": 406 if refused else 0,
        "a quorum queue with limit 2: attempts of the poison": poisoned.attempts.count("poison"),
        "... messages in the dead-letter queue": len(poisoned.dead),
        "killed: seconds until the message is there again": await until_redelivered(url, "kill"),
        "frozen, at a heartbeat of 2 s: seconds until then": await until_redelivered(
            url, "freeze", HEARTBEAT
        ),
    }
    return {case: {"result": value} for case, value in found.items()}


def kill_over_rabbitmq(kills: int = 21) -> Picture:
    """Kill service, relay and consumer around RabbitMQ, without an inbox and with one."""
    return beside_before("rabbitmq kills", partial(count_over_rabbitmq, kills))


def count_over_rabbitmq(kills: int) -> Counted:
    """What became of the orders, without an inbox and with one."""
    from lessonkit.real.postgres import Postgres
    from lessonkit.real.rabbitmq_kills import kill_and_count_over_rabbitmq

    found: Counted = {}
    with Postgres() as postgres:
        for style, inbox in (("outbox without inbox", False), ("outbox with inbox", True)):
            found[style] = asyncio.run(
                kill_and_count_over_rabbitmq(postgres, server().url, inbox, kills // 3)
            )
    return found
