"""A change and its event in one transaction, whatever step of it fails or is the last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count, takewhile

from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.mortal import Disk, Killed, Storage
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import N_, _

# The event of O-3 was published long ago, and the relay has deleted it.
SHOP_TABLES = """
    CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT);
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, event_type TEXT, order_id TEXT);
    INSERT INTO orders VALUES ('O-1', 'CONFIRMED'), ('O-2', 'PENDING'), ('O-3', 'CANCELLED');
    INSERT INTO outbox (event_type, order_id) VALUES ('OrderConfirmed', 'O-1');
"""
TO_CANCEL, NOTHING_TO_CANCEL, DONE = ("O-1", "O-2"), ("O-3", "O-9"), ("CANCELLED", 1)
SENTENCES = {
    "": N_("Cancelling {run.order}: nothing fails. This is on the disk then:"),
    "dies_after": N_("Cancelling {run.order}: killed after {run.step}, and then called again."),
    "fails_at": N_("Cancelling {run.order}: an error in {run.step}, and then called again."),
    "pauses_after": N_("Cancelling {run.order}: another call comes after {run.step} of the first."),
}

Books = dict[str, tuple[str, int]]
"""The status of each order and its OrderCancelled events; and each other event by itself."""


@dataclass
class _Run:
    """An order is cancelled, something happens, and it is cancelled again: the books meanwhile."""

    order: str
    trouble: str
    before: Books
    left: Books = field(default_factory=dict)
    end: Books = field(default_factory=dict)
    step: str = ""
    is_open: bool = False
    raised: bool = False

    @property
    def sentence(self) -> str:
        return SENTENCES[self.trouble]

    @property
    def should(self) -> Books:
        return self.before | ({self.order: DONE} if self.order in TO_CANCEL else {})

    @property
    def is_half(self) -> bool:
        status, events = self.left.get(self.order, ("", 0))
        return self.order in TO_CANCEL and (status == "CANCELLED") != (events > 0)


def _runs(program: Program) -> Iterator[_Run]:
    for trouble, orders in (
        ("", TO_CANCEL),
        ("dies_after", TO_CANCEL),
        ("fails_at", TO_CANCEL),
        ("", NOTHING_TO_CANCEL),
        ("pauses_after", TO_CANCEL),
    ):
        for order in orders:
            runs = map(partial(_cancel, program, order, trouble), count(1))
            yield from takewhile(bool, runs)


def _cancel(program: Program, order: str, trouble: str, step: int) -> _Run | None:
    """None if the call has no so many steps."""
    with Storage(SHOP_TABLES) as storage:

        def another_process_calls() -> None:
            with suppress(Killed, Exception):  # it may say that there is nothing to do
                program.start()(storage.start_process(), order)

        run, cancel = _Run(order, trouble, _books(storage)), program.start()
        when = {trouble: step} if trouble else {}
        disk = storage.start_process(meanwhile=another_process_calls, **when)
        if order in NOTHING_TO_CANCEL:  # a connection may have done something before
            cancel(disk, TO_CANCEL[0])
            run.before = _books(storage)
        try:
            cancel(disk, order)
        except Killed:
            pass
        except Exception:
            if not trouble and order in TO_CANCEL:
                raise
            run.raised = True
        process = disk.process
        if not (process.dead or process.failed or process.paused or (trouble == "" and step == 1)):
            return None
        run.step, run.is_open = process.stopped_at, disk.in_transaction
        if trouble == "fails_at":  # the process lives on, and so does what it remembers
            run.left = _books(storage)
            with suppress(Exception):
                cancel(disk, order)
        disk.close()
        run.left = run.left or _books(storage)
        if trouble in ("dies_after", "pauses_after"):
            another_process_calls()
        run.end = _books(storage)
    return run


def _books(storage: Storage) -> Books:
    orders = storage.look("SELECT id, status FROM orders ORDER BY id")
    events = Counter(storage.look("SELECT event_type, order_id FROM outbox ORDER BY id"))
    books = {order: (status, events.pop(("OrderCancelled", order), 0)) for order, status in orders}
    return books | {f"{kind} {order}": ("–", number) for (kind, order), number in events.items()}


def _picture(run: _Run) -> str:
    rows = [
        (order, *(_words(books.get(order)) for books in (run.before, run.left, run.end)))
        for order in run.before | run.left | run.end
    ]
    return rows_html([_("order"), _("before"), _("after that"), _("in the end")], rows)


def _words(found: tuple[str, int] | None) -> str:
    return _("{0}, events: {1}").format(*found) if found else "–"


ADVICE = advice(
    __name__,
    "cancel_in_one",
    is_wrong=lambda run: run.end != run.should,
    is_as_before=lambda run: run.end == run.before,
    changes_other_things=lambda run: (
        run.should != run.before and (not run.trouble or run.end.get(run.order) == DONE)
    ),
    changes_without_need=lambda run: run.order in NOTHING_TO_CANCEL and run.end != run.before,
    hides_the_error=lambda run: (
        run.trouble == "fails_at" and not run.raised and run.left != run.should
    ),
    is_announced_twice=lambda run: run.end.get(run.order, DONE)[1] > 1,
    has_two_callers=lambda run: run.trouble == "pauses_after",
)


def _judge_cancel(cancel: Callable[[Disk, str], object]) -> Counterexample | None:
    return first_counterexample(_runs(Program(cancel)), ADVICE, _picture)


cancel_in_one = exercise(__name__, "cancel_in_one", _judge_cancel)
