"""The message that saved a run.

A run with bad luck that ends honestly owes that to something: a retry, a compensation, a tombstone.
To find it, each call that the usual run does not make is taken away, for good, one at a time. If
the run is no longer honest without it, it was the one. (Alvaro, Rosen and Hellerstein,
"Lineage-driven Fault Injection", SIGMOD 2015.)
"""

from __future__ import annotations

from collections import Counter

from lessonkit.explorer.case import Case
from lessonkit.explorer.decision import Decision, Event, Kind
from lessonkit.explorer.exploration import Exploration


def saved_by(case: Case, exploration: Exploration) -> tuple[str, ...]:
    """Name the messages without which ``case`` would not have been survived.

    Parameters
    ----------
    case
        A case of the exploration that was survived and has bad luck.
    exploration
        Where it comes from.

    Returns
    -------
    tuple of str
        As ``"orders → payment.refund_by_key"``, in the order in which they were sent; empty if the
        run needed none of them, or the bad luck did no harm.

    Raises
    ------
    ValueError
        If the case was not survived, or has no bad luck.
    """
    if not case.survived or not case.decisions:
        raise ValueError(f"case must be one with bad luck that was survived; got {case!r}")
    # Only what the usual run does not have: the second call of an operation that it calls once.
    usual = Counter(map(words_of, exploration.outcome(()).calls))
    saviours: dict[str, None] = {}
    for call in exploration.outcome(case.decisions).calls:
        words = words_of(call)
        usual[words] -= 1
        if usual[words] < 0 and words not in saviours:
            lost = Decision(Kind.DOWN_FOR_GOOD, call.id)
            if exploration.outcome((*case.decisions, lost)).violations:
                saviours[words] = None
    return tuple(saviours)


def words_of(call: Event) -> str:
    """Who calls what, as ``"orders → payment.charge"``."""
    return f"{call.process} → {call.what}"
