"""The state is computed from the events: apply one after the other (a *left fold*)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from lessonkit.checks import up_to
from lessonkit.clock.strangers import call_plain
from lessonkit.patterns.eventstore.store import Recorded

State = TypeVar("State")


def rebuild(
    apply: Callable[[State, Any], State],
    initial: State,
    recorded: Iterable[Recorded],
    upto: int | None = None,
) -> State:
    """Compute the state from the events.

    Parameters
    ----------
    apply
        Called with the state and an event; returns the state after the event.
    initial
        The state before the first event. It is copied, so ``apply`` may change what it gets.
    recorded
        What ``store.stream(...)`` or ``store.read()`` gives.
    upto
        Apply only so many. As the numbering leaves nothing out, that is the state as of this
        version of the stream, or as of this position of all events.

    Raises
    ------
    TypeError, ValueError
        If there are not so many events, or ``apply`` returns None after a state.
    Exception
        What ``apply`` raised, with a note that says at which event.
    """
    recorded = list(recorded)
    last = up_to("upto", upto, len(recorded), "of the events")
    state = copy.deepcopy(initial)
    for one in recorded[:last]:
        before = state
        try:
            state = call_plain("apply", apply, before, one.event)
            if state is None and before is not None:
                raise TypeError("apply must return the state after the event; got None")
        except Exception as error:
            error.add_note(f"(at {one.event.type}, version {one.version} of {one.stream!r})")
            raise
    return state
