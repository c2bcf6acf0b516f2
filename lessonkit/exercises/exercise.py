"""An exercise: a starting cell, a judge that runs what the learner makes of it, and hints.

The judge is an ordinary function. It gets what the learner has written and, if it wants to, what
the starting cell defines: whatever that does well must stay so. It returns None if all is well, or
a :class:`~lessonkit.exercises.result.Counterexample`: never just "wrong".
"""

from __future__ import annotations

import gc
import io
import re
import sysconfig
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import FrameSummary, extract_tb

from lessonkit.exercises.guard import MOST_SECONDS, OutOfTime, Printed, guarded
from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.result import Counterexample, Result, Verdict
from lessonkit.exercises.starter import is_same, scope_of, started, wrong_kind
from lessonkit.exercises.task import Task, module_of
from lessonkit.exercises.view import ExerciseView, hints_html, solution_html
from lessonkit.lab.picture import Picture
from lessonkit.messages import _

Judge = Callable[..., Counterexample | None]

_NOT_THE_LEARNERS = (
    str(Path(__file__).parents[1]),
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
)


@dataclass(frozen=True, kw_only=True)
class Exercise(Task):
    """Something to write, and what tells whether it is right.

    Attributes
    ----------
    shown
        What the learner has shown by solving it. English, marked with ``N_``.
    starter
        The code that the learner begins with.
    asks
        What of it is handed in, by name.
    judge
        Called with what was handed in; see the module.
    with_starter
        Whether the judge is called with what the starting cell defines under the same names, too.
    """

    shown: str
    starter: str
    asks: tuple[str, ...]
    judge: Judge
    with_starter: bool = False

    @property
    def cell(self) -> str:
        """The source of its cell in the notebook."""
        module = module_of(self.judge.__module__)
        handing_in = f"{self.name}.check({', '.join(self.asks)})"
        importing = f"from {module} import {self.name}"
        return f"{importing}\n\n\n{self.starter.strip()}\n\n\n{handing_in}"

    # --- for the learner -------------------------------------------------------------------------

    def check(self, *answers: object) -> ExerciseView:
        """Try the answer, and show what came of it. It never raises what the answer raised."""
        result = self.evaluate(*answers)
        if result.verdict is Verdict.SOLVED:
            learners_progress().note(self.name, solved=True)
        elif result.verdict is not Verdict.NOT_ATTEMPTED:
            learners_progress().note(self.name, tries=1)
        return ExerciseView(self, result)

    def hint(self) -> Picture:
        """Show one hint more than before."""
        return Picture(hints_html(self, self.open_a_hint()))

    def solution(self) -> Picture:
        """Show one way to do it, after a success or three tries."""
        return Picture(solution_html(self))

    # --- the trial -------------------------------------------------------------------------------

    def evaluate(self, *answers: object) -> Result:
        """Try the answer under guard, and say what came of it."""
        if len(answers) != len(self.asks):
            words = f"{self.name}.check({', '.join(self.asks)}) takes {len(self.asks)} things"
            return _error(TypeError(f"{words}; got {len(answers)}"), "")
        try:
            ours = started(self.starter, self.asks, answers)
        except NameError as error:
            words = _("Something is missing. Run the cells above this one first.")
            return replace(_error(error, ""), sentence=words)
        if all(map(is_same, ours, answers)):
            words = _("Not attempted yet. Change the code above, and run this cell again.")
            return Result(Verdict.NOT_ATTEMPTED, words)
        for name, wanted, got in zip(self.asks, ours, answers, strict=True):
            if (complaint := wrong_kind(name, wanted, got)) is not None:
                return _error(TypeError(complaint), "")
        return self._try((*answers, *ours) if self.with_starter else answers)

    def _try(self, answers: tuple[object, ...]) -> Result:
        printed: Printed | None = None
        try:
            with guarded([scope_of(answer) for answer in answers]) as printed:
                found = self.judge(*answers)
        except OutOfTime:
            _throw_away_what_was_interrupted()
            words = _(
                "Stopped: after {seconds} seconds of work, your code was still running. Is there"
                " a loop that never ends?"
            )
            result = Result(Verdict.ERROR, words.format(seconds=MOST_SECONDS))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever it is, it is the learner's, and is shown
            result = _error(error, _learners_line(error))
        else:
            if found is None:
                result = Result(Verdict.SOLVED, _(self.shown))
            else:
                parts = map(_without_addresses, (found.sentence, found.advice, found.picture))
                result = Result(Verdict.NOT_YET, *parts)
        return _with_printed(result, printed)


def _throw_away_what_was_interrupted() -> None:
    # Python complains of coroutines that never ended, at some later moment: have it said now.
    with redirect_stderr(io.StringIO()):
        gc.collect()


def _error(error: BaseException, place: str) -> Result:
    notes = "\n".join(getattr(error, "__notes__", ()))
    words = f"{type(error).__name__}: {error}"
    trouble = _without_addresses("\n".join(part for part in (words, notes, place) if part))
    return Result(Verdict.ERROR, _("Your code stopped with an error."), trouble=trouble)


def _without_addresses(text: str) -> str:
    # A learner's object may say where in memory it lies, and that differs each time.
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", text)


def _with_printed(result: Result, printed: Printed | None) -> Result:
    if printed is None or not printed.text:
        return result
    text = printed.text
    if printed.dropped:
        text += "\n" + _("... and {number} more letters").format(number=f"{printed.dropped:,}")
    return replace(result, printed=text)


def _learners_line(error: BaseException) -> str:
    """The last line of the learner's own code that led to the error."""
    own = [frame for frame in extract_tb(error.__traceback__) if _is_the_learners(frame)]
    if not own:
        return ""
    words = _("in {function}, line {line}: {code}")
    last = own[-1]
    return words.format(function=last.name, line=last.lineno, code=last.line or "").rstrip(": ")


def _is_the_learners(frame: FrameSummary) -> bool:
    return not frame.filename.startswith(_NOT_THE_LEARNERS)
