"""The lines of advice that an exercise may give."""

from __future__ import annotations

import re
import sys
from functools import cache

from lessonkit.exercises import audit_advice, orders
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.trial import OrderTrial
from tests.exercises.heard import EXERCISES

EVERYBODY = [line.words for line in audit_advice.WHAT_THE_AUDIT_SAYS]
EVERYBODY += [one.advice for one in vars(orders).values() if isinstance(one, orders.Day)]


def judged_by(value: object) -> object:
    """The trial of an exercise that has one; anything else as it is."""
    return getattr(value.judge, "__self__", value) if isinstance(value, Exercise) else value


@cache
def lines_of(exercise: str) -> dict[str, re.Pattern[str]]:
    """The lines of the tables in the exercise's module, and of the shop's if it has one."""
    module = vars(sys.modules[EXERCISES[exercise].module])
    tables = [judged_by(value) for value in module.values()]
    trials = [one for one in tables if isinstance(one, OrderTrial)]
    found = [line for trial in trials for line in trial.advice]
    found += [
        line
        for table in tables
        if isinstance(table, tuple | list)
        for line in table
        if isinstance(line, Advice)
    ]
    words = [line.words for line in found] + (EVERYBODY if trials else [])
    words += [one.advice for one in module.get("DAYS", ())]
    for script in module.get("SCRIPTS", ()):
        words += filter(None, (script.missing, script.unwanted, script.raises))
    words += [module["_NOBODY_LEFT"]] if "_NOBODY_LEFT" in module else []
    return {one: re.compile(re.sub(r"\\{[^}]*\\}", ".*", re.escape(one)) + "$") for one in words}
