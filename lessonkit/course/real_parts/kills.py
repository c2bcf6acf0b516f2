"""Kill real processes, and compare the books: in a cell, and for what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lessonkit.course.real_parts.here import beside_before
from lessonkit.course.real_parts.stored import Counted
from lessonkit.lab import Picture
from lessonkit.real.travel import Traveller

Way = tuple[Callable[..., Any], Callable[..., Any]]
"""How a service takes an order, and how a consumer handles its message."""


def kill_each(ways: Mapping[str, Way], kills: int = 20) -> Picture:
    """Kill service and consumer of each way so many times, on PostgreSQL; beside it, before."""
    return beside_before("styles", lambda: count_each(ways, kills))


def count_each(ways: Mapping[str, Way], kills: int) -> Counted:
    """What became of the orders, for each of the ways."""
    from lessonkit.real.kills import Style, kill_and_count
    from lessonkit.real.postgres import Postgres

    with Postgres() as server:
        counts = [
            kill_and_count(server, name, Style(*map(Traveller.of, way)), kills // 2)
            for name, way in ways.items()
        ]
    return {count.style: numbers(count) for count in counts}


def kill_sagas(flow: Callable[..., Any], kills: int = 8) -> Picture:
    """Kill a process that takes orders on DBOS, without keys and with; beside it, before."""
    return beside_before("sagas", lambda: count_sagas(flow, kills))


def count_sagas(flow: Callable[..., Any], kills: int) -> Counted:
    """What became of the orders, without keys and with."""
    from lessonkit.real.saga_kills import kill_and_count

    found = {}
    for name, keys in (("without keys", False), ("with keys", True)):
        with TemporaryDirectory() as folder:
            count = kill_and_count(Path(folder), keys, kills, Traveller.of(flow))
        found[name] = numbers(count)
    return found


def numbers(count: Any) -> dict[str, float]:
    """What is a number in what was counted, by name."""
    return {name: value for name, value in asdict(count).items() if type(value) in (int, float)}
