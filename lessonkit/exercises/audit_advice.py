"""What to say about each rule of the audit that is broken.

Each judge has its own words for what it is about. These are for everything else, and above all for
books that have something else than what was ordered.
"""

from __future__ import annotations

from typing import Final

from lessonkit.exercises.advice import first_advice
from lessonkit.exercises.conditions import line_of_advice
from lessonkit.explorer import Case
from lessonkit.files import toml_beside


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is."""
    if case.survived:
        return None
    return first_advice(WHAT_THE_AUDIT_SAYS, case) or case.violations[0].sentence


_TOLD: Final = toml_beside(__file__, "audit_advice.toml")
WHAT_THE_AUDIT_SAYS: Final = tuple(line_of_advice({}, **line) for line in _TOLD["advice"])
DONE_WRONG: Final = frozenset(_TOLD["done_wrong"])
