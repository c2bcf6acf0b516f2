"""What to say about a run, and when: a table that is read from the top.

A judge makes runs. The first run about which a line of the table has something to say is the
counterexample. Each line states only what its run has shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lessonkit.exercises.result import Counterexample
from lessonkit.messages import _

Condition = Callable[[Any], bool]
"""Asked with a run: whether something is so."""


@dataclass(frozen=True)
class Advice:
    """One line of the table.

    Attributes
    ----------
    when
        Asked with a run: whether this is what has happened there.
    words
        What to say then. English, and found by the catalogue without a mark; ``{run.name}``
        stands for what the run has under this name.
    """

    when: Condition
    words: str


def is_so(words: str, known: Mapping[str, Condition] = MappingProxyType({})) -> Condition:
    """Whether a run is what the words say, as ``"late and not lost"``.

    They name attributes of the run, or conditions that are ``known``.
    """

    def is_one(run: Any, part: str) -> bool:
        name = part.removeprefix("not ")
        found = known[name](run) if name in known else getattr(run, name)
        return bool(found) is (name == part)

    return lambda run: all(is_one(run, part) for part in words.split(" and "))


def first_advice(table: Iterable[Advice], run: object) -> str | None:
    """What the table has to say about the run; None if it has nothing to say."""
    for advice in table:
        if advice.when(run):
            return _(advice.words).format(run=run)
    return None


def said_of(run: Any) -> str:
    """The run's own ``sentence``; ``{run.name}`` in it stands for what the run has by this name."""
    return _(run.sentence).format(run=run)


def first_counterexample(
    runs: Iterable[Any],
    table: Iterable[Advice],
    picture: Callable[[Any], str],
    sentence: Callable[[Any], str] = said_of,
) -> Counterexample | None:
    """The first run about which the table has something to say; None if there is none.

    Parameters
    ----------
    runs
        In the order in which they are to be shown: the simplest first. They are made one by one.
    table
        What to say.
    picture
        Draws a run, as SVG and HTML.
    sentence
        Says what happened in it.
    """
    for run in runs:
        if (advice := first_advice(table, run)) is not None:
            return Counterexample(sentence(run), advice, picture(run))
    return None
