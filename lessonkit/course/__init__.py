"""What the notebooks ask: all exercises and quizzes of the course, in its order.

Each notebook has a module or a package here, as in
``from lessonkit.course.start import stock_back``. Reading it tells the solutions.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from lessonkit.exercises import checklist as checklists
from lessonkit.exercises.checklist import ProgressButtons
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.prediction import Prediction, is_missed, predict
from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.task import Task
from lessonkit.exercises.written import names_in
from lessonkit.lab.picture import Picture
from lessonkit.lab.still import StillBox
from lessonkit.messages import _

MODULES: Final = {
    "00-start": "start",
    "01-request-response": "request_response",
    "02-event-driven": "event_driven",
    "03-message-brokers": "message_brokers",
    "04-choreography-orchestration": "choreography_orchestration",
    "05-eventual-consistency": "eventual_consistency",
    "06-event-bus": "event_bus",
    "07-choosing": "choosing",
    "08-summary": "summary",
    "09-real-parts": "real_parts",
}
"""For each notebook the module (or package) that its exercises are in."""

NAMES: Final = {notebook: names_in(f"{__name__}.{module}") for notebook, module in MODULES.items()}
"""For each notebook its exercises and quizzes, in their order there."""


def tasks() -> list[Task]:
    """Every exercise and every quiz."""
    return [
        getattr(import_module(f"{__name__}.{MODULES[notebook]}"), name)
        for notebook, names in NAMES.items()
        for name in names
    ]


def exercises() -> list[Exercise]:
    """Every exercise."""
    return [task for task in tasks() if isinstance(task, Exercise)]


def predictions(*notebooks: str) -> list[Prediction]:
    """The predictions of these notebooks, or of all."""
    homes = [import_module(f"{__name__}.{MODULES[name]}") for name in notebooks or MODULES]
    return [one for home in homes for one in vars(home).values() if isinstance(one, Prediction)]


def missed(notebook: str) -> StillBox | Picture:
    """Ask again what was guessed wrong at least two notebooks before ``notebook``, once.

    Raises
    ------
    ValueError
        If there is no such notebook.
    """
    course = list(MODULES)
    if notebook not in course:
        raise ValueError(f"notebook must be one of {', '.join(course)}; got {notebook!r}")
    before = course[: max(0, course.index(notebook) - 1)]
    # A fifth of a second goes into reading five notebooks' modules: not if nothing was missed.
    some = any(is_missed(entry) for entry in learners_progress().read().values())
    asked = predictions(*before) if before and some else []
    views = [predict(one, again=True) for one in asked if one.missed]
    if not views:
        return Picture(_("From the notebooks before, there is nothing to ask you again."))
    shown = [part for view in views for part in view.shown]
    return StillBox(views, shown, "\n".join(view.words for view in views))


def checklist() -> Picture:
    """The six points with their exercises and quizzes: what is solved, and what is still open."""
    return checklists.checklist(tasks())


def progress_buttons() -> ProgressButtons:
    """Buttons to find, copy and forget what has been solved."""
    return ProgressButtons()
