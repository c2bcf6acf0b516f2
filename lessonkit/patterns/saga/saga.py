"""A saga (*orchestration*): steps in order, and if one fails, those before it are undone.

A saga made as ``Saga(name, steps)`` does what the lesson's does, and has its faults. Each further
argument takes one of them away: see the parameters.

Sources: Garcia-Molina and Salem, "Sagas", 1987; Chris Richardson, "Microservices Patterns", 2018,
chapter 4 (compensatable steps, the pivot, retriable steps).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any

from lessonkit.checks import some_text
from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga.drive import Choices, Drive
from lessonkit.patterns.saga.log import SagaLog, SagaTakenOver, SagaUnfinished
from lessonkit.patterns.saga.progress import Progress, SagaResult
from lessonkit.patterns.saga.step import Step, check_steps
from lessonkit.patterns.saga.table import FINISHED
from lessonkit.shop.errors import KeyReused
from lessonkit.shop.network import correlation
from lessonkit.shop.process import here


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
        Where each step is written down, so that :meth:`resume` can go on in a new process.
    seed
        From which the jitter is drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        *,
        compensate_before: bool = False,
        attempts: int = 1,
        backoff: Backoff | None = None,
        compensation_attempts: int = 1,
        shield: bool = False,
        step_timeout: float | None = None,
        timeout: float | None = None,
        log: SagaLog | None = None,
        seed: int = 0,
    ) -> None:
        self.name = some_text("name", name)
        self.steps = check_steps(steps)
        self._choices = Choices(
            compensate_before,
            attempts,
            Backoff() if backoff is None else backoff,
            compensation_attempts,
            shield,
            step_timeout,
            timeout,
        )
        if not isinstance(log, SagaLog | None):
            raise TypeError(f"log must be a SagaLog; got {log!r}")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"seed must be a whole number; got {seed!r}")
        self.log = log
        self._seed = seed
        self._under_way: dict[str, _UnderWay] = {}

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
        some_text("saga_id", saga_id)
        epoch = 1
        if self.log is not None:
            if self.log.state(saga_id) is not None:
                return await self._known(self.log, saga_id, command)
            epoch = self.log.start(self.name, saga_id, command)
        drive = self._drive(saga_id, command, epoch)
        mine = self._under_way[saga_id] = _UnderWay()
        try:
            return await self._execute(drive)
        finally:
            mine.is_over()
            if self._under_way.get(saga_id) is mine:
                del self._under_way[saga_id]

    async def _execute(self, drive: Drive) -> SagaResult:
        cancelled = None
        try:
            await _task(drive.progress.saga_id, drive.to_the_pivot())
        except asyncio.CancelledError as error:
            if not self._choices.shield:
                raise
            cancelled = error
        await self._conclude(drive, cancelled)
        if drive.progress.mistake is not None:
            raise drive.progress.mistake
        return drive.result()

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
        results = []
        mistakes: list[Exception] = []
        for saga_id in self.log.unfinished(self.name):
            try:
                drive = self._take_over(self.log, saga_id)
            except ValueError as error:  # the others need not wait for it
                mistakes.append(error)
                continue
            if drive is None:
                continue
            try:
                await self._conclude(drive)
            except SagaTakenOver:
                continue  # yet another process has it now
            results.append(drive.result())
            if drive.progress.mistake is not None:
                mistakes.append(drive.progress.mistake)
        if mistakes:
            raise mistakes[0]
        return results

    async def _conclude(
        self, drive: Drive, cancelled: asyncio.CancelledError | None = None
    ) -> None:
        work = _task(drive.progress.saga_id, drive.to_the_end())
        if not self._choices.shield:
            await work
            return
        while not work.done():
            try:
                await asyncio.wait([work])  # which leaves the work alone when it is cancelled
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            failed = None if work.cancelled() else work.exception()
            raise cancelled from (failed or drive.progress.mistake)
        await work

    # --- what the log knows ----------------------------------------------------------------------

    async def _known(self, log: SagaLog, saga_id: str, command: object) -> SagaResult:
        if log.command(self.name, saga_id) != command:
            raise KeyReused(f"saga_id {saga_id!r} belongs to another command")
        # Somebody has clicked twice: both get the same answer, and it is done once.
        if (other := self._under_way.get(saga_id)) is not None:
            await other.end()
        drive = self._load(log, saga_id, epoch=0)
        if (state := drive.progress.state) not in FINISHED:
            raise SagaUnfinished(f"saga {saga_id!r} is in the log ({state}); resume() drives it on")
        return drive.result()

    def _take_over(self, log: SagaLog, saga_id: str) -> Drive | None:
        log.command(self.name, saga_id)  # a saga that cannot read it leaves it to one that can
        epoch = log.take_over(saga_id)
        return None if epoch is None else self._load(log, saga_id, epoch)

    def _load(self, log: SagaLog, saga_id: str, epoch: int) -> Drive:
        drive = self._drive(saga_id, log.command(self.name, saga_id), epoch)
        for entry in log.history(saga_id):
            drive.progress.apply(entry.what, entry.step, entry.detail)
        known = [step.name for step in self.steps]
        for name in drive.progress.begun:
            if name not in known:
                raise ValueError(
                    f"saga {saga_id!r} in the log has a step {name!r}; saga {self.name!r} has only"
                    f" {', '.join(known)}"
                )
        return drive

    def _drive(self, saga_id: str, command: Any, epoch: int) -> Drive:
        jitter = stream(self._seed, f"{self.name}/{saga_id}/{epoch}")
        write = None if self.log is None else partial(self.log.write, saga_id, epoch)
        progress = Progress(saga_id, command, jitter, write)
        return Drive(self.name, self.steps, self._choices, progress)


class _UnderWay:
    """A saga that this process drives, for those who ask for the same one meanwhile."""

    def __init__(self) -> None:
        self._process = here.get()
        self._end = asyncio.get_running_loop().create_future()

    def is_over(self) -> None:
        """Let everybody go who waits for it."""
        if not self._end.done() and not self._end.get_loop().is_closed():
            self._end.set_result(None)

    async def end(self) -> None:
        """Wait until it is over. What another process began, nobody here can wait for."""
        mine = self._end.get_loop() is asyncio.get_running_loop()
        if mine and self._process is here.get():
            await asyncio.shield(self._end)


def _task(saga_id: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # In a context of its own: all messages of this saga, and no others, carry its id.
    context = copy_context()
    context.run(correlation.set, saga_id)
    return asyncio.get_running_loop().create_task(work, context=context)
