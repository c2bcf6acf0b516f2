"""Processes that work until they are killed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

PRELOADED: Final = [
    f"lessonkit.real.{name}"
    for name in ("kills", "queues", "rabbitmq_kills", "saga_kills", "travel")
]


@contextmanager
def process(main: Callable[..., None], *args: Any) -> Iterator[Any]:
    """Run ``main(*args, ready)`` in a process of its own, and kill it (SIGKILL) at the end.

    The ``with`` block begins when it has said something on ``ready``, a pipe: ``victim.said``.

    Raises
    ------
    RuntimeError
        If it has ended by itself.
    """
    # A fork of a process that has imported everything begins at once. Windows has no such thing.
    context: Any = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    victim = context.Process(target=_until_alone, args=(main, *args, theirs), daemon=True)
    victim.start()
    theirs.close()
    try:
        try:
            victim.said = ours.recv()
            yield victim
            at_work = victim.is_alive()
        except EOFError:
            at_work = False
        if not at_work:
            raise RuntimeError(f"{main.__name__} has ended by itself; what it said is on stderr")
    finally:
        victim.kill()
        victim.join()
        ours.close()


def _until_alone(main: Callable[..., None], *args: Any) -> None:
    """Do ``main``, and end when whoever would kill us was killed."""
    parent: Any = multiprocessing.parent_process()

    def end_with_our_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_our_parent, daemon=True).start()
    main(*args)
