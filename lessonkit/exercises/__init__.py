"""Exercises, quizzes and the checklist: the learner's own code on trial.

Each notebook has a module here with its exercises, as in
``from lessonkit.exercises.start import stock_back``. Reading it tells the solutions.
"""

from lessonkit.exercises.checklist import checklist, progress_buttons

__all__ = ["checklist", "progress_buttons"]
