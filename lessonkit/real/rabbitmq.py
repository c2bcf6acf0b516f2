"""A RabbitMQ server for a moment: without root, without Docker, on 127.0.0.1 alone.

Whoever has one running can name it: ``AMQP_URL=amqp://user:password@host:5672/``. Otherwise the
machine's program ``rabbitmq-server`` is started in a folder of its own; what runs as a service of
the machine is not touched.

RabbitMQ is made for several nodes. So it listens for others, and a second program, ``epmd``, which
outlives it, tells them where. Here there are no others: neither listens.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from lessonkit.real.extra import need
from lessonkit.real.server import (
    HOST,
    Broker,
    Server,
    ServerUnavailable,
    free_port,
    new_folder,
    port_or_free,
    shown,
    unavailable,
)

aio_pika, aiormq = need("aio_pika"), need("aiormq")

VARIABLE: Final = "AMQP_URL"
DEBIAN: Final = "/usr/lib/rabbitmq/bin"
"""Looked at first: what Debian has on the PATH runs only as the user of its service."""
CONFIGURATION: Final = """
listeners.tcp.1 = {host}:{port}
default_user = lessonkit
default_pass = {password}
log.console.level = error
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""
PLACES: Final = (
    *("CONFIG_FILE", "CONFIG_FILES", "ADVANCED_CONFIG_FILE", "CONF_ENV_FILE"),
    *("ENABLED_PLUGINS_FILE", "FEATURE_FLAGS_FILE", "GENERATED_CONFIG_DIR", "LOG_BASE"),
    *("MNESIA_BASE", "PID_FILE", "SCHEMA_DIR"),
)
"""All that it reads and writes is in its folder; nothing of /etc/rabbitmq is."""
ALONE: Final = (
    "-sname {node} -dist_listen false -start_epmd false -erl_epmd_port {port}"
    " -kernel inet_dist_use_interface {{127,0,0,1}}"
)
"""For Erlang. (An older one knows no ``-dist_listen``; it listens, but on 127.0.0.1 alone.)"""


def program() -> str:
    """The path of ``rabbitmq-server``.

    Raises
    ------
    ServerUnavailable
        If there is none on this machine.
    """
    found = shutil.which("rabbitmq-server", path=f"{DEBIAN}{os.pathsep}{os.environ.get('PATH')}")
    if os.name != "posix" or found is None:
        raise ServerUnavailable(
            "there is no rabbitmq-server on this machine; install RabbitMQ (Debian, Ubuntu:"
            f" apt install rabbitmq-server), or name a running one in {VARIABLE}"
        )
    return found


class RabbitMQ(Broker):
    """A RabbitMQ server, as in ``with RabbitMQ() as server: aio_pika.connect(server.url)``.

    Parameters
    ----------
    port
        Where it is to listen; None for a free port. A server that is named has its own.

    Attributes
    ----------
    url
        What a client connects to. It contains the password, which is a new one each time: others
        on the same machine can reach 127.0.0.1 as well.

    Raises
    ------
    TypeError, ValueError
        If ``port`` is none, or ``AMQP_URL`` is no such URL.
    ExtraMissing
        If the extra ``real`` is not installed.
    ServerUnavailable
        If there is no server, or it cannot be started; it says what to do.
    """

    def __init__(self, port: int | None = None) -> None:
        port = port_or_free(port)
        if named := os.environ.get(VARIABLE):
            self.url = named
            _look_for(named)
        else:
            password = secrets.token_hex(16)
            self.url = f"amqp://lessonkit:{password}@{HOST}:{port}/"
            self.server = _start(self.url, port, password)


def _start(url: str, port: int, password: str) -> Server:
    path, folder, node = program(), new_folder("rabbitmq"), f"lessonkit{port}@localhost"
    settings = {
        "ERL_CRASH_DUMP_SECONDS": "0",
        "HOME": folder,  # for Erlang's cookie
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": port,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ALONE.format(node=node, port=free_port()),
        # It *is* the server then. Otherwise it is a script that waits for it.
        "RUNNING_UNDER_SYSTEMD": "true",
        **{f"RABBITMQ_{place}": folder / place.lower() for place in PLACES},
    }
    return Server(
        "RabbitMQ",
        folder,
        ["env", *(f"{name}={value}" for name, value in settings.items()), path],
        lambda: answers(url),
        port=port,
        files={
            "config_file.conf": CONFIGURATION.format(host=HOST, port=port, password=password),
            "enabled_plugins_file": "[].",
        },
    )


def answers(url: str) -> bool:
    """Whether a RabbitMQ is there that knows this user."""
    address = urlsplit(url)

    async def connect() -> None:
        await (await aio_pika.connect(url, timeout=10)).close()

    try:
        # First without the library, which says of each failure so in the log.
        socket.create_connection((address.hostname, address.port or 5672), timeout=2).close()
        # In a thread: in a notebook's own one there is a loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, connect()).result()
    except (OSError, aio_pika.exceptions.AMQPError):
        return False
    return True


def _look_for(url: str) -> None:
    address = urlsplit(url)
    if address.scheme not in ("amqp", "amqps") or not address.hostname:
        raise ValueError(f"{VARIABLE} must be like amqp://user:password@host:5672/")
    if not answers(url):
        raise ServerUnavailable(
            f"no RabbitMQ that knows this user answers at {shown(url)}, which {VARIABLE} names;"
            " start it, or unset that"
        )


@contextmanager
def in_plain_words(url: str) -> Iterator[None]:
    """Inside the ``with`` block, what the client says of the server becomes a sentence."""
    gone = "no answer, or the connection is gone"
    try:
        yield
    except (OSError, aiormq.exceptions.AMQPError) as error:
        raise unavailable(url, str(error) or gone) from error
    except aiormq.exceptions.ChannelInvalidStateError as error:  # (its words are for programmers)
        raise unavailable(url, gone) from error
