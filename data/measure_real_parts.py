"""Measure what notebook 09 does on real parts: ``python data/measure_real_parts.py [PART ...]``.

It writes ``real_parts.csv`` beside this file; with names of parts it measures those alone. It needs
the extra ``real``, and some ten minutes. Which order a kill hits is the machine's affair, so
another run gives other figures; only the zeros stay.
"""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_name("real_parts.csv")
COLUMNS = ["part", "case", "figure", "value", "day"]
KILLS, SAGA_KILLS, RABBITMQ_KILLS = 120, 30, 102
Counted = dict[str, dict[str, float]]


def styles() -> Counted:
    """Four ways to tell others of an order."""
    from lessonkit.course.real_parts.kills import count_each

    return count_each(notebook("ways", "killed")["WAYS"], KILLS)


def sagas() -> Counted:
    """The saga on DBOS."""
    from lessonkit.course.real_parts.kills import count_sagas

    return count_sagas(notebook("flow")["order_flow"], SAGA_KILLS)


def shared() -> Counted:
    """Two relays at one outbox."""
    from lessonkit.course.real_parts.relays import share_each

    return share_each(notebook("two-ways", "shared")["SHARING"])


def waits() -> Counted:
    """A relay that asks, and one that is told."""
    from lessonkit.course.real_parts.relays import wait_each

    return wait_each()


def buses() -> Counted:
    """04's choreography in memory and on a Kafka-protocol broker."""
    from lessonkit.course.real_parts.brokers import count_both_buses

    return count_both_buses(notebook("by-events")["by_events"])


def disorder() -> Counted:
    """03's orders by key, on the model and on a Kafka-protocol broker."""
    from lessonkit.course.real_parts.brokers import count_disorder

    return count_disorder()


def rabbitmq() -> Counted:
    """03's experiments on RabbitMQ."""
    from lessonkit.course.real_parts.rabbit import experiments, server

    return asyncio.run(experiments(server().url))


def rabbitmq_kills() -> Counted:
    """Outbox and inbox at both ends of RabbitMQ."""
    from lessonkit.course.real_parts.rabbit import count_over_rabbitmq

    return count_over_rabbitmq(RABBITMQ_KILLS)


def notebook(*cells: str) -> dict[str, Any]:
    """What these cells define, and setup. They start nothing: that is what we do."""
    sys.path.insert(0, str(ROOT))
    from tests.notebook_code import namespace

    os.environ["LESSONKIT_REAL"] = "off"
    return namespace("09-real-parts", "setup", *cells)


PARTS: dict[str, Callable[[], Counted]] = {
    "styles": styles,
    "sagas": sagas,
    "shared": shared,
    "waits": waits,
    "buses": buses,
    "disorder": disorder,
    "rabbitmq": rabbitmq,
    "rabbitmq kills": rabbitmq_kills,
}


def main() -> None:
    """Measure, and keep of the table what is not measured anew."""
    chosen = sys.argv[1:] or list(PARTS)
    rows = []
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["part"] not in chosen]
    today = datetime.now(UTC).date().isoformat()
    for part in chosen:
        for case, figures in PARTS[part]().items():
            for figure, value in figures.items():
                kept = part, case, figure, round(value, 2), today
                rows.append(dict(zip(COLUMNS, kept, strict=True)))
        print(part, "measured")
    rows.sort(key=lambda row: list(PARTS).index(row["part"]))  # stable: as measured within a part
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
