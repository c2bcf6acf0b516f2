"""A RabbitMQ that cannot be started from here: the bad day is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("psutil")
need_rabbitmq_or_skip()


from lessonkit.real import rabbitmq as real  # noqa: E402
from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.test_server import place, programs  # noqa: E402

__all__ = ["place"]  # a fixture: nothing is left running, and no folder behind


@pytest.fixture(autouse=True)
def _none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(real.VARIABLE, raising=False)


def test_there_is_none_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "DEBIAN", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServerUnavailable, match=r"there is no rabbitmq-server .*; install"):
        RabbitMQ()


def test_it_cannot_be_started(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = programs(place / "bin", **{"rabbitmq-server": "echo 'erl: not found'; exit 1"})
    monkeypatch.setattr(real, "DEBIAN", folder)
    with pytest.raises(ServerUnavailable, match="RabbitMQ cannot be started: it says: erl: not"):
        RabbitMQ()


def test_none_answers_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(real.VARIABLE, f"amqp://me:secret@127.0.0.1:{free_port()}/")
    with pytest.raises(ServerUnavailable, match=r"answers at amqp://127\.0\.0\.1:\d+/, which"):
        RabbitMQ()


@pytest.mark.parametrize("url", ["127.0.0.1:5672", "http://127.0.0.1/", "amqp://"])
def test_what_is_named_is_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(real.VARIABLE, url)
    with pytest.raises(ValueError, match=f"{real.VARIABLE} must be like amqp://"):
        RabbitMQ()
