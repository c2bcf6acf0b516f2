"""The steps of a saga as a workflow of DBOS: the same :class:`Step`, somebody else's log.

DBOS writes down what each step has returned, in a SQLite file (or in PostgreSQL). When the process
dies, the next one that is launched goes through the workflow again: a step that has been written
down is not done again, its result is read. A step that had its effect, and was not written down
yet, *is* done again. No log can help that, because the effect and the note are two places; the
step's idempotency key does.

https://docs.dbos.dev/architecture
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lessonkit.database import DatabaseUnavailable
from lessonkit.patterns.saga.progress import SagaState, Step, check_steps
from lessonkit.real.extra import need
from lessonkit.shop.errors import ShopError

dbos = need("dbos")

UNTIL_DONE: Final = {"retries_allowed": True, "max_attempts": 10, "interval_seconds": 0.1}
"""How DBOS tries a step that must not fail: a compensation, and what comes after the pivot."""
Workflow = Callable[[Any], Awaitable[str]]


def on_dbos(steps: Sequence[Step]) -> Workflow:
    """The saga of these steps, as a workflow that takes the command.

    It is to be made before DBOS is launched, and has the same name in each process: by the name,
    the next process finds what the last one has left.

    Raises
    ------
    TypeError, ValueError
        If they are none.
    """
    check_steps(steps)

    async def saga(command: Any) -> str:
        begun: list[Step] = []
        options: dict[str, Any] = {}
        for step in steps:
            begun.append(step)
            try:
                await dbos.DBOS.run_step_async({"name": step.name, **options}, step.action, command)
            except ShopError:
                if not step.optional:
                    await undo(begun, command)
                    return SagaState.COMPENSATED.value
            if step.pivot:
                options = UNTIL_DONE
        return SagaState.COMPLETED.value

    async def undo(begun: list[Step], command: Any) -> None:
        for step in reversed(begun):
            if step.compensation is not None:
                undone = {"name": f"undo {step.name}", **UNTIL_DONE}
                await dbos.DBOS.run_step_async(undone, step.compensation, command)

    workflow: Workflow = dbos.DBOS.workflow(name="order")(saga)
    return workflow


@contextmanager
def launched(folder: Path, steps: Sequence[Step]) -> Iterator[Workflow]:
    """DBOS with its log in ``folder``; the sagas that a dead process has left, it goes on with.

    Raises
    ------
    TypeError, ValueError
        If the steps are none.
    DatabaseUnavailable
        If the log cannot be used.
    """
    path = folder / "dbos.sqlite"
    event, every = need("sqlalchemy").event, (need("sqlalchemy").Engine, "connect", tell_the_time)
    # No conductor, no telemetry: nothing listens, nothing is sent. And one version for all
    # processes, because DBOS goes on only with the workflows of its own version.
    dbos.DBOS(
        config={
            "name": "shop",
            "system_database_url": f"sqlite:///{path}",
            "application_version": "1",
            "log_level": "ERROR",
        }
    )

    event.listen(*every)
    try:
        saga = on_dbos(steps)
        dbos.DBOS.launch()
        yield saga
    except need("sqlalchemy").exc.DBAPIError as error:
        raise DatabaseUnavailable(
            f"the log {str(path)!r} cannot be used ({error.orig}); its folder must exist and be"
            " writable, and have room; or move the file away"
        ) from error
    finally:
        dbos.DBOS.destroy(destroy_registry=True)
        event.remove(*every)


def tell_the_time(connection: Any, _: object) -> None:
    """Let an SQLite before 3.42 know ``unixepoch('subsec')``: from Python 3.12 on DBOS asks so."""
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda subsec: time.time())
