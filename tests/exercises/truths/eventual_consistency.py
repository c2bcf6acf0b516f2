"""What the exercises of notebook 05 say."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any

from tests.exercises.truths.seen import Truth

# --- polite_polling ------------------------------------------------------------------------------


def _gave_up(client: Any) -> bool:
    return isinstance(client.returned, TimeoutError)


def _heard_the_end(client: Any) -> bool:
    return any(answer != "PENDING" for answer in client.answers)


def _long_silence(client: Any) -> bool:
    """Whether the client asked after a delay of more than ten seconds, and the end was there."""
    moments = [0.0, *client.asked]
    return any(
        later - sooner > 10.0 and later > client.decided for sooner, later in pairwise(moments)
    )


def _kept_the_end_back(client: Any) -> bool:
    heard = [at for at, answer in zip(client.asked, client.answers) if answer != "PENDING"]  # noqa: B905
    ends = {0.0: "CONFIRMED", 4.0: "CONFIRMED", 20.0: "CANCELLED", 47.0: "CONFIRMED"}
    return bool(heard) and (client.returned != ends[client.decided] or client.lasted > heard[0] + 1)


def _moments(crowd: Any, number: int) -> list[float]:
    return [round(moment, 6) for moment in crowd.clients[number].asked]


def _rush(crowd: Any) -> bool:
    """Whether more than 150 questions come in one second, later than in the first five."""
    asked = [moment for client in crowd.clients for moment in client.asked]
    return any(sum(s <= moment < s + 1 for moment in asked) > 150 for s in range(5, 60))


POLITE_POLLING: dict[str, Truth] = {
    "It asks for another order": lambda client: any(o != client.order for o in client.others),
    "That is hammering": lambda client: len([at for at in client.asked if at <= 60]) > 30,
    "It gives up too early": lambda client: _gave_up(client) and client.lasted < 50,
    "It asked too late": _long_silence,
    "The order was decided, and nobody asked after that": lambda client: (
        client.lasted > client.decided and not _heard_the_end(client)
    ),
    "As soon as the status is no longer PENDING": _kept_the_end_back,
    "It waits for ever": lambda client: client.lasted == 180 and client.decided == inf,
    "That nobody knows is no status": lambda client: (
        client.decided == inf and not _gave_up(client) and client.lasted < 180
    ),
    "That is longer than a minute": lambda client: client.lasted > 60,
    "Nobody asks after the last wait": lambda client: (
        _gave_up(client) and client.lasted > client.asked[-1] + 0.5
    ),
    "Other dice, and the same delays": lambda crowd: _moments(crowd, 0) == _moments(crowd, 2),
    "The same `rng`, and other delays": lambda crowd: _moments(crowd, 0) != _moments(crowd, 1),
    "They differ by too little": _rush,
}

# --- cancel_in_one -------------------------------------------------------------------------------


def _status(books: Any, order: str) -> str:
    return books.get(order, ("", 0))[0]


def _events(books: Any, order: str) -> int:
    return books.get(order, ("", 0))[1]


def _as_it_should_be(run: Any) -> bool:
    """Whether this order is cancelled with one event, and nothing else is other than before."""
    rest = [{**books, run.order: None} for books in (run.before, run.end)]
    return rest[0] == rest[1] and run.end.get(run.order) == ("CANCELLED", 1)


CANCEL_IN_ONE: dict[str, Truth] = {
    "Never committed": lambda run: run.is_open and run.end == run.before,
    "The order is to become CANCELLED": lambda run: (
        run.order in ("O-1", "O-2") and not _as_it_should_be(run)
    ),
    "The error has left a transaction open": lambda run: run.raised and run.is_open,
    "There was an error, and the caller was told nothing": lambda run: (
        run.trouble == "fails_at" and not run.raised and run.left.get(run.order) != ("CANCELLED", 1)
    ),
    "Only one of the two is on the disk": lambda run: (
        (_status(run.left, run.order) == "CANCELLED") != (_events(run.left, run.order) == 1)
    ),
    "Cancelled already, it got a second event": lambda run: (
        _status(run.left, run.order) == "CANCELLED" and _events(run.end, run.order) == 2
    ),
    "Both callers looked before either had written": lambda run: (
        run.trouble == "pauses_after" and _events(run.end, run.order) == 2
    ),
    "There was nothing to cancel": lambda run: (
        _status(run.before, run.order) in ("CANCELLED", "") and run.end != run.before
    ),
    "Called again, it did not cancel": lambda run: (
        run.trouble != "" and run.end.get(run.order) != ("CANCELLED", 1)
    ),
}

# --- relay_safe ----------------------------------------------------------------------------------


def _out(run: Any) -> list[str]:
    return [body for body, went_out in run.attempts if went_out]


def _never_out(run: Any) -> list[str]:
    return [body for body in run.bodies if body not in _out(run)]


def _twice(run: Any) -> set[str]:
    return {body for body in _out(run) if _out(run).count(body) > run.bodies.count(body)}


def _marked_and_never_out(run: Any) -> list[str]:
    return [body for body in _never_out(run) if body not in run.unmarked]


def _overtaken(run: Any) -> bool:
    """Whether something later went out between a failed attempt and the next one."""
    mine = [number for number, (body, _out) in enumerate(run.attempts) if body == run.event]
    if not run.event:
        return False
    later = run.bodies[run.bodies.index(run.event) + 1 :]
    bounds = [*mine, len(run.attempts)]
    return any(
        body in later and went_out
        for begin, end in pairwise(bounds)
        for body, went_out in run.attempts[begin:end]
        if end > begin + 1 and (end != len(run.attempts) or not run.attempts[begin][1])
    )


QUIET = "Twelve events are unpublished, and nothing goes wrong"

RELAY_SAFE: dict[str, Truth] = {
    "Nothing is published": lambda run: not run.attempts,
    "Published again": lambda run: bool(_twice(run)) and run.sentence.startswith(QUIET),
    "All is published, and when the process": lambda run: (
        not _never_out(run) and run.unmarked != []
    ),
    "Two events may have the same body": lambda run: (
        len({*run.bodies}) < len(run.bodies) and list(_out(run)) != run.bodies
    ),
    "{run.lost[0]} was marked when the process died": lambda run: (
        run.step != "" and bool(_marked_and_never_out(run))
    ),
    "{run.lost[0]} is marked, and never went out": lambda run: (
        run.sentence.startswith(QUIET) and bool(_marked_and_never_out(run))
    ),
    "The attempt failed, and the event was marked": lambda run: (
        run.event in _marked_and_never_out(run) and (run.event, False) in run.attempts
    ),
    "Several events came twice": lambda run: run.step != "" and len(_twice(run)) > 1,
    "The event that failed was overtaken": _overtaken,
    "Not in the order of `id`": lambda run: sorted(_out(run), key=run.bodies.index) != _out(run),
    "One call takes the first ten events": lambda run: run.per_call != [10, 2],
    "In the end each event must be out and marked": lambda run: bool(
        _never_out(run) or run.unmarked or len(_out(run)) > len(run.bodies) + 1
    ),
}

TRUE = POLITE_POLLING | CANCEL_IN_ONE | RELAY_SAFE
