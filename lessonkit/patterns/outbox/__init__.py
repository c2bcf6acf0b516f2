"""Outbox, relay and inbox: an event that cannot get lost, and one that may come twice."""

from lessonkit.patterns.outbox.inbox import Inbox
from lessonkit.patterns.outbox.outbox import Lease, Outbox
from lessonkit.patterns.outbox.relay import Relay
from lessonkit.patterns.outbox.table import PARKED, OutboxMessage

__all__ = ["PARKED", "Inbox", "Lease", "Outbox", "OutboxMessage", "Relay"]
