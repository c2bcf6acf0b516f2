"""The way of one saga: forward through its steps, or back through their compensations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from lessonkit.checks import positive_number, whole_number
from lessonkit.messages import _
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga.progress import Progress, SagaResult, words
from lessonkit.patterns.saga.step import Step
from lessonkit.patterns.saga.table import SagaState, What
from lessonkit.shop.errors import NoReply, ServiceRefused, ShopError

WORTH_A_RETRY: Final = (NoReply, ServiceRefused, TimeoutError)
"""Errors after which the same request may succeed. A declined card stays declined."""


@dataclass(frozen=True)
class Choices:
    """What a saga does beyond the lesson's; see :class:`~lessonkit.patterns.saga.saga.Saga`."""

    compensate_before: bool
    attempts: int
    backoff: Backoff
    compensation_attempts: int
    shield: bool
    step_timeout: float | None
    timeout: float | None

    def __post_init__(self) -> None:
        whole_number("attempts", self.attempts, low=1)
        whole_number("compensation_attempts", self.compensation_attempts, low=1)
        for name in ("compensate_before", "shield"):
            if not isinstance(value := getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False; got {value!r}")
        for name in ("step_timeout", "timeout"):
            if (seconds := getattr(self, name)) is not None:
                positive_number(name, seconds)
        if not isinstance(self.backoff, Backoff):
            raise TypeError(f"backoff must be a Backoff; got {self.backoff!r}")


class Drive:
    """One saga on its way, begun now.

    Parameters
    ----------
    saga
        The name of the saga.
    steps
        All its steps.
    choices
        What it does beyond the lesson's.
    progress
        How far it has come.
    """

    def __init__(
        self, saga: str, steps: tuple[Step, ...], choices: Choices, progress: Progress
    ) -> None:
        self._saga = saga
        self._steps = steps
        self._choices = choices
        self.progress = progress
        pivots = [number for number, step in enumerate(steps, 1) if step.pivot]
        self._has_pivot = bool(pivots)
        # Without a pivot, a saga can be undone up to its last step.
        end = pivots[0] if pivots else len(steps)
        self._until_pivot, self._after_pivot = steps[:end], steps[end:]
        self._deadline: float | None = None
        if choices.timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + choices.timeout

    async def to_the_pivot(self) -> None:
        """The steps up to the pivot, the pivot included, as far as they can be done."""
        await self._go_forward(self._until_pivot)

    async def to_the_end(self) -> None:
        """Past the pivot, the rest of the steps; else the compensations."""
        progress = self.progress
        if self._is_committed:
            await self._go_forward(self._after_pivot)
            what = What.FAILED if any(map(self._is_missing, self._steps)) else What.COMPLETED
        else:
            await self._compensate()
            what = What.FAILED if progress.not_undone else What.COMPENSATED
        progress.note(what, detail=progress.why if what is What.FAILED else None)

    async def _go_forward(self, steps: tuple[Step, ...]) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                for step in steps:
                    if step.name not in self.progress.results and not await self._do(step):
                        return
        except TimeoutError:
            error = TimeoutError(
                f"saga {self._saga!r} took longer than {self._choices.timeout:g} s"
            )
            self._not_done(step, error)  # the one that was under way
            if any(map(self._is_missing, steps)):
                self.progress.fail(error)

    async def _do(self, step: Step) -> bool:
        """Do the step; return whether the next one is to be done."""
        progress = self.progress
        progress.note(What.BEGUN, step.name)
        try:
            result = await self._try(step.action, self._choices.attempts)
        except Exception as error:
            self._not_done(step, error)
            if not step.optional:
                progress.fail(error)
            return step.optional
        try:
            progress.note(What.DONE, step.name, result)
        except (TypeError, ValueError) as error:
            # The log cannot keep the result. That the step is done, it has to know all the same.
            self._look_at(step, error)
            progress.note(What.DONE, step.name)
        return True

    async def _compensate(self) -> None:
        progress = self.progress
        progress.note(What.COMPENSATING, detail=progress.why)
        registered = progress.begun if self._choices.compensate_before else progress.results
        for step in reversed(self._steps):
            if step.name not in registered or step.name in progress.undone:
                continue
            if step.compensation is None:
                continue
            try:
                await self._try(step.compensation, self._choices.compensation_attempts)
            except Exception as error:  # the others are undone all the same
                self._look_at(step, error)
                progress.note(What.NOT_UNDONE, step.name, words(error))
                if step.pivot:  # the order may stand: then its money and its stock must stay
                    return
            else:
                progress.note(What.UNDONE, step.name)

    async def _try(self, function: Callable[[Any], Awaitable[Any]], attempts: int) -> Any:
        for attempt in range(1, attempts):
            try:
                return await self._once(function)
            except WORTH_A_RETRY:
                delay = self._choices.backoff.delay(attempt, self.progress.jitter)
                await asyncio.sleep(delay)
        return await self._once(function)

    async def _once(self, function: Callable[[Any], Awaitable[Any]]) -> Any:
        limit = asyncio.timeout(self._choices.step_timeout)
        try:
            async with limit:
                return await function(self.progress.command)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"no reply within {self._choices.step_timeout:g} s") from error

    def _not_done(self, step: Step, error: Exception) -> None:
        self._look_at(step, error)
        self.progress.note(What.NOT_DONE, step.name, words(error))

    def _look_at(self, step: Step, error: Exception) -> None:
        # What goes wrong in the shop is what a saga is for; a mistake in the program is not.
        progress = self.progress
        if not isinstance(error, ShopError | TimeoutError) and progress.mistake is None:
            error.add_note(f"(in step {step.name!r} of saga {self._saga!r} {progress.saga_id!r})")
            progress.mistake = error

    def _is_missing(self, step: Step) -> bool:
        return not step.optional and step.name not in self.progress.results

    @property
    def _is_committed(self) -> bool:
        """Whether it is past the point of no return."""
        progress = self.progress
        if self._has_pivot:
            return self._until_pivot[-1].name in progress.results
        return all(
            step.name in progress.results or (step.optional and step.name in progress.not_done)
            for step in self._steps
        )

    def result(self) -> SagaResult:
        """What has come of it."""
        progress, committed = self.progress, self._is_committed
        if committed:
            line, why = _("{step}: not done ({why})"), progress.not_done
            names = [step.name for step in self._steps if step.name not in progress.results]
        else:
            line, why = _("{step}: not undone ({why})"), progress.not_undone
            names = list(why)
        error = progress.error
        if error is None and progress.why is not None:  # of an earlier process only words are left
            error = ShopError(progress.why)
        return SagaResult(
            progress.saga_id,
            progress.state,
            dict(progress.results),
            None if progress.state is SagaState.COMPLETED else error,
            tuple(line.format(step=name, why=why.get(name, "-")) for name in names),
            committed,
        )
