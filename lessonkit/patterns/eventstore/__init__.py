"""Event sourcing: the store, the state computed from it, and read models that follow it."""

from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.snapshots import Rebuilt, Snapshot, SnapshotStore, rebuild
from lessonkit.patterns.eventstore.store import EventStore
from lessonkit.patterns.eventstore.table import DuplicateEvent, Recorded, VersionConflict

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
