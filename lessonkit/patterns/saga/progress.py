"""How far a saga has come, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lessonkit.messages import N_
from lessonkit.patterns.saga.table import STATE_CHANGES, SagaState, What
from lessonkit.shop.errors import OrderFailed, OutcomeUnknown
from lessonkit.shop.process import here
from lessonkit.trace import find_trace


def words(error: Exception) -> str:
    """An error as the log keeps it."""
    return f"{type(error).__name__}: {error}"


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
        What each step that was done has returned (after a restart: as JSON has kept it).
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


class Progress:
    """How far a saga has come: the sum of the rows of its log.

    Parameters
    ----------
    saga_id, command
        Of the saga.
    jitter
        Where the random part of its delays comes from.
    write
        Writes a row into the log; None without a log.
    """

    def __init__(
        self,
        saga_id: str,
        command: Any,
        jitter: random.Random,
        write: Callable[[What, str, Any], None] | None,
    ) -> None:
        self.saga_id = saga_id
        self.command = command
        self.jitter = jitter
        self._write = write
        self._shown: SagaState | None = None
        self.state = SagaState.RUNNING
        self.begun: list[str] = []
        self.results: dict[str, Any] = {}
        self.not_done: dict[str, str] = {}
        self.undone: list[str] = []
        self.not_undone: dict[str, str] = {}
        self.error: Exception | None = None
        self.why: str | None = None
        self.mistake: Exception | None = None

    def note(self, what: What, step: str = "", detail: Any = None) -> None:
        """Write a row, and only then go by it."""
        if self._write is not None:
            self._write(what, step, detail)
        self.apply(what, step, detail)
        trace, process = find_trace(), here.get()
        if self.state is not self._shown and trace is not None and process is not None:
            trace.state(process.name, N_("saga"), self.state)
            self._shown = self.state

    def apply(self, what: What, step: str, detail: Any) -> None:
        """Add a row to the sum."""
        self.state = STATE_CHANGES.get(what, self.state)
        match what:
            case What.BEGUN:
                self.begun.append(step)
            case What.DONE:
                self.results[step] = detail
                self.not_done.pop(step, None)
            case What.NOT_DONE:
                self.not_done[step] = detail
            case What.UNDONE:
                self.undone.append(step)
                self.not_undone.pop(step, None)
            case What.NOT_UNDONE:
                self.not_undone[step] = detail
            case What.COMPENSATING | What.FAILED:
                self.why = detail

    def fail(self, error: Exception) -> None:
        """Remember why the saga cannot be completed."""
        self.error = error
        self.why = words(error)
