"""Event sourcing: the store, the state computed from it, and read models that follow it."""

from lessonkit.patterns.eventstore.fold import rebuild
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.snapshots import Rebuilt, Snapshot, SnapshotStore
from lessonkit.patterns.eventstore.store import (
    DuplicateEvent,
    EventStore,
    Recorded,
    VersionConflict,
)

__all__ = [
    "DuplicateEvent",
    "EventStore",
    "Projection",
    "ProjectionFailed",
    "Rebuilt",
    "Recorded",
    "Snapshot",
    "SnapshotStore",
    "VersionConflict",
    "rebuild",
]
