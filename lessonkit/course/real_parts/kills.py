"""Kill real processes, and compare the books: in a cell, and for what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    from lessonkit.real.kills import kill_and_count
    from lessonkit.real.postgres import Postgres

    with Postgres() as server:
        return {
            name: kill_and_count(server, Traveller.of(take), Traveller.of(handle), kills // 2)
            for name, (take, handle) in ways.items()
        }


def kill_sagas(flow: Callable[..., Any], kills: int = 8) -> Picture:
    """Kill a process that takes orders on DBOS, without keys and with; beside it, before."""
    return beside_before("sagas", lambda: count_sagas(flow, kills))


def count_sagas(flow: Callable[..., Any], kills: int) -> Counted:
    """What became of the orders, without keys and with."""
    from lessonkit.real.saga_kills import kill_and_count

    found = {}
    for name, keys in (("without keys", False), ("with keys", True)):
        with TemporaryDirectory() as folder:
            found[name] = kill_and_count(Path(folder), keys, kills, Traveller.of(flow))
    return found
