"""RabbitMQ started from here: alone on its port, gone with us, and a bad day is one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("psutil")
need_rabbitmq_or_skip()

import psutil  # noqa: E402

from lessonkit.real import rabbitmq as real  # noqa: E402
from lessonkit.real.rabbitmq import RabbitMQ, answers  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.test_server import place, programs, running_in, until  # noqa: E402

__all__ = ["place"]  # a fixture: nothing is left running, and no folder behind
KERNEL = """
import time
from lessonkit.real.rabbitmq import RabbitMQ
print(RabbitMQ().server.folder, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(real.VARIABLE, raising=False)


@pytest.mark.slow
def test_it_listens_on_one_port_of_127_0_0_1_alone_and_is_gone_after_the_with_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RabbitMQ() as rabbitmq:
        server = rabbitmq.server
        assert server is not None
        (beam,) = running_in(server.folder)
        listening = [
            one.laddr
            for process in (beam, *beam.children(recursive=True))
            for one in process.net_connections("all")
            if one.status == psutil.CONN_LISTEN
        ]
        assert [tuple(address) for address in listening] == [("127.0.0.1", server.port)]
        assert beam.username() != "root"
        with pytest.raises(ServerUnavailable, match=f"port {server.port} is taken; name another"):
            RabbitMQ(server.port)
        # One that runs can be named, and goes on when the block ends. A stranger gets nothing.
        monkeypatch.setenv(real.VARIABLE, rabbitmq.url)
        with RabbitMQ() as named:
            assert (named.url, named.server) == (rabbitmq.url, None)
        assert answers(rabbitmq.url)
        stranger = rabbitmq.url.replace("lessonkit", "guest")
        monkeypatch.setenv(real.VARIABLE, stranger)
        with pytest.raises(ServerUnavailable, match="that knows this user") as refused:
            RabbitMQ()
        assert rabbitmq.url.split(":")[2].split("@")[0] not in str(refused.value)
    assert not server.folder.exists()
    assert running_in(server.folder) == []


@pytest.mark.slow
def test_it_ends_with_a_kernel_that_is_killed() -> None:
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with kernel:
        assert kernel.stdout is not None
        folder = Path(kernel.stdout.readline().strip())
        assert running_in(folder)
        kernel.kill()
    until(lambda: not folder.exists() and not running_in(folder))


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


@pytest.mark.parametrize("port", [0, 80, 70000, "5672", True])
def test_a_port_that_is_none(port: object) -> None:
    with pytest.raises((TypeError, ValueError), match="port must be"):
        RabbitMQ(port)  # type: ignore[arg-type]
