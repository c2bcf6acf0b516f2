"""What is asked of a learner, and how far the learner is with it."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.exercises.progress import Entry, learners_progress

TRIES_BEFORE_THE_SOLUTION = 3


@dataclass(frozen=True, kw_only=True)
class Task:
    """An exercise or a quiz.

    Attributes
    ----------
    name
        Under this name it stands in its module, and in the progress file.
    notebook
        Where it is, such as ``"01-request-response"``.
    module
        Where it is defined, ``__name__`` there.
    point
        Which of the six points of the checklist it belongs to, 1 to 6.
    title
        What is to be done, in a few words. English.
    practises
        The one concept that it is about, in the field's term. English.
    grade
        How hard it is: 1 (easy), 2 (medium) or 3 (hard).
    hints
        Each says more than the one before. English. A quiz has none.
    answer
        One way to do it: what the starter of an exercise may become.
    """

    name: str
    notebook: str
    module: str
    point: int
    title: str
    practises: str = ""
    grade: int = 1
    hints: tuple[str, ...] = ()
    answer: str = ""

    @property
    def entry(self) -> Entry:
        """What the progress file knows about it."""
        return learners_progress().entry(self.name)

    def open_a_hint(self) -> int:
        """Open one more hint, if there is one; return how many are open."""
        opened = self.entry.hints
        if opened < len(self.hints):
            opened = learners_progress().note(self.name, hints=1).hints
        return min(opened, len(self.hints))

    @property
    def tries_left(self) -> int:
        """How many tries there are before the solution opens."""
        entry = self.entry
        return 0 if entry.solved else max(0, TRIES_BEFORE_THE_SOLUTION - entry.tries)


def module_of(place: str) -> str:
    """The module or package that a notebook imports from, for something defined at ``place``."""
    return ".".join(place.split(".")[:3])  # lessonkit.course.event_bus
