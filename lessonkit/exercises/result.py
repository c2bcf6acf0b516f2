"""What comes of a check: a verdict, and where the code falls short, the run that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lessonkit.messages import N_


class Verdict(StrEnum):
    """How far an answer has come."""

    NOT_ATTEMPTED = N_("not attempted")
    NOT_YET = N_("not yet")
    ERROR = N_("error")
    SOLVED = N_("solved")


@dataclass(frozen=True)
class Counterexample:
    """A run in which the learner's code does not do what it should.

    Attributes
    ----------
    sentence
        What went wrong, for whom.
    advice
        Where to look: the hint that belongs to just this mistake.
    picture
        The run, as SVG and HTML: the timeline, the books, a table.
    """

    sentence: str
    advice: str
    picture: str = ""


@dataclass(frozen=True)
class Result:
    """What is shown after a check.

    Attributes
    ----------
    verdict
        How far the answer has come.
    sentence, advice, picture
        As in :class:`Counterexample`.
    trouble
        An error of the learner's code in Python's own words, and where it happened.
    printed
        What the learner's code has printed.
    source
        What was handed in, once it is solved, as far as its text is known.
    """

    verdict: Verdict
    sentence: str
    advice: str = ""
    picture: str = ""
    trouble: str = ""
    printed: str = ""
    source: str = ""
