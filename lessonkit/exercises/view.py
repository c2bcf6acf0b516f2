"""What a learner sees of an exercise: the verdict, the counterexample, hints, the solution."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape
from itertools import zip_longest
from typing import Any

import ipywidgets as widgets

from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.prose import labels, prose, remarks
from lessonkit.exercises.result import Result, Verdict
from lessonkit.exercises.task import Task
from lessonkit.lab.button import plain_button
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import AMBER, BLUE, GREEN, RED
from lessonkit.messages import _
from lessonkit.words import SMALL, clean

LOOKS = {
    Verdict.NOT_ATTEMPTED: (BLUE, "○"),
    Verdict.NOT_YET: (AMBER, "△"),
    Verdict.ERROR: (RED, "✗"),
    Verdict.SOLVED: (GREEN, "✓"),
}

VIEWS_KEPT = 3
"""So many verdicts of an exercise stay on the page: ipywidgets forgets none by itself."""

_views: defaultdict[str, deque[ExerciseView]] = defaultdict(deque)


class ExerciseView(StillBox):
    """What came of a check, and two buttons: for a hint, and for the solution.

    Attributes
    ----------
    result
        What is shown.
    """

    def __init__(self, exercise: Task, result: Result) -> None:
        self.exercise = exercise
        self.result = result
        # One layout and one style for all: a stored notebook keeps each of them.
        layout = widgets.Layout(width="auto")
        self.verdict = widgets.HTML(in_phrases(result_html(exercise, result)), layout=layout)
        self.hint_button = plain_button("", self._open_a_hint, "lightbulb-o", layout)
        self.solution_button = plain_button("", self._show_solution, "key", layout)
        self.help = widgets.HTML(layout=layout)
        self._solution = ""
        self._show_help()
        buttons = [self.hint_button, self.solution_button]
        row = widgets.HBox(buttons, layout=layout)
        for part, like in ((self.help, self.verdict), (buttons[1], buttons[0])):
            part.style.close()
            part.style = like.style
        words = f"{exercise.name}: {result.verdict}. {result.sentence}"
        parts = [self.verdict, row, self.help]
        super().__init__(parts, [self.verdict, self.help], words, layout=layout)
        views = _views[exercise.name]
        views.append(self)
        if len(views) > VIEWS_KEPT:
            for part in _parts_of(views.popleft()):
                part.close()

    def _open_a_hint(self) -> None:
        self.exercise.open_a_hint()
        self._show_help()

    def _show_solution(self) -> None:
        self._solution = solution_html(self.exercise)
        self._show_help()

    def _show_help(self) -> None:
        hints, opened = len(self.exercise.hints), self.exercise.entry.hints
        self.help.value = in_phrases(hints_html(self.exercise, opened) + self._solution)
        label = _("Hint {number} of {all}")
        number = min(opened + 1, hints)
        self.hint_button.description = label.format(number=number, all=hints)
        self.hint_button.disabled = opened >= hints
        left = self.exercise.tries_left
        self.solution_button.disabled = left > 0
        opens = _("Solution (after {number} more tries)").format(number=left)
        self.solution_button.description = opens if left else _("Solution")


def _parts_of(widget: Any) -> Iterator[widgets.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _parts_of(child)
    yield from filter(None, (widget.layout, getattr(widget, "style", None), widget))


def result_html(exercise: Task, result: Result) -> str:
    """The verdict and what belongs to it, as HTML."""
    verdict, sentence = result.verdict, result.sentence
    if verdict is Verdict.NOT_ATTEMPTED and exercise.entry.solved:
        verdict, sentence = Verdict.SOLVED, _("You have solved this one before.")
    colour, mark = LOOKS[verdict]
    lines = [
        f'<div><b style="color: {colour}">{mark} {escape(_(verdict))}</b>'
        f" · <b>{escape(_(exercise.title))}</b>{labels(exercise.practises, exercise.grade)}"
        f"<div>{prose(sentence)}</div></div>"
    ]
    if result.trouble:
        lines.append(_preformatted(result.trouble))
    if result.advice:
        lines.append(f'<div style="margin: 4px 0"><b>→</b> {prose(result.advice)}</div>')
    if result.printed:
        summary = escape(_("What your code has printed"))
        printed = _preformatted(result.printed)
        lines.append(f"<details><summary>{summary}</summary>{printed}</details>")
    if result.source:
        summary = escape(_("Your code, and one way to do it, side by side"))
        columns = side_by_side(result.source, exercise.answer.strip())
        lines.append(f"<details><summary>{summary}</summary>{columns}</details>")
    lines.append(remarks(learners_progress().take_messages()))
    look = f"border-left: 4px solid {colour}; padding: 4px 0 4px 12px; margin: 6px 0"
    said = f'<div role="status" class="lessonkit-verdict" style="{look}">{"".join(lines)}</div>'
    return f"{said}{result.picture}"


def side_by_side(theirs: str, ours: str) -> str:
    """Two programs in two columns, as HTML: a sign and a colour mark what only one of them has."""
    left, right = theirs.splitlines(), ours.splitlines()
    rows = []
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        same = kind == "equal"
        for one, other in zip_longest(left[a:b], right[c:d]):
            yours = _code_cell(one, "" if same else "−", AMBER)
            rows.append(f"<tr>{yours}{_code_cell(other, '' if same else '+', GREEN)}</tr>")
    heads = "".join(f"<th>{escape(words)}</th>" for words in (_("yours"), _("one way to do it")))
    look = f"width: 100%; table-layout: fixed; {SMALL}"
    return f'<table class="lessonkit-sides" style="{look}"><tr>{heads}</tr>{"".join(rows)}</table>'


def _code_cell(line: str | None, sign: str, colour: str) -> str:
    if line is None:
        return "<td></td>"
    shade = f"; background: {colour}33" if sign else ""  # a fifth of it: fit for both themes
    look = f"width: 50%; text-align: left; vertical-align: top; padding: 0 6px{shade}"
    words = line.lstrip()
    indent = 2 + len(line) - len(words)  # so that a line that is too long goes on below itself
    code = (
        f'<pre style="white-space: pre-wrap; margin: 0 0 0 {indent}ch">{escape(clean(words))}</pre>'
    )
    return f'<td style="{look}"><code style="float: left">{sign}</code>{code}</td>'


def hints_html(exercise: Task, opened: int) -> str:
    """The hints that have been opened so far, as HTML."""
    hints = "".join(f"<li>{prose(_(hint))}</li>" for hint in exercise.hints[:opened])
    return f'<ol class="lessonkit-hints" style="margin: 4px 0">{hints}</ol>' if hints else ""


def solution_html(exercise: Task) -> str:
    """One way to do it, or when it opens, as HTML."""
    if left := exercise.tries_left:
        words = _("The solution opens once you have solved it, or after {number} more tries.")
        return f"<div>{escape(words.format(number=left))}</div>"
    words = escape(_("One way to do it:"))
    return f'<div class="lessonkit-solution">{words}{_preformatted(exercise.answer.strip())}</div>'


def _preformatted(text: str) -> str:
    look = "white-space: pre-wrap; line-height: 1.4; margin: 4px 0; font-size: 12px"
    return f'<pre style="{look}">{escape(clean(text))}</pre>'
