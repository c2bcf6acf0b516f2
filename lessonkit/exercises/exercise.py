"""An exercise: a starting cell, a judge that runs what the learner makes of it, and hints.

The judge is an ordinary function. It gets what the learner has written and, if it wants to, what
the starting cell defines: whatever that does well must stay so. It returns None if all is well, or
a :class:`~lessonkit.exercises.result.Counterexample`: never just "wrong".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from dis import opmap
from traceback import extract_tb

from lessonkit.clock.strangers import forget_frames, without_addresses
from lessonkit.exercises import guard
from lessonkit.exercises.guard import Asleep, OutOfTime, Printed, guarded
from lessonkit.exercises.limits import is_the_learners
from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.result import Counterexample, Result, Verdict
from lessonkit.exercises.starter import is_same, scope_of, source_of, started, text_of, wrong_kind
from lessonkit.exercises.task import Task, module_of
from lessonkit.exercises.view import ExerciseView, hints_html, solution_html
from lessonkit.lab.picture import Picture
from lessonkit.messages import _
from lessonkit.shop import customer

Judge = Callable[..., Counterexample | None]


@dataclass(frozen=True, kw_only=True)
class Exercise(Task):
    """Something to write, and what tells whether it is right.

    Attributes
    ----------
    shown
        What the learner has shown by solving it. English.
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
        module = module_of(self.module)
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
        printed: Printed | None = None
        watch = guarded([scope_of(answer) for answer in answers])
        try:
            with watch as printed:
                result = self._try(answers, watch)
        except OutOfTime as stopped:
            result = Result(Verdict.ERROR, _why_stopped(stopped))
        return _with_what_was_said(result, printed)

    def _try(self, answers: tuple[object, ...], watch: guarded) -> Result:
        # All of it under guard: to compare the learner's objects, or to say what an error of theirs
        # says, is to run the learner's code.
        try:
            return self._judge(answers)
        except OutOfTime as stopped:
            forget_frames(stopped)  # so that what hangs in them can end under guard
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever it is, it is the learner's, and is shown
            watch.put_back()
            return _error(error, _learners_line(error))

    def _judge(self, answers: tuple[object, ...]) -> Result:
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
        found = self.judge(*answers, *(ours if self.with_starter else ()))
        if found is None:
            source = "\n\n\n".join(map(source_of, answers)).strip()
            return Result(Verdict.SOLVED, _(self.shown), source=source)
        sentence, advice = map(without_addresses, (found.sentence, found.advice))
        return Result(Verdict.NOT_YET, sentence, advice, found.picture)


def _why_stopped(stopped: OutOfTime) -> str:
    if said := str(stopped):
        return said
    if isinstance(stopped, Asleep):
        words = _(
            "Stopped: for {seconds} seconds, your code did nothing but wait, in real time. Here"
            " only virtual time passes: `await asyncio.sleep(...)`."
        )
    else:
        words = _(
            "Stopped: after {seconds} seconds of work, your code was still running. Is there"
            " a loop that never ends?"
        )
    return words.format(seconds=f"{guard.MOST_SECONDS:g}")


def _error(error: BaseException, place: str) -> Result:
    verdict, advice = Verdict.ERROR, ""
    sentence = _("Your code stopped with an error.")
    if isinstance(error, MemoryError):
        sentence = _("Your code wanted more memory than a check may take: a gigabyte.")
    elif _was_meant_as_a_no(error):
        verdict = Verdict.NOT_YET
        sentence = _("Your code raised an error of its own, and the customer was told nothing.")
        advice = _(
            'The shop takes such an error for a mistake in the program. As "failed" it takes a'
            " timeout and its own errors, and nothing else. A bare `raise` hands on the error that"
            ' came; with a reason of your own, it is `raise OrderFailed("...")`, after `from'
            " lessonkit import OrderFailed`."
        )
    notes = getattr(error, "__notes__", ())
    notes = map(text_of, notes) if isinstance(notes, list | tuple) else ()
    words = ": ".join(part for part in (type(error).__name__, text_of(error)) if part)
    trouble = "\n".join(part for part in (words, *notes, place) if part)
    return Result(verdict, sentence, advice, trouble=without_addresses(trouble))


def _was_meant_as_a_no(error: BaseException) -> bool:
    """Whether a ``raise`` of the learner's has ended an order, and a customer waits for it."""
    steps, step = [], error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    if not any(step.tb_frame.f_code.co_filename == customer.__file__ for step in steps):
        return False
    code, place = steps[-1].tb_frame.f_code, steps[-1].tb_lasti
    return is_the_learners(code.co_filename) and code.co_code[place] == opmap["RAISE_VARARGS"]


def _with_what_was_said(result: Result, printed: Printed | None) -> Result:
    """The result with what the code has printed, and with what Python has warned of."""
    if printed is None:
        return result
    text = printed.text
    if printed.dropped:
        text += "\n" + _("... and {number} more letters").format(number=f"{printed.dropped:,}")
    advice = result.advice
    if result.verdict in (Verdict.NOT_YET, Verdict.ERROR):
        advice = " ".join([*_never_awaited(printed.unawaited), advice]).strip()
    return replace(result, printed=text, advice=advice)


def _never_awaited(names: Iterable[str]) -> list[str]:
    words = _("`{name}(...)` was called and never awaited: without `await`, nothing of it happens.")
    return [words.format(name=name) for name in names]


def _learners_line(error: BaseException) -> str:
    """The last line of the learner's own code that led to the error."""
    own = [frame for frame in extract_tb(error.__traceback__) if is_the_learners(frame.filename)]
    if not own:
        return ""
    words = _("in {function}, line {line}: {code}")
    last = own[-1]
    return words.format(function=last.name, line=last.lineno, code=last.line or "").rstrip(": ")
