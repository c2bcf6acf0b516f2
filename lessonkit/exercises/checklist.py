"""The lesson's checklist: six points, and behind each the exercises that it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import ipywidgets as widgets

from lessonkit.exercises.progress import Entry, Known, learners_progress
from lessonkit.exercises.prose import labels, remarks
from lessonkit.exercises.task import Task
from lessonkit.lab.button import plain_button
from lessonkit.lab.picture import Picture
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import GREEN
from lessonkit.messages import N_, _
from lessonkit.words import SMALL, clean

POINTS: Final = (
    N_("Name the strengths and weaknesses of request-response"),
    N_("Tell the four kinds of event-driven apart"),
    N_("Tell choreography from orchestration"),
    N_("Explain what eventual consistency means"),
    N_("Explain what the outbox is for"),
    N_("Choose a style for a task, and give the reasons"),
)

COPY: Final = "my-progress.json"
"""How the copy is called that a learner hands in."""


def checklist(everything: Sequence[Task]) -> Picture:
    """The six points with their exercises and quizzes: what is solved, and what is still open."""
    known = learners_progress().read()
    solved = sum(known[task.name].solved for task in everything)
    words = _("{solved} of {all} solved").format(solved=solved, all=len(everything))
    share = 100 * solved / len(everything)
    look = f"height: 6px; width: {share:.0f}%; background: {GREEN}"
    bar = f'<div style="border: 1px solid #888; max-width: 30em"><div style="{look}"></div></div>'
    parts = [f"<div><b>{escape(words)}</b>{bar}</div>"]
    for number, point in enumerate(POINTS, start=1):
        parts.append(_point(number, point, [t for t in everything if t.point == number], known))
    if told := learners_progress().take_messages():
        parts.append(remarks(told))
    return Picture(*parts)


def _point(number: int, point: str, behind: list[Task], known: Known) -> str:
    solved = sum(known[task.name].solved for task in behind)
    done = solved == len(behind)
    mark = f'<span style="color: {GREEN}">✓</span>' if done else "○"
    heading = f"{mark} <b>{number}. {escape(_(point))}</b> · {solved} / {len(behind)}"
    lines = "".join(f"<li>{_line(task, known[task.name])}</li>" for task in behind)
    look = "list-style: none; margin: 2px 0 10px; padding-left: 1.6em"
    return f'<div class="lessonkit-point">{heading}<ul style="{look}">{lines}</ul></div>'


def _line(task: Task, entry: Entry) -> str:
    mark = f'<span style="color: {GREEN}">✓</span>' if entry.solved else "○"
    link = f'<a href="{task.notebook}.ipynb">{task.notebook[:2]} · {escape(_(task.title))}</a>'
    shown = f"{mark} {link}{labels(task.practises, task.grade)}"
    if entry.solved or not entry.tries:
        return shown
    tried = _("tried {number} times").format(number=entry.tries)
    return f'{shown} <span style="{SMALL}">({escape(tried)})</span>'


class ProgressButtons(StillBox):
    """Buttons for the progress file: where it is, a copy to hand in, times, and starting anew."""

    def __init__(self) -> None:
        layout = widgets.Layout(width="auto")
        self.where = plain_button(_("Where is it kept?"), self._tell, "folder-open-o", layout)
        self.copy = plain_button(_("Save a copy to hand in"), self._save, "download", layout)
        self.anew = plain_button(_("Forget everything ..."), self._forget, "trash-o", layout)
        self.times = plain_button("", self._note_times, "clock-o", layout)
        self.said = widgets.HTML(layout=layout)
        self._asked: widgets.Button | None = None
        self._name_times()
        buttons = [self.where, self.copy, self.times, self.anew]
        for button in buttons:
            button.style = self.where.style
        row = widgets.Box(buttons, layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([row, self.said], [self.said], "ProgressButtons()", layout=layout)

    def _tell(self) -> None:
        self._say(str(learners_progress().path))

    def _save(self) -> None:
        try:
            path = learners_progress().export(COPY)
        except OSError as error:
            words = _("It cannot be saved here: {error}")
            self._say(words.format(error=error.strerror or error))
        else:
            self._say(_("Saved: {file}").format(file=Path(path).resolve()))

    def _note_times(self) -> None:
        wanted = not learners_progress().read().times
        if wanted and self._asked is not self.times:
            words = _(
                "The file would also say when you first solved each exercise from now on: date"
                " and time to the second, in UTC. Whoever gets the file or a copy of it sees"
                " that. Press once more if you want it."
            )
            self._say(words, self.times)
            return
        learners_progress().note_times(wanted)
        self._name_times()
        if wanted:
            self._say(_("From now on it is noted when you solve something for the first time."))
        else:
            self._say(_("No times are noted any more, and those that were noted are removed."))

    def _name_times(self) -> None:
        noted = learners_progress().read().times
        self.times.description = _("Stop noting when") if noted else _("Also note the dates ...")

    def _forget(self) -> None:
        if self._asked is not self.anew:
            self._say(_("All ticks will be gone. Press once more if you mean it."), self.anew)
        elif learners_progress().reset():
            self._name_times()
            self._say(_("Forgotten. Run the checklist's cell again."))
        else:
            self._say(_("Nothing was forgotten: the file cannot be changed at the moment."))

    def _say(self, words: str, asked: widgets.Button | None = None) -> None:
        self._asked = asked
        told = [words, *learners_progress().take_messages()]
        lines = (f'<div role="status">{escape(clean(line))}</div>' for line in told)
        self.said.value = "".join(lines)
