"""A prediction: the learner commits to a guess, and only then sees what the run says.

Whoever has said what will happen reads the run with other eyes, above all if it was wrong. The
first guess counts. One that was wrong is asked once more, some notebooks later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import ipywidgets as widgets

from lessonkit.exercises.progress import Entry, learners_progress
from lessonkit.exercises.prose import feedback, prose, remarks
from lessonkit.lab.button import plain_button
from lessonkit.lab.picture import Picture, in_phrases
from lessonkit.lab.still import StillBox
from lessonkit.messages import _


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A question about what a run will show. Its texts are English.

    Attributes
    ----------
    name
        Under this name it stands in the progress file.
    notebook
        Where it is asked, such as ``"01-request-response"``.
    text
        The question.
    options
        Two to four short answers.
    answer
        The one of them that the run gives.
    why
        One sentence that explains it.
    """

    name: str
    notebook: str
    text: str
    options: tuple[str, ...]
    answer: str
    why: str

    def __post_init__(self) -> None:
        if not 2 <= len(set(self.options)) == len(self.options) <= 4:
            raise ValueError(f"options must be two to four different ones; got {self.options!r}")
        if self.answer not in self.options:
            raise ValueError(f"answer must be one of the options; got {self.answer!r}")

    @property
    def entry(self) -> Entry:
        """What the progress file knows: solved, or how many wrong guesses have counted."""
        return learners_progress().entry(self.name)

    @property
    def missed(self) -> bool:
        """Whether the guess was wrong, and it has not been asked again yet."""
        return is_missed(self.entry)


def is_missed(entry: Entry) -> bool:
    """Whether there was one wrong guess, and no other one yet."""
    return entry.tries == 1 and not entry.solved


class PredictionView(StillBox):
    """The question and a button for each option; after a guess, the answer and the run.

    Attributes
    ----------
    buttons
        One for each option.
    answer
        What is said after the guess; empty before it.
    """

    def __init__(self, prediction: Prediction, shown: str, again: bool) -> None:
        self.prediction = prediction
        self._shown = shown
        # Who has seen the answer and runs the cell once more has nothing to guess.
        entry = prediction.entry
        self._counts = prediction.missed if again else not (entry.tries or entry.solved)
        layout = widgets.Layout(width="auto")
        lead, words = _("Predict first."), prose(_(prediction.text))
        question = widgets.HTML(in_phrases(f"<b>{lead}</b> {words}"), layout=layout)
        self.buttons = [
            plain_button(_(option), partial(self._guess, option), layout=layout)
            for option in prediction.options
        ]
        row = widgets.Box(self.buttons, layout=widgets.Layout(flex_flow="row wrap"))
        self.answer = widgets.HTML(layout=layout)
        # A page on which nothing runs asks as well, and keeps the answer below a fold.
        options = "".join(f"<li>{prose(_(option))}</li>" for option in prediction.options)
        summary = _("What the run says")
        fold = f"<details><summary>{summary}</summary>{self._said()}</details>"
        still = widgets.HTML(f"<ul>{options}</ul>{fold}")
        text = f"{_(prediction.text)} {' / '.join(map(_, prediction.options))}"
        super().__init__([question, row, self.answer], [question, still], text, layout=layout)

    def _said(self) -> str:
        words = _("The run says: {answer}").format(answer=_(self.prediction.answer))
        return f"<div><b>{prose(words)}</b></div><div>{prose(_(self.prediction.why))}</div>" + (
            self._shown
        )

    def _guess(self, option: str) -> None:
        right = option == self.prediction.answer
        if self._counts:
            learners_progress().note(self.prediction.name, tries=not right, solved=right)
        for button in self.buttons:
            button.disabled = True
        words = _("Your guess: {guess}").format(guess=_(option))
        told = remarks(learners_progress().take_messages())
        self.answer.value = in_phrases(f"{feedback(right, words)}{told}{self._said()}")


def predict(prediction: Prediction, *shown: str, again: bool = False) -> PredictionView:
    """Ask before it is shown.

    Parameters
    ----------
    prediction
        What to ask.
    shown
        SVG or HTML of the run, shown after the guess.
    again
        Whether it is asked because it was missed before.

    Raises
    ------
    TypeError
        If ``prediction`` is none, or a part to be shown is not a string.
    """
    if not isinstance(prediction, Prediction):
        raise TypeError(f"prediction must be one of lessonkit.course; got {prediction!r}")
    return PredictionView(prediction, Picture(*shown).html, again)
