"""The map of the course: what each notebook asks, how long it takes, and how far the learner is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonkit.course import NAMES, predictions
from lessonkit.exercises.progress import Known, learners_progress
from lessonkit.lab import Picture
from lessonkit.messages import _, current_language
from lessonkit.words import escape

if TYPE_CHECKING:
    import pandas as pd


def map_of_the_course(course: pd.DataFrame) -> Picture:
    """Each notebook with its question, its counted minutes, and what the learner has done there.

    Parameters
    ----------
    course
        What ``data/course.csv`` says: a row for each notebook.
    """
    known, language = learners_progress().read(), current_language()
    heads = (_("notebook"), _("question"), _("core"), _("deeper"), _("solved"), _("guessed wrong"))
    rows = [
        (
            f'<a href="{row["notebook"]}.ipynb">{row["notebook"][:2]} · '
            f"{escape(row[f'title_{language}'])}</a>",
            escape(row[f"question_{language}"]),
            _("{number} min").format(number=row["core_minutes"]),
            _("{number} min").format(number=row["deeper_minutes"]),
            *_done(row["notebook"], known),
        )
        for row in course.to_dict("records")
    ]
    look = (
        ".lessonkit-map :is(td,th){text-align:left!important;padding:3px 14px 3px 4px}"
        ".lessonkit-map :is(th,td:nth-child(n+3)){white-space:nowrap}"
        ".lessonkit-map td:nth-child(-n+2){min-width:9em;text-wrap:balance}"
    )
    head = "".join(f"<th>{escape(words)}</th>" for words in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return Picture(
        f"<style>{look}</style>"
        f'<table class="lessonkit-map"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _done(notebook: str, known: Known) -> tuple[str, str]:
    """How many of its exercises and quizzes are solved, and how many of its guesses were wrong."""
    names, guesses = NAMES[notebook], [one.name for one in predictions(notebook)]
    solved = sum(known[name].solved for name in names)
    wrong = sum(name in known and not known[name].solved for name in guesses)
    return _share(solved, len(names)), _share(wrong, len(guesses))


def _share(part: int, whole: int) -> str:
    return f"{part} / {whole}" if whole else "–"
