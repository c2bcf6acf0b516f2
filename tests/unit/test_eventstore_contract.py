"""The contract that the ``eventsourcing`` library has for what stores events, put to ours.

The library ships the tests that each of its own stores (SQLite, PostgreSQL, ...) must pass. Here
they are run, unchanged, against :class:`EventStore` and :class:`Projection`. What lies between is
an adapter, because their words are others:

==================  ============================================================================
theirs              ours
==================  ============================================================================
originator          a stream, by the name of its id
originator_version  the version in the stream, counted from the originator's first event (which
                    may have any number with them, and is version 1 with us)
notification id     the position
tracking            the position of a projection; their upstream application is a store of its own
topic, state        the fields of one event type; the bytes travel as base64
IntegrityError      VersionConflict, DuplicateEvent, ProjectionFailed
==================  ============================================================================

Two parts of theirs have no counterpart, and none of the tests that are run here asks for them:
``subscribe`` blocks a thread until there is something new (``optional_test_insert_subscribe``; in
their own SQLite store it is missing, too), and one ``insert_events`` may write several streams.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.tests import persistence as contract  # as a module: its classes are no tests

from lessonkit import Event, EventStore, EventTypes
from lessonkit.database import Database, SqlDatabase
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.store import DuplicateEvent, Recorded, VersionConflict


@dataclass(frozen=True)
class Stored(Event):
    topic: str
    state: str
    originator_version: int


@dataclass(frozen=True)
class Upstream(Event):
    """Something in the application that a process recorder follows."""


TYPES = EventTypes(Stored, Upstream)


def to_ours(event: StoredEvent) -> Stored:
    return Stored(
        event.topic,
        b64encode(event.state).decode(),
        event.originator_version,
        event_id=f"{event.originator_id}/{event.originator_version}",
    )


def to_theirs(one: Recorded) -> Notification:
    assert isinstance(one.event, Stored)
    return Notification(
        id=one.position,
        originator_id=UUID(one.stream),
        originator_version=one.event.originator_version,
        topic=one.event.topic,
        state=b64decode(one.event.state),
    )


class OurRecorder(ApplicationRecorder):
    """Connects anew in each call: a connection belongs to the thread that has opened it.

    ``connect`` gives the database of a name; there, and later, it is always the same one.
    """

    def __init__(self, connect: Callable[[str], SqlDatabase]) -> None:
        self.connect = connect

    @contextmanager
    def open(self, name: str = "recorder") -> Iterator[EventStore]:
        with closing(self.connect(name)) as database:
            yield EventStore(TYPES, database)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        if not stored_events:
            return []
        (originator,) = {event.originator_id for event in stored_events}
        first = stored_events[0].originator_version
        if [event.originator_version for event in stored_events] != list(
            range(first, first + len(stored_events))
        ):
            raise IntegrityError("versions must follow each other")
        with self.open() as store:
            stream = str(originator)
            start = store.stream(stream, upto=min(1, store.version(stream)))
            # With us every stream begins at version 1.
            offset = to_theirs(start[0]).originator_version if start else first
            if first < offset:
                raise IntegrityError("the originator has begun later")
            try:
                version = store.append(stream, list(map(to_ours, stored_events)), first - offset)
            except (VersionConflict, DuplicateEvent) as error:
                raise IntegrityError(str(error)) from error
            after = version - len(stored_events)
            return [one.position for one in store.stream(stream, version, after=after)]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        with self.open() as store:
            events = [to_theirs(one) for one in store.stream(str(originator_id))]
        chosen = [
            StoredEvent(e.originator_id, e.originator_version, e.topic, e.state)
            for e in events
            if (gt is None or e.originator_version > gt)
            and (lte is None or e.originator_version <= lte)
        ]
        return (chosen[::-1] if desc else chosen)[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        with self.open() as store:
            after = (start or 0) - (1 if start and inclusive_of_start else 0)
            recorded = store.read(after, most=None if topics or stop else limit)
        chosen = [
            to_theirs(one)
            for one in recorded
            if (stop is None or one.position <= stop)
            and (not topics or to_theirs(one).topic in topics)
        ]
        return chosen[:limit]

    def max_notification_id(self) -> int | None:
        with self.open() as store:
            return store.last_position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        raise NotImplementedError("see the top of this file")


class OurAggregateRecorder(OurRecorder):
    """Theirs tells the positions only if it is an application recorder."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:  # type: ignore[override]
        super().insert_events(stored_events, **kwargs)


