"""The steps of a saga, how far it has come, and what came of it.

How far it has come is the sum of what it has noted on its way.

A saga notes each thing *before* it goes by it. Whoever reads all its notes again knows as much as
the saga did: that is all that a new process needs to go on where the old one died.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from lessonkit.checks import async_function, instance_of, some_text, true_or_false
from lessonkit.clock.strangers import said
from lessonkit.messages import N_, _
from lessonkit.shop.errors import OrderFailed, OutcomeUnknown, ShopError, in_words
from lessonkit.shop.process import here
from lessonkit.trace import find_trace

Action: TypeAlias = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Step:
    """A step of a saga, and how to undo it.

    Parameters
    ----------
    name
        Unique in its saga; the log speaks of the step by this name.
    action
        ``async def``; called with the saga's command. A step may be done again (a retry, a new
        process), so it sends an idempotency key. With a log, what it returns must be such that
        JSON gives it back as it is: a text, a number, True, False, None, a list or dict of those.
    compensation
        ``async def``; called with the saga's command. It must do no harm when the action never
        happened, and must hold when the action happens after it. None if there is nothing to undo.
    optional
        The saga goes on if this step fails: a mail that is not sent does not undo the order.
    pivot
        The point of no return. Up to here, a failure undoes everything; from here on, the saga only
        goes forward. As long as it is not known whether the pivot has happened, it may have to be
        undone, too: so it has a compensation.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    name: str
    action: Action
    compensation: Action | None = None
    optional: bool = False
    pivot: bool = False

    def __post_init__(self) -> None:
        some_text("the name of a step", self.name)
        async_function(f"action of step {self.name!r}", self.action, "command")
        if self.compensation is not None:
            async_function(f"compensation of step {self.name!r}", self.compensation, "command")
        true_or_false(f"optional of step {self.name!r}", self.optional)
        true_or_false(f"pivot of step {self.name!r}", self.pivot)
        if self.pivot and self.optional:
            raise ValueError(f"step {self.name!r} cannot be both the pivot and optional")


def check_steps(steps: object) -> tuple[Step, ...]:
    """Return ``steps`` as a tuple, if they are the steps of a saga.

    Raises
    ------
    TypeError, ValueError
        If one is no Step, two have one name, two are the pivot, or there is none.
    """
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise ValueError(f"steps must be a list of at least one Step; got {steps!r}")
    for number, step in enumerate(steps):
        instance_of(f"steps[{number}]", step, Step)
        if step.name in (other.name for other in steps[:number]):
            raise ValueError(f"steps must have names of their own; two are called {step.name!r}")
    if len(pivots := [step.name for step in steps if step.pivot]) > 1:
        raise ValueError(f"steps must have one pivot at most; got {', '.join(pivots)}")
    return tuple(steps)


class SagaState(StrEnum):
    """Where a saga stands."""

    RUNNING = N_("running")
    COMPLETED = N_("completed")
    COMPENSATING = N_("compensating")
    COMPENSATED = N_("compensated")
    FAILED = N_("failed")  #: something is still owed


FINISHED: Final = (SagaState.COMPLETED, SagaState.COMPENSATED)
"""A saga in one of these states never runs again. A FAILED one is tried again."""


class What(StrEnum):
    """What a saga notes."""

    STARTED = N_("started")
    RESUMED = N_("resumed")
    BEGUN = N_("step begun")
    DONE = N_("step done")
    NOT_DONE = N_("step failed")
    COMPENSATING = N_("compensating")
    UNDONE = N_("step undone")
    NOT_UNDONE = N_("compensation failed")
    COMPLETED = N_("completed")
    COMPENSATED = N_("compensated")
    FAILED = N_("failed")


STATE_CHANGES: Final[dict[What, SagaState]] = {
    What(state): state for state in SagaState if state is not SagaState.RUNNING
}
STATE_CHANGES.update({What.STARTED: SagaState.RUNNING, What.BEGUN: SagaState.RUNNING})
"""The notes that change the saga's state. All others leave it."""


