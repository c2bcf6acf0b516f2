"""04's choreography and 03's disorder, on a broker that speaks Kafka's protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lessonkit.course.real_parts.here import beside_before
from lessonkit.course.real_parts.stored import Counted
from lessonkit.lab import Picture

NAMES: Final = {"order": "the order", "step": "the step", "none": "no key"}


def on_both_buses(services: Callable[[Any, Any], Any]) -> Picture:
    """Six orders on the bus in memory, and on the broker; beside it, before."""
    return beside_before("buses", lambda: count_both_buses(services))


def count_both_buses(services: Callable[[Any, Any], Any]) -> Counted:
    """What became of the orders, on the bus in memory and on the broker."""
    from lessonkit.real.choreography import play_orders
    from lessonkit.real.kafka import Kafka

    with Kafka() as broker:
        return {
            "in memory": play_orders(services).counts,
            "on the broker": play_orders(services, broker.url).counts,
        }


def disorder_by_key() -> Picture:
    """How many orders come into disorder, on the model and on the broker; beside it, before."""
    return beside_before("disorder", count_disorder)


def count_disorder() -> Counted:
    """How many of six orders come into disorder, for each kind of key."""
    from lessonkit.real.disorder import in_disorder_by_key
    from lessonkit.real.kafka import Kafka

    with Kafka() as broker:
        found = in_disorder_by_key(broker.url)
    return {NAMES[key]: figures for key, figures in found.items()}
