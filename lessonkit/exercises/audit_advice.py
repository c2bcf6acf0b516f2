"""What to say about each rule of the audit that is broken.

Each judge has its own words for what it is about. These are for everything else, and above all for
books that have something else than what was ordered.
"""

from __future__ import annotations

from typing import Final

from lessonkit.exercises.advice import first_advice
from lessonkit.exercises.conditions import breaks, line_of_advice
from lessonkit.explorer import Case
from lessonkit.files import toml_beside
from lessonkit.shop import Told


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is."""
    if case.survived:
        return None
    return first_advice(WHAT_THE_AUDIT_SAYS, case) or case.violations[0].sentence


def _nobody_told_the_customer(case: Case) -> bool:
    silent = breaks("the customer learns how it ended", "no mail lost")
    return silent(case) and all(
        {Told.CONFIRMED, Told.FAILED}.isdisjoint(order.told) for order in case.ledgers
    )


WHAT_THE_AUDIT_SAYS: Final = tuple(
    line_of_advice({"nobody_told_the_customer": _nobody_told_the_customer}, **line)
    for line in toml_beside(__file__, "audit_advice.toml")["advice"]
)
