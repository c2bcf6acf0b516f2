"""What the exercises of notebook 03 say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.exercises.truths.seen import Truth

# --- partition_key -------------------------------------------------------------------------------


def _groups(run: Any, by: Callable[[Any], object]) -> list[frozenset[str]]:
    """The events by what they have in common."""
    groups: dict[object, set[str]] = {}
    for one in run.sent:
        groups.setdefault(by(one), set()).add(one.event.event_id)
    return sorted(map(frozenset, groups.values()), key=sorted)


def _keys(run: Any) -> list[frozenset[str]]:
    return _groups(run, lambda one: one.key)


def _together(name: str) -> Truth:
    """Whether the same events have one key that have the same of this."""
    return lambda run: _keys(run) == _groups(run, lambda one: getattr(one.event, name))


def _other_key_after_the_restart(run: Any) -> bool:
    keys: dict[tuple[str, int], set[str]] = {}
    for one in run.sent:
        keys.setdefault((one.order, one.process), set()).add(one.key)
    orders = {order for order, process in keys if process == 0} & {o for o, p in keys if p == 1}
    changed = any(keys[order, 0] != keys[order, 1] for order in orders)
    return changed and all(len(found) == 1 for found in keys.values())


def _an_order_has_two_keys(run: Any) -> bool:
    pairs = {(one.order, one.key) for one in run.sent}
    return len(pairs) > len({order for order, _key in pairs})


def _uneven(run: Any) -> bool:
    partitions = Counter(one.partition for one in run.sent)
    return len(partitions) < 4 or max(partitions.values()) > 0.6 * len(run.sent)


PARTITION_KEY: dict[str, Truth] = {
    "A key is always a text": lambda run: any(type(one.key) is not str for one in run.sent),
    "The warehouse was restarted": _other_key_after_the_restart,
    "All of one type are together now": _together("type"),
    "One parcel's events stay together": _together("parcel_id"),
    "Each event has a key of its own": _together("event_id"),
    "Only what has the same key stays in order": _an_order_has_two_keys,
    "The same key for all": lambda run: len(_keys(run)) == 1,
    "The key {run.heaviest_key} has most of the events": lambda run: (
        max(map(len, _keys(run))) > len(run.sent) / 2
    ),
    "Look at the keys": _uneven,
}

# --- points_once ---------------------------------------------------------------------------------


def _too_many(run: Any) -> bool:
    return any(points > run.should[customer] for customer, points in run.has.items())


def _too_few(run: Any) -> bool:
    return any(run.has.get(customer, 0) < points for customer, points in run.should.items())


def _killed(run: Any) -> bool:
    return bool(run.step)


POINTS_ONCE: dict[str, Truth] = {
    "When the process had ended, nobody had any points": lambda run: not any(run.has.values()),
    "M-17 has brought nothing": lambda run: (
        run.hit == ""
        and [m.id for m, has, should in run.rows if has != should] == ["M-17"]
        and run.has["C-1"] == 50
    ),
    "A message adds its points": lambda run: (
        run.hit == "" and any(has != should for _message, has, should in run.rows)
    ),
    "No new process could start": lambda run: run.error is not None and _killed(run),
    "`handle` raised an error: {run.error}. The broker": lambda run: (
        run.error is not None and run.rows[-1][1] == run.rows[-1][2]
    ),
    "Others came in between": lambda run: (
        not _killed(run) and _too_many(run) and run.rows[-1][0].id == run.rows[0][0].id
    ),
    "Only the `id` tells a second time": lambda run: not _killed(run) and _too_many(run),
    "All was done, and the new process counted": lambda run: _killed(run) and _too_many(run),
    "The points were committed, and the process died": lambda run: (
        _killed(run) and _too_many(run) and not run.all_done
    ),
    "Points are missing in the end": _too_few,
}

TRUE = PARTITION_KEY | POINTS_ONCE