@dataclass(frozen=True)
class SagaResult:
    """What came of a saga.

    Attributes
    ----------
    saga_id
        As it was given to ``execute``.
    state
        COMPLETED, COMPENSATED, or FAILED.
    results
        What each step that was done has returned.
    error
        Why it was undone, or could not be completed. None if it is completed, and if the process
        died and nothing else was wrong.
    owed
        What is still to be done or undone, a line for each step. A FAILED saga is tried again by
        ``resume()``; what a COMPLETED one owes is an optional step, and stays as it is.
    committed
        Whether it has passed the point of no return: the order stands, even if something is owed.
    """

    saga_id: str
    state: SagaState
    results: dict[str, Any]
    error: Exception | None
    owed: tuple[str, ...]
    committed: bool

    def check(self) -> SagaResult:
        """Return the result if it is committed; otherwise raise what the customer is to be told.

        Raises
        ------
        OrderFailed
            If everything was undone.
        OutcomeUnknown
            If something could not be undone yet: then nobody knows how it will end.
        """
        if self.committed:
            return self
        kind = OrderFailed if self.state is SagaState.COMPENSATED else OutcomeUnknown
        # A dead process leaves no error.
        why = self.error or f"saga {self.saga_id!r} is {self.state}"
        raise kind(str(why)) from self.error


@dataclass
class Progress:
    """How far one saga has come.

    Attributes
    ----------
    saga, steps
        The name of the saga, and all its steps.
    jitter
        Where the random part of its delays comes from.
    deadline
        When, by the loop's clock, all its steps must be done.
    keep
        Keeps a note beyond the life of the process, if anybody does.
    last
        The last note about each step that was begun.
    why, why_not
        In words: why the saga cannot be completed; why a step was not done, or not undone.
    mistake
        The first error that was not the shop's: a mistake in the program.
    """

    saga: str
    steps: tuple[Step, ...]
    saga_id: str
    command: Any
    jitter: random.Random
    deadline: float | None
    keep: Callable[[What, str, Any, SagaState | None], object] = lambda *_: None

    state: SagaState = SagaState.RUNNING
    last: dict[str, What] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    why: str | None = None
    why_not: dict[str, str | None] = field(default_factory=dict)
    mistake: Exception | None = None
    _shown: SagaState | None = None

    def note(self, what: What, step: str = "", detail: Any = None) -> None:
        """Keep a note, and only then go by it."""
        state = STATE_CHANGES.get(what, self.state)
        self.keep(what, step, detail, state if state is not self.state else None)
        self.apply(what, step, detail)
        trace, process = find_trace(), here.get()
        if self.state is not self._shown and trace is not None and process is not None:
            trace.state(process.name, N_("saga"), self.state)
            self._shown = self.state

    def apply(self, what: What, step: str, detail: Any) -> None:
        """Add a note to the sum."""
        self.state = STATE_CHANGES.get(what, self.state)
        if what is What.DONE:
            self.results[step] = detail
        if step:
            self.last[step], self.why_not[step] = what, detail
        elif what in (What.COMPENSATING, What.COMPLETED, What.FAILED):
            self.why = detail

    def note_done(self, step: Step, result: Any) -> None:
        """Note that the step is done, and what it has returned, if that can be kept."""
        try:
            self.note(What.DONE, step.name, result)
        except (TypeError, ValueError) as error:
            # It cannot. That the step is done, whoever goes on has to know all the same.
            self._look_at(step, error)
            self.note(What.DONE, step.name)

    def note_failure(self, what: What, step: Step, error: Exception) -> None:
        """Note that a step, or its compensation, has failed."""
        self._look_at(step, error)
        self.note(what, step.name, said(error))

    def _look_at(self, step: Step, error: Exception) -> None:
        # What goes wrong in the shop is what a saga is for; a mistake in the program is not.
        if not isinstance(error, ShopError | TimeoutError) and self.mistake is None:
            error.add_note(f"(in step {step.name!r} of saga {self.saga!r} {self.saga_id!r})")
            self.mistake = error

    def lacks(self, step: Step) -> bool:
        """Whether the saga is not complete without this step."""
        return not step.optional and step.name not in self.results

    @property
    def committed(self) -> bool:
        """Whether it is past the point of no return: its pivot, or else the last of its steps."""
        decisive = [step for step in self.steps if step.pivot] or self.steps
        return all(
            step.name in self.results
            or (step.optional and self.last.get(step.name) is What.NOT_DONE)
            for step in decisive
        )

    def result(self) -> SagaResult:
        """What has come of it."""
        error = self.error
        if error is None and self.why is not None:  # of an earlier process only words are left
            error = ShopError(self.why)
        if committed := self.committed:
            line = _("{step}: not done ({why})")
            owed = [step for step in self.steps if step.name not in self.results]
        else:
            line = _("{step}: not undone ({why})")
            owed = [
                step for step in reversed(self.steps) if self.last.get(step.name) is What.NOT_UNDONE
            ]
        why = {step.name: in_words(self.why_not.get(step.name) or "-") for step in owed}
        lines = tuple(line.format(step=step.name, why=why[step.name]) for step in owed)
        return SagaResult(self.saga_id, self.state, dict(self.results), error, lines, committed)
