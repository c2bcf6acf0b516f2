"""A saga log: what outlives the process, so that a new process knows where to go on.

Each row is written *before* the next thing is done. If the process dies in between, the log knows
less than what has happened, but never by more than the one step that it says was begun. So each id
is executed once: whoever asks for it again gets the result of the first time.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from lessonkit.checks import instance_of
from lessonkit.clock.strangers import OwnTask
from lessonkit.database import Source
from lessonkit.patterns.saga.progress import FINISHED, Progress, SagaResult
from lessonkit.patterns.saga.saga import Saga
from lessonkit.patterns.saga.table import SagaTable, SagaTakenOver, SagaUnfinished
from lessonkit.shop.errors import KeyReused
from lessonkit.shop.orders import CreateOrder
from lessonkit.shop.process import here


class SagaLog(SagaTable):
    """The log of one kind of saga or of several, in a SQLite database.

    Parameters
    ----------
    database
        A :class:`~lessonkit.database.Database`, or the path of a file; ``":memory:"`` is the disk
        of a simulated process.
    command_type
        The type of the commands: a dataclass, or dict. They are kept as JSON.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the file cannot be used, or has other tables of these names.
    """

    def __init__(self, database: Source = ":memory:", command_type: type = CreateOrder) -> None:
        instance_of("command_type", command_type, type, "a class")
        self.command_type = command_type
        self._under_way: dict[object, asyncio.Event] = {}
        super().__init__(database)

    async def execute_once(self, saga: Saga, saga_id: str, command: Any) -> SagaResult:
        """Execute the saga, unless the log knows it; see :meth:`Saga.execute`."""
        loop = asyncio.get_running_loop()
        # What another process began, or an earlier run, nobody here can wait for.
        mine = (saga_id, here.get(), loop)
        if self.state(saga_id) is None:
            progress = saga.begin(saga_id, command)
            self.start(saga.name, saga_id, command)
            progress.keep = partial(self.write, saga_id, 1)
            self._under_way[mine] = end = asyncio.Event()
            try:
                return await saga.drive(progress)
            finally:
                del self._under_way[mine]
                if not loop.is_closed():
                    end.set()
        if self.command(saga.name, saga_id) != command:
            raise KeyReused(f"saga_id {saga_id!r} belongs to another command")
        # Somebody has clicked twice: both get the same answer, and it is done once.
        if mine in self._under_way:
            await self._under_way[mine].wait()
        progress = self._load(saga, saga_id, epoch=0)
        if (state := progress.state) not in FINISHED:
            raise SagaUnfinished(f"saga {saga_id!r} is in the log ({state}); resume() drives it on")
        return progress.result()

    async def drive_on(self, saga: Saga) -> list[SagaResult]:
        """Drive every unfinished saga of this name to its end; see :meth:`Saga.resume`."""
        results: list[SagaResult] = []
        mistakes: list[Exception] = []
        for saga_id in self.unfinished(saga.name):
            try:
                self._load(saga, saga_id, epoch=0)  # who cannot read it leaves it to one who can
                progress = self._load(saga, saga_id, self.take_over(saga_id))
                await saga.conclude(progress, OwnTask())
            except SagaTakenOver:
                continue  # yet another process has it now
            except ValueError as error:
                mistakes.append(error)  # the others need not wait for it
                continue
            results.append(progress.result())
            if progress.mistake is not None:
                mistakes.append(progress.mistake)
        if mistakes:
            raise mistakes[0]
        return results

    def _load(self, saga: Saga, saga_id: str, epoch: int) -> Progress:
        progress = saga.begin(saga_id, self.command(saga.name, saga_id), epoch)
        progress.keep = partial(self.write, saga_id, epoch)
        for entry in self.history(saga_id):
            progress.apply(entry.what, entry.step, entry.detail)
        known = [step.name for step in saga.steps]
        for name in progress.last:
            if name not in known:
                only = f"saga {saga.name!r} has only {', '.join(known)}"
                raise ValueError(f"saga {saga_id!r} in the log has a step {name!r}; {only}")
        return progress
