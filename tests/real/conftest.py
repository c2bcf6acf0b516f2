"""One PostgreSQL, one RabbitMQ and one Kafka broker for all the tests of a process.

And empty tables for each that wants some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the extra may be missing
    from lessonkit.real.database import PostgresDatabase
    from lessonkit.real.kafka import Kafka
    from lessonkit.real.postgres import Postgres
    from lessonkit.real.rabbitmq import RabbitMQ

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    from lessonkit.real.postgres import Postgres

    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    from lessonkit.real.rabbitmq import RabbitMQ

    with RabbitMQ() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    from lessonkit.real.kafka import Kafka

    with Kafka() as broker:
        yield broker


@pytest.fixture
def url(server: Postgres) -> str:
    """Of a database in which nobody sees the tables of others: a schema (a database is 7 MB)."""
    from lessonkit.real.database import psycopg

    name = f"schema_{next(NUMBERS)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server.url}?options=-csearch_path%3D{name}"


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., PostgresDatabase]]:
    """Makes connections to that, which are closed at the end."""
    from lessonkit.real.database import PostgresDatabase

    with ExitStack() as stack:

        def connect(timeout: float = 60) -> PostgresDatabase:
            database = PostgresDatabase(url, timeout)
            stack.callback(database.close)
            return database

        yield connect
