"""A shop whose services talk to each other, run in virtual time: the course's helper package.

``from lessonkit import run, Shop`` gives what most notebooks begin with. All else comes from its
module (``from lessonkit.faults import Refused``); what a learner sees is in :mod:`lessonkit.lab`.
Importing the package alone loads nothing: each name is fetched from its module when it is first
used, so pandas and ipywidgets wait until they are needed.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "lessonkit.files": "data_file",
    "lessonkit.explorer": "explore replay",
    "lessonkit.messages": "current_language language tr",
    "lessonkit.patterns.backoff": "Backoff",
    "lessonkit.patterns.bus": "InMemoryEventBus",
    "lessonkit.patterns.events": "Event EventTypes",
    "lessonkit.patterns.eventstore.store": "EventStore",
    "lessonkit.patterns.outbox": "Inbox Outbox Relay",
    "lessonkit.patterns.polling": "poll_until",
    "lessonkit.patterns.saga": "Saga SagaLog Step",
    "lessonkit.runner": "Run run",
    "lessonkit.shop": (
        "CreateOrder Item Order OrderFailed OrderStatus Shop Told an_order audit books"
    ),
    "lessonkit.trace": "current_trace",
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
