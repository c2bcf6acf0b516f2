"""Outbox, relay and inbox: an event that cannot get lost, and one that may come twice."""

from lessonkit.patterns.outbox.inbox import Inbox
from lessonkit.patterns.outbox.lease import Relay
from lessonkit.patterns.outbox.outbox import PARKED, Outbox, OutboxMessage
from lessonkit.patterns.outbox.relay import PollingPublisher

__all__ = ["PARKED", "Inbox", "Outbox", "OutboxMessage", "PollingPublisher", "Relay"]
