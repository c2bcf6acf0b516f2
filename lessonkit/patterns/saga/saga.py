"""A saga (*orchestration*): steps in order, and if one fails, those before it are undone.

What it promises: in the end either all steps are done, or those that were done are undone, the last
one first; and what could not be done or undone is named. From the *pivot* on, it only goes forward.

What it does not promise: isolation. Everybody sees an order that is half done, and a step that was
undone *has* happened: money was taken and given back. Nor that anything is done once only: whoever
gets no reply asks again, so every step and every compensation goes by a key.

A saga made as ``Saga(name, steps)`` does what the lesson's does, and has its faults. Each further
argument takes one of them away: see the parameters. It keeps nothing: when the process dies, the
saga stays where it is. What a *log* adds stands in :mod:`lessonkit.patterns.saga.durable`.

Sources: Garcia-Molina and Salem, "Sagas", 1987; Chris Richardson, "Microservices Patterns", 2018,
chapter 4 (compensatable steps, the pivot, retriable steps).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

from lessonkit import checks
from lessonkit.clock.strangers import OwnTask, said
from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga.progress import Action, Progress, SagaResult, Step, What, check_steps
from lessonkit.shop.errors import NoReply, ServiceRefused
from lessonkit.trace import correlation

WORTH_A_RETRY: Final = (NoReply, ServiceRefused, TimeoutError)
"""Errors after which the same request may succeed. A declined card stays declined."""


@runtime_checkable
class Durable(Protocol):
    """What a saga wants of its log: that it is executed once, and outlives the process."""

    async def execute_once(self, saga: Saga, saga_id: str, command: Any) -> SagaResult:
        """Execute the saga, unless it is known: then give back what came of it."""

    async def drive_on(self, saga: Saga) -> list[SagaResult]:
        """Bring to their end all the sagas that a dead process has left on their way."""


@dataclass(eq=False)
class Saga:
    """Steps, and what to do when one fails.

    Parameters
    ----------
    name
        Of this kind of saga.
    steps
        In their order; at most one is the pivot.
    compensate_before
        Register each compensation *before* its step runs, not after: so it runs also if the reply
        was lost and nobody knows whether the step has happened.
    attempts
        How many times a step is tried if it gets no reply, is refused or takes too long.
    backoff
        How long to wait between attempts, of steps and of compensations.
    compensation_attempts
        How many times a compensation is tried.
    shield
        Bring the compensation (after the pivot: the rest) to its end even if ``execute`` is
        cancelled; without it, cancellation stops everything where it is.
    step_timeout
        Seconds that one attempt may take. The service may still do later what it was asked to do.
    timeout
        Seconds that all steps together may take. Compensations are not counted.
    log
        A :class:`SagaLog`, in which each step is written down, so that :meth:`resume` can go on in
        a new process.
    seed
        From which the jitter is drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    name: str
    steps: Sequence[Step]
    _: KW_ONLY
    compensate_before: bool = False
    attempts: int = 1
    backoff: Backoff = Backoff()  # noqa: RUF009 - it never changes
    compensation_attempts: int = 1
    shield: bool = False
    step_timeout: float | None = None
    timeout: float | None = None
    log: Durable | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        checks.some_text("name", self.name)
        self.steps = check_steps(self.steps)
        checks.true_or_false("compensate_before", self.compensate_before)
        checks.whole_number("attempts", self.attempts, low=1)
        checks.instance_of("backoff", self.backoff, Backoff)
        checks.whole_number("compensation_attempts", self.compensation_attempts, low=1)
        checks.true_or_false("shield", self.shield)
        checks.seconds_or_none("step_timeout", self.step_timeout)
        checks.seconds_or_none("timeout", self.timeout)
        checks.instance_of("log", self.log, Durable | None, "a SagaLog")
        checks.whole_number("seed", self.seed)
        pivots = (number for number, step in enumerate(self.steps, 1) if step.pivot)
        # Without a pivot, a saga can be undone up to its last step.
        self._pivot = next(pivots, len(self.steps))

    async def execute(self, saga_id: str, command: Any) -> SagaResult:
        """Do the steps in order; if one that is not optional fails, undo them in reverse order.

        Parameters
        ----------
        saga_id
            Such as the id of the order: the correlation id of all that the steps do. If the log
            says that this saga is finished, nothing is done and its result is returned; if this
            process is at it, that result is waited for.
        command
            What each step and each compensation is called with.

        Raises
        ------
        SagaUnfinished
            If the log says that a saga of this id is not finished, and another process has begun
            it.
        KeyReused
            If the log says that this id belongs to another command.
        SagaTakenOver
            If another process has resumed this saga meanwhile.
        TypeError, ValueError
            If the id is none, or the log cannot keep the command.
        DatabaseUnavailable
            If the log cannot be written. The saga stops where it is, as if the process had died.
        Exception
            What a step or a compensation raised, if it is neither a ShopError nor a TimeoutError;
            or that the log cannot keep a result. That is a mistake in the program, and is raised
            when the saga has come to its end.
        """
        checks.some_text("saga_id", saga_id)
        if self.log is None:
            return await self.drive(self.begin(saga_id, command))
        return await self.log.execute_once(self, saga_id, command)

    async def resume(self) -> list[SagaResult]:
        """Drive every unfinished saga in the log to its end, the oldest first.

        Those that are past their pivot go forward, the others are undone. For a new process, when
        the old one is dead: if it still lives, it loses its sagas to this one.

        Raises
        ------
        ValueError
            If there is no log, or a saga in the log does not fit this one.
        DatabaseUnavailable
            If the log cannot be used.
        Exception
            As :meth:`execute`, when all sagas have been driven on.
        """
        if self.log is None:
            raise ValueError("log must be given, if a saga is to be resumed")
        return await self.log.drive_on(self)

    # --- the way of one saga ---------------------------------------------------------------------

    def begin(self, saga_id: str, command: Any, epoch: int = 1) -> Progress:
        """A saga that has come nowhere yet, and whose time runs from now."""
        jitter = stream(self.seed, f"{self.name}/{saga_id}/{epoch}")
        deadline = self.timeout and asyncio.get_running_loop().time() + self.timeout
        return Progress(self.name, tuple(self.steps), saga_id, command, jitter, deadline)

    async def drive(self, progress: Progress) -> SagaResult:
        """Go to the pivot if possible, and from there to one end or the other."""
        own = OwnTask()
        try:
            await asyncio.create_task(self._forward(progress, self.steps[: self._pivot]))
        except asyncio.CancelledError:
            if not self.shield:
                raise
        await self.conclude(progress, own)
        if progress.mistake is not None:
            raise progress.mistake
        return progress.result()

    async def conclude(self, progress: Progress, own: OwnTask) -> None:
        """Past the pivot, do the rest of the steps; else undo them; under a shield, come what may.

        Parameters
        ----------
        own
            The caller's task, which hears in the end that it was cancelled meanwhile.
        """
        work = asyncio.create_task(self._to_the_end(progress))
        while self.shield and not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])  # which leaves the work alone when it is cancelled
        await work
        if own.is_to_stop():
            raise asyncio.CancelledError from progress.mistake

    async def _to_the_end(self, progress: Progress) -> None:
        correlation.set(progress.saga_id)
        if progress.committed:
            await self._forward(progress, self.steps[self._pivot :])
            end = What.FAILED if any(map(progress.lacks, self.steps)) else What.COMPLETED
        else:
            await self._back(progress)
            end = What.FAILED if What.NOT_UNDONE in progress.last.values() else What.COMPENSATED
        progress.note(end, detail=progress.why if end is What.FAILED else None)

    async def _forward(self, progress: Progress, steps: Sequence[Step]) -> None:
        correlation.set(progress.saga_id)  # in this task: all its messages, and no others, carry it
        own = OwnTask()
        try:
            async with asyncio.timeout_at(progress.deadline):
                for step in steps:
                    if step.name not in progress.results and not await self._do(progress, step):
                        return
                    if own.is_to_stop():  # and the step has told nobody
                        raise asyncio.CancelledError
        except TimeoutError:
            error = TimeoutError(f"saga {self.name!r} took longer than {self.timeout:g} s")
            if step.name not in progress.results:  # it was under way
                progress.note_failure(What.NOT_DONE, step, error)
            if any(map(progress.lacks, steps)):
                progress.error, progress.why = error, said(error)

    async def _do(self, progress: Progress, step: Step) -> bool:
        """Do the step; return whether the next one is to be done."""
        progress.note(What.BEGUN, step.name)
        try:
            result = await self._try(progress, step.action, self.attempts)
        except Exception as error:
            progress.note_failure(What.NOT_DONE, step, error)
            if not step.optional:
                progress.error, progress.why = error, said(error)
            return step.optional
        progress.note_done(step, result)
        return True

    async def _back(self, progress: Progress) -> None:
        progress.note(What.COMPENSATING, detail=progress.why)
        registered = progress.last if self.compensate_before else progress.results
        for step in reversed(self.steps):
            owed = step.name in registered and progress.last[step.name] is not What.UNDONE
            if not owed or step.compensation is None:
                continue
            try:
                await self._try(progress, step.compensation, self.compensation_attempts)
            except Exception as error:  # the others are undone all the same
                progress.note_failure(What.NOT_UNDONE, step, error)
                if step.pivot:  # the order may stand: then its money and its stock must stay
                    return
            else:
                progress.note(What.UNDONE, step.name)

    async def _try(self, progress: Progress, function: Action, attempts: int) -> Any:
        once = partial(OwnTask().attempt, checks.called(function), function, progress.command)
        for attempt in range(1, attempts):
            try:
                return await once(seconds=self.step_timeout)
            except WORTH_A_RETRY:
                await asyncio.sleep(self.backoff.delay(attempt, progress.jitter))
        return await once(seconds=self.step_timeout)
