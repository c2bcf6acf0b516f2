"""What the exercises of notebook 02 say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from lessonkit.course.event_bus.situations import PLAIN, Listener
from lessonkit.course.event_bus.telling import Telling
from tests.exercises.truths.seen import Truth, every

# --- isolate -------------------------------------------------------------------------------------


def _one(is_so: Callable[[Telling, Listener], bool]) -> Truth:
    return lambda telling: any(is_so(telling, one) for one in telling.situation.listeners)


def _over(telling: Telling) -> bool:
    return telling.took is not None and not isinstance(telling.outcome, BaseException)


def _listed(telling: Telling, one: Listener) -> list[object]:
    """What the list says of a handler; nothing if it is no list of pairs."""
    if not isinstance(telling.outcome, list):
        return []
    pairs = [pair for pair in telling.outcome if isinstance(pair, tuple | list) and len(pair) == 2]
    return [error for handler, error in pairs if handler is telling.handlers[one.lane]]


def _in_trouble(telling: Telling, one: Listener) -> bool:
    return one.error is not None or one.seconds > 1.0


def _through(telling: Telling) -> list[BaseException]:
    """What `publish` has raised."""
    error = telling.outcome
    if isinstance(error, BaseExceptionGroup):
        return list(error.exceptions)
    return [error] if isinstance(error, BaseException) else []


def _came_from(telling: Telling, one: Listener) -> bool:
    return any(
        mine is error for mine in telling.raised.get(one.lane, ()) for error in _through(telling)
    )


def _cannot_wait(error: object) -> bool:
    return isinstance(error, TypeError) and ("await" in str(error) or "coroutine" in str(error))


def _cut(telling: Telling, one: Listener) -> bool:
    return not _in_trouble(telling, one) and one.lane in telling.cut_off


def _trouble(telling: Telling) -> bool:
    return any(_in_trouble(telling, one) for one in telling.situation.listeners)


def _number(telling: Telling) -> int:
    return len(telling.outcome) if isinstance(telling.outcome, list) else 0


def _failures(telling: Telling) -> int:
    return sum(one.times for one in telling.situation.listeners if _in_trouble(telling, one))


def _of_the_first_event(telling: Telling) -> bool:
    mine = [error for errors in telling.raised.values() for error in errors]
    listed = [error for one in telling.situation.listeners for error in _listed(telling, one)]
    return telling.situation.again and any(all(e is not m for m in mine) for e in listed)


def _is_no_list_of_pairs(telling: Telling) -> bool:
    said = [error for one in telling.situation.listeners for error in _listed(telling, one)]
    known = sum(error is None or isinstance(error, BaseException) for error in said)
    return known != _number(telling) or not isinstance(telling.outcome, list)


def _order_of_the_list(telling: Telling) -> list[str]:
    return [handler.__name__ for handler, _error in telling.outcome]  # type: ignore[attr-defined]


def _in_another_order(telling: Telling) -> bool:
    bad = [one for one in telling.situation.listeners if _in_trouble(telling, one)]
    wanted = [one.lane for one in bad for _time in range(one.times)]
    found = _order_of_the_list(telling)
    return found != wanted and Counter(found) == Counter(wanted)


ISOLATE: dict[str, Truth] = {
    "The publisher was cancelled, and a handler that never ends goes on": every(
        lambda telling: telling.situation.cancelled is not None,
        _one(lambda t, one: one.seconds > 99 and one.lane not in t.cut_off),
    ),
    "Another event was published meanwhile": lambda telling: (
        telling.situation.at_once
        and any(
            handler not in telling.handlers.values() for handler, _error in telling.outcome or ()
        )
    ),
    "The publisher was cancelled after 200 ms": lambda t: (
        t.situation.cancelled == 0.2 and not isinstance(t.outcome, BaseException)
    ),
    "The publisher got an error: {run.error_words}. An event that nobody": lambda t: (
        t.situation.listeners == () and bool(_through(t))
    ),
    "A limit was over, and the publisher got the error": every(
        lambda t: isinstance(t.outcome, TimeoutError), _one(lambda _t, one: one.seconds > 1.0)
    ),
    "One of the handlers is a plain function": every(
        _one(lambda t, one: one.form == PLAIN and not _in_trouble(t, one)),
        lambda t: (
            any(map(_cannot_wait, _through(t)))
            or _one(lambda t, one: one.form == PLAIN and any(map(_cannot_wait, _listed(t, one))))(t)
        ),
    ),
    "The publisher got an error: {run.error_words}. This handler": _one(
        lambda t, one: one.form == PLAIN and _came_from(t, one)
    ),
    "The publisher got an error: {run.error_words}. A handler's": _one(_came_from),
    "After {run.took_ms} ms the publisher still waits": every(
        lambda t: t.took is None, _one(lambda _t, one: one.seconds > 1.0)
    ),
    "The publisher waited {run.took_ms} ms": every(
        lambda t: t.took is not None and t.took > 1.0, _one(lambda _t, one: one.seconds > 1.0)
    ),
    "The publisher waits {run.took_ms} ms": lambda t: (
        not _trouble(t)
        and (t.took or 2.5) > max(one.seconds for one in t.situation.listeners) + 0.001
    ),
    "A handler that has subscribed twice was told once": _one(
        lambda t, one: one.times == 2 and t.told[one.lane] == 1
    ),
    "One handler has failed, and not all of the others": every(
        _over, _trouble, _one(lambda t, one: t.told[one.lane] == 0)
    ),
    "Not every handler was told of the event": every(
        _over, _one(lambda t, one: t.told[one.lane] == 0)
    ),
    "Somebody else was in trouble": every(_over, _trouble, _one(_cut)),
    "A handler was stopped too early": every(
        _over, _one(lambda t, one: _cut(t, one) and t.cut_off[one.lane] < 1.0)
    ),
    "`publish` is over, and a handler is still at work": every(
        _over,
        _one(
            lambda t, one: (
                t.told[one.lane] > 0
                and not (_in_trouble(t, one) or _cut(t, one))
                and not t.done.get(one.lane, 9.9) <= t.took + 0.001
            )  # type: ignore[operator]
        ),
    ),
    "Return a list of pairs": every(
        _over, lambda t: _is_no_list_of_pairs(t) or _number(t) > _failures(t)
    ),
    "A handler did its work, and yet stands in the list": every(
        _over, _one(lambda t, one: one.lane in t.done and bool(_listed(t, one)))
    ),
    "A handler was given up, and the list does not say so": every(
        _over, _one(lambda t, one: one.seconds > 1.0 and not _listed(t, one))
    ),
    "A handler has failed, and the list does not say so": every(
        _over, _one(lambda t, one: len(_listed(t, one)) < len(t.raised.get(one.lane, ())))
    ),
    "The failures of the first event are still there": every(_over, _of_the_first_event),
    "`CancelledError` is how a handler is stopped": _one(
        lambda t, one: (
            one.seconds > 1.0
            and any(isinstance(error, asyncio.CancelledError) for error in _listed(t, one))
        )
    ),
    "Put the error itself into the list": _one(
        lambda t, one: (
            _in_trouble(t, one)
            and any(
                not isinstance(error, TimeoutError if one.seconds > 1.0 else ())
                and all(error is not mine for mine in t.raised.get(one.lane, ()))
                for error in _listed(t, one)
            )
        )
    ),
    "The list is to have the order": every(_over, _in_another_order),
    "A handler was given up, and did its work all the same": _one(
        lambda t, one: one.seconds > 1.0 and one.lane in t.done and t.done[one.lane] > t.took
    ),
}

# --- stop_hearing --------------------------------------------------------------------------------


def _missing(played: Any) -> list[str]:
    return list((Counter(played.wanted) - Counter(played.heard)).elements())


def _unwanted(played: Any) -> list[str]:
    return list((Counter(played.heard) - Counter(played.wanted)).elements())


def _somebody_left(played: Any) -> bool:
    return any("unsubscribes" in happened for happened, _wanted, _heard in played.rows)


def _under_way(played: Any) -> bool:
    """Whether a handler changed who listens, while the last event was told."""
    return any("↳" in happened for happened, _wanted, _heard in played.rows[-1:])


def _has_left(played: Any, who: str) -> bool:
    return all(member != who for _kind, member in played.members)


def _has_a_hole(played: Any) -> bool:
    lists = [
        value
        for one in vars(played.bus).values()
        if isinstance(one, dict)
        for value in one.values()
    ]
    return any(None in one for one in lists if isinstance(one, list))


def _unsubscribe_raised(times: int) -> Truth:
    def so(played: Any) -> bool:
        tried = [row for row in played.rows if "unsubscribes" in row[0]]
        return played.wanted is None and "✗" in tried[-1][2] and len(tried) >= times

    return so


def _misses(is_so: Callable[[Any, str], bool]) -> Truth:
    return lambda played: (
        played.wanted is not None and any(is_so(played, who) for who in _missing(played))
    )


STOP_HEARING: dict[str, Truth] = {
    "There was nothing to end": _misses(
        lambda played, who: f"{who} unsubscribes" in played.rows[1][0] and (who not in played.heard)
    ),
    "Where the handler stood there is a hole": _has_a_hole,
    "A handler has changed the very thing": every(
        lambda played: "RuntimeError" in played.wrong[0], _under_way
    ),
    "Nobody has left yet": lambda played: (
        played.wanted is not None
        and not _somebody_left(played)
        and bool(_missing(played) + _unwanted(played))
    ),
    "The others want to go on hearing": every(
        _somebody_left, _misses(lambda played, who: not _has_left(played, who))
    ),
    "One `unsubscribe` takes one entry": every(
        _somebody_left, lambda played: played.wanted is not None and bool(_unwanted(played))
    ),
    "A method such as `page.show`": every(
        lambda played: played.script.methods,
        lambda played: played.wanted is not None and "inventory" in _unwanted(played),
    ),
    "The second time there is nothing left to end": _unsubscribe_raised(2),
    "Perhaps nobody has ever subscribed": _unsubscribe_raised(1),
    "`unsubscribe` names a type of event": every(
        _somebody_left,
        _misses(lambda played, who: who in {member for _kind, member in played.members}),
    ),
    "All subscriptions of this handler are gone": every(
        _somebody_left, _misses(lambda played, who: who not in played.heard)
    ),
    "Whoever comes back wants to hear again": every(
        _somebody_left,
        _misses(
            lambda played, who: (
                (f"{who} subscribes" in "".join(r[0] for r in played.rows))
                or not _has_left(played, who)
            )
        ),
    ),
    "The list became shorter": every(
        _under_way, _misses(lambda _played, who: who == "notification")
    ),
    "Whoever was subscribed when the event was published": every(
        _under_way, lambda p: p.wanted is not None and bool(_missing(p) or _unwanted(p))
    ),
}

TRUE = ISOLATE | STOP_HEARING
