"""What to say about each rule of the audit that is broken.

Each judge has its own words for what it is about. These are for everything else, and above all for
books that have something else than what was ordered.
"""

from __future__ import annotations

from typing import Final

from lessonkit.exercises.advice import Advice, first_advice
from lessonkit.exercises.conditions import breaks
from lessonkit.explorer import Case
from lessonkit.files import toml_beside


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is."""
    if case.survived:
        return None
    return first_advice(WHAT_THE_AUDIT_SAYS, case) or case.violations[0].sentence


WHAT_THE_AUDIT_SAYS: Final = tuple(
    Advice(breaks(*rules), words)
    for rules, words in map(dict.values, toml_beside(__file__, "audit_advice.toml")["advice"])
)
