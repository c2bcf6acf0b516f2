"""A quiz: where there is nothing to program, something to decide.

Every option says why it is right or wrong, and the wrong ones are there to be read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import ipywidgets as widgets

from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.prose import feedback, labels, prose, remarks
from lessonkit.exercises.task import Task, module_of
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import GREEN
from lessonkit.messages import _


@dataclass(frozen=True)
class Option:
    """One answer to choose, and what to say to whoever chooses it. English."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its options, of which one is right; ``code`` is shown as it is."""

    text: str
    options: tuple[Option, ...]
    code: str = ""

    def __post_init__(self) -> None:
        right = sum(option.right for option in self.options)
        if right != 1:
            raise ValueError(f"options must have exactly one that is right; got {right}")


@dataclass(frozen=True, kw_only=True)
class Quiz(Task):
    """Some questions. It is solved when each has its right answer.

    Attributes
    ----------
    questions
        In their order.
    """

    questions: tuple[Question, ...]

    @property
    def cell(self) -> str:
        """The source of its cell in the notebook."""
        return f"from {module_of(self.module)} import {self.name}\n\n{self.name}.ask()"

    def ask(self) -> QuizView:
        """Show the questions."""
        return QuizView(self)


class QuizView(StillBox):
    """The questions, each with its options as radio buttons.

    Attributes
    ----------
    choices
        The radio buttons of each question.
    feedback
        What is said about the option chosen, for each question.
    """

    def __init__(self, quiz: Quiz) -> None:
        self.quiz = quiz
        self.choices: list[widgets.RadioButtons] = []
        self.feedback: list[widgets.HTML] = []
        # One layout and one style for all: a stored notebook keeps each of them.
        layout = widgets.Layout(width="auto", margin="0 0 2px 0")
        self.verdict = widgets.HTML(layout=layout)
        parts: list[widgets.Widget] = []
        asked = []
        heading = f"<b>{escape(_(quiz.title))}</b>{labels(quiz.practises, quiz.grade)}"
        for number, question in enumerate(quiz.questions):
            words = widgets.HTML(
                in_phrases(heading + _question_html(number, question)), layout=layout
            )
            options = [(_(option.text), place) for place, option in enumerate(question.options)]
            choice = widgets.RadioButtons(options=options, value=None, layout=layout)
            choice.observe(partial(self._chosen, number), "value")
            feedback = widgets.HTML(layout=layout)
            for part in (words, feedback):
                part.style = self.verdict.style
            self.choices.append(choice)
            self.feedback.append(feedback)
            heading = ""
            parts += [words, choice, feedback]
            asked += [words, feedback]
        self._show_verdict()
        words_only = "\n".join(_(question.text) for question in quiz.questions)
        super().__init__([*parts, self.verdict], [*asked, self.verdict], words_only, layout=layout)

    @property
    def right(self) -> int:
        """How many questions have their right answer now."""
        chosen = zip(self.quiz.questions, self.choices, strict=True)
        return sum(c.value is not None and q.options[c.value].right for q, c in chosen)

    def _chosen(self, number: int, change: dict[str, Any]) -> None:
        place = change["new"]
        if place is None:
            self.feedback[number].value = ""
            return
        option = self.quiz.questions[number].options[place]
        self.feedback[number].value = in_phrases(feedback(option.right, _(option.why)))
        all_right = self.right == len(self.quiz.questions)
        if not option.right:
            learners_progress().note(self.quiz.name, tries=1)
        elif all_right:
            learners_progress().note(self.quiz.name, solved=True)
        self._show_verdict()

    def _show_verdict(self) -> None:
        questions = len(self.quiz.questions)
        words = _("{right} of {all} right").format(right=self.right, all=questions)
        done = self.right == questions
        before = self.quiz.entry.solved and not done
        mark = "✓ " if done or before else ""
        if before:
            words += " · " + _("You have solved this one before.")
        colour = GREEN if done else "inherit"
        told = remarks(learners_progress().take_messages())
        self.verdict.value = (
            f'<div role="status" style="color: {colour}"><b>{mark}{escape(words)}</b></div>{told}'
        )


def _question_html(number: int, question: Question) -> str:
    code = f"<pre style='margin: 4px 1.4em'>{escape(question.code)}</pre>" if question.code else ""
    return f"<div><b>{number + 1}.</b> {prose(_(question.text))}</div>{code}"
