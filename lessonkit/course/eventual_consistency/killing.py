"""Notebook 05: starts the real order service, kills it, and compares what is on the disk."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from lessonkit.database import Database

T = TypeVar("T")

# By its path: with ``-m`` each process would load the whole course first.
SERVICE = Path(__file__).with_name("order_service.py")


class Books(NamedTuple):
    """What two databases say of each other: how many of each there are that must not be."""

    no_event: int
    no_order: int
    not_once: int


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A process of its own, at work when this returns."""
    command = [sys.executable, str(SERVICE), str(folder), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "at work\n":
        raise RuntimeError("the order service has not started")
    return process


def start_and_kill(folder: Path, after: float) -> None:
    """Let it take orders for so many seconds, and kill it in the middle of its work."""
    with start(folder) as service:
        time.sleep(after)
        service.kill()  # SIGKILL; on Windows TerminateProcess


def finish(folder: Path) -> None:
    """Let a last process do what is left."""
    with start(folder, "finish"):
        pass


def compare_the_books(folder: Path) -> Books:
    """Count orders without an event, events without an order, and stock not taken just once."""
    with (
        closing(Database(folder / "orders.db")) as orders,
        closing(Database(folder / "stock.db")) as stock,
    ):
        saved = {row[0] for row in orders.execute("SELECT id FROM orders")}
        told = {row[0] for row in orders.execute("SELECT aggregate FROM outbox")}
        taken = Counter(row[0] for row in stock.execute("SELECT order_id FROM taken"))
    if not saved:
        raise RuntimeError("the order service has taken no order")
    once = [taken[id_] == 1 for id_ in saved | taken.keys()]
    return Books(len(saved - told), len(told - saved), once.count(False))


def in_a_folder(work: Callable[[Path], T]) -> T:
    """What ``work(folder)`` returns, in a folder that is gone afterwards."""
    with TemporaryDirectory() as name:
        return work(Path(name))