class OurProcessRecorder(OurRecorder, ProcessRecorder):
    """A projection for each upstream application: its rows are events, its position is tracked.

    Events without tracking are appended to the store, as above.
    """

    def follow(self, application: str, upto: int, rows: Sequence[StoredEvent]) -> int:
        """Let the projection catch up to a position; the last event is what writes the rows."""
        positions = count(1)

        def apply(db: Any, event: Event) -> None:
            if before + next(positions) < upto:
                return
            for row in rows:
                values = (str(row.originator_id), row.originator_version, row.topic, row.state)
                db.execute(f"INSERT INTO {application} VALUES (?, ?, ?, ?)", values)

        columns = "originator TEXT, version INTEGER, topic TEXT, state BYTEA"
        columns += ", UNIQUE (originator, version)"
        with self.open(application) as upstream, closing(self.connect("recorder")) as own:
            projection = Projection(application, upstream, apply, columns, path=own)
            before = projection.position
            if upto > before:
                missing = range(upstream.last_position, upto)
                if missing:
                    upstream.append("upstream", [Upstream() for _ in missing])
                projection.catch_up(upto - before)
            position = projection.position
        if upto and upto <= before:  # a projection does not go back: it has nothing to do
            raise IntegrityError(f"{application} has been followed up to {before} already")
        return position

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        tracking = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)
        try:
            self.follow(tracking.application_name, tracking.notification_id, stored_events)
        except ProjectionFailed as error:
            raise IntegrityError(str(error)) from error
        return []

    def insert_tracking(self, tracking: Tracking) -> None:
        self.insert_events([], tracking=tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        return self.follow(application_name, 0, []) or None


class WithAFile:
    """Gives each recorder a new folder for its files."""

    # It asserts nothing: it prints how long 100 inserts take. What our store costs beside the bare
    # INSERT is asserted in tests/benchmarks/test_eventstore.py.
    test_performance = None

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def connect(self, name: str) -> SqlDatabase:
        return Database(self.folder / f"{name}.db", timeout=60)


class TestAsAggregateRecorder(WithAFile, contract.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return OurAggregateRecorder(self.connect)


class TestAsApplicationRecorder(
    WithAFile, contract.ApplicationRecorderTestCase[ApplicationRecorder]
):
    def create_recorder(self) -> ApplicationRecorder:
        return OurRecorder(self.connect)


class TestAsTrackingRecorder(WithAFile, contract.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return OurProcessRecorder(self.connect)


class TestAsProcessRecorder(WithAFile, contract.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return OurProcessRecorder(self.connect)


class TestPositionsDoNotInterleave(WithAFile, contract.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return OurRecorder(self.connect)


def test_every_contract_that_makes_sense_for_a_store_is_run() -> None:
    """A new test case of the library must not be passed over."""
    shipped = {
        name
        for name in vars(contract)
        if name.endswith(("TestCase", "BaseCase")) and name != "RecorderTestCase"
    }
    run_here = {
        base.__name__
        for case in (
            TestAsAggregateRecorder,
            TestAsApplicationRecorder,
            TestAsTrackingRecorder,
            TestAsProcessRecorder,
            TestPositionsDoNotInterleave,
        )
        for base in case.__bases__
    }
    # Not about storing: how that library is configured, and how it turns objects into bytes.
    elsewhere = {"InfrastructureFactoryTestCase", "TranscoderTestCase", "TestCase"}
    assert shipped - elsewhere <= run_here
