"""A shop whose services talk to each other, run in virtual time: the course's helper package.

``from lessonkit import run, Shop`` gives what the notebooks use; what a learner sees on screen is
in :mod:`lessonkit.lab`. Importing the package alone loads nothing: each name is fetched from its
module when it is first used, so pandas, matplotlib and ipywidgets wait until they are needed.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "lessonkit.clock": (
        "BackgroundTaskError ClockError DeadlockError FrozenTimeError NotInVirtualTimeError"
        " RunawayError VirtualTimeLoop"
    ),
    "lessonkit.explorer": "Case Decision Exploration Kind explore replay run_case saved_by",
    "lessonkit.faults": (
        "Crash Down Exponential Failure Fixed Flaky LogNormal Outage Refused ReplyLost Slow Uniform"
    ),
    "lessonkit.messages": "current_language language tr",
    "lessonkit.patterns.backoff": "Backoff",
    "lessonkit.patterns.bus": "BusClosed Delivery InMemoryEventBus Subscription",
    "lessonkit.patterns.database": "DatabaseUnavailable",
    "lessonkit.patterns.events": (
        "BadEvent Event EventTypes MissingField NewerVersion UnknownEventType"
    ),
    "lessonkit.patterns.eventstore.fold": "rebuild",
    "lessonkit.patterns.eventstore.projections": "Projection ProjectionFailed",
    "lessonkit.patterns.eventstore.snapshots": "Snapshot SnapshotStore",
    "lessonkit.patterns.eventstore.store": "DuplicateEvent EventStore Recorded VersionConflict",
    "lessonkit.patterns.outbox": "Inbox Lease Outbox OutboxMessage PARKED Relay",
    "lessonkit.patterns.polling": "PollingTimeout longest_wait poll_until",
    "lessonkit.patterns.saga": (
        "Saga SagaLog SagaResult SagaState SagaTakenOver SagaUnfinished Step"
    ),
    "lessonkit.records": "Fate Kind",
    "lessonkit.runner": "Run run",
    "lessonkit.shop": (
        "Answer CreateOrder Customer Item KeyReused LATENCY Network NoReply NotFound Order"
        " OrderFailed OrderStatus OutcomeUnknown STOCK ServiceRefused Shop ShopError Told Violation"
        " an_order audit books remarks"
    ),
    "lessonkit.trace": "Trace current_trace",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'lessonkit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
