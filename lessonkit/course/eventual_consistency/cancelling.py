"""A change and its event in one transaction, whatever step of it fails or is the last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, takewhile

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.mortal import Disk, Killed, new_disk
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.messages import N_, _

SHOP_TABLES = """
    CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT);
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, event_type TEXT, order_id TEXT);
    INSERT INTO orders VALUES ('O-1', 'CONFIRMED'), ('O-2', 'CONFIRMED'), ('O-3', 'CANCELLED');
    INSERT INTO outbox (event_type, order_id) VALUES ('OrderCancelled', 'O-3');
"""
ORDER, CANCELLED_BEFORE, UNKNOWN = "O-2", "O-3", "O-9"
NEITHER, BOTH = ("CONFIRMED", 0), ("CANCELLED", 1)

Books = dict[str, tuple[str, int]]
"""For each order its status, and how many OrderCancelled events it has."""

Cancel = Callable[[Disk, str], object]


@dataclass(frozen=True)
class _Trial:
    """The order is cancelled, something happens, and the caller cancels it again.

    ``left`` and ``end`` are the order's status and its events on the disk, after the first call and
    after the second.
    """

    what: str
    left: tuple[str, int]
    end: tuple[str, int]
    open: bool = False
    kept_quiet: bool = False

    @property
    def advice(self) -> str | None:
        if self.open:
            return _(
                "The error has left the function in the middle of a transaction, which is still"
                " open: the next commit writes the half. `with disk:` rolls back."
            )
        if self.kept_quiet and self.left == NEITHER:
            return _(
                "Nothing was written, and the caller was told nothing: the error was swallowed. Who"
                " does not know of it does not call again."
            )
        if self.kept_quiet and self.left != BOTH:
            return _(
                "The error was caught inside the transaction. So the `with` knows nothing of it,"
                " and commits what there is: the half. Let the error leave the `with`."
            )
        if self.left == ("CANCELLED", 0):
            return _(
                "The order is cancelled, and nobody will ever hear of it: its event was to come in"
                " a transaction of its own. How many transactions are there?"
            )
        if self.left == ("CONFIRMED", 1):
            return _(
                "The event is out, and the order still stands. To write the event first only turns"
                " the mistake around: both belong into one transaction."
            )
        if self.end[1] > 1:
            return _(
                "The caller got no answer and cancelled again. The order was cancelled already, and"
                " yet a second event was written. What does the order's status say before?"
            )
        if self.left not in (NEITHER, BOTH) or self.end != BOTH:
            return _(
                "After the call has been repeated, the order must be CANCELLED, with exactly one"
                " `OrderCancelled` event."
            )
        return None


def _judge_cancel(cancel: Cancel) -> Counterexample | None:
    return _explain_normal(cancel) or _explain_trials(cancel) or _explain_nothing_to_do(cancel)


def _books(disk: Disk) -> Books:
    rows = disk.look("SELECT id, status FROM orders ORDER BY id")
    books = {id_: (str(status), 0) for id_, status in rows}
    for event_type, id_ in disk.look("SELECT event_type, order_id FROM outbox ORDER BY id"):
        status, events = books.get(id_, ("-", 0))
        if event_type == "OrderCancelled":
            books[id_] = (status, events + 1)
        else:
            books[f"{event_type} {id_}"] = ("-", 1)
    return books


def _explain_normal(cancel: Cancel) -> Counterexample | None:
    with new_disk(SHOP_TABLES) as disk:
        before = _books(disk)
        disk.start_process()
        cancel(disk, ORDER)
        was_open = disk.in_transaction
        disk.start_process()
        after = _books(disk)
    found = after.get(ORDER, ("-", 0))
    if found == BOTH and after == {**before, ORDER: BOTH}:
        return None
    if found == NEITHER and was_open:
        advice = _(
            "Everything was written, and nothing was committed: when the process ended, it was"
            " gone. `with disk:` commits at its end."
        )
    elif found == NEITHER:
        advice = _("On a normal day, the order must be cancelled, and its event must be written.")
    elif found == BOTH:
        advice = _(
            "Something else was changed as well. One order, and one event `OrderCancelled` for it:"
            " is there a `WHERE`, and is the event named as in the starting cell?"
        )
    else:
        advice = _(
            "On a normal day, both must be there in the end: the status CANCELLED, and exactly one"
            " `OrderCancelled` event."
        )
    sentence = _("{order} was cancelled, and nothing went wrong. This is what the disk holds then:")
    return Counterexample(sentence.format(order=ORDER), advice, _books_table(after))


def _explain_trials(cancel: Cancel) -> Counterexample | None:
    kills = takewhile(bool, (_try(cancel, dies_after=step) for step in count(1)))
    errors = takewhile(bool, (_try(cancel, fails_at=step) for step in count(1)))
    trials = [trial for trial in (*kills, *errors) if trial is not None]
    failing = [trial for trial in trials if trial.advice is not None]
    if not failing:
        return None
    first = failing[0]
    sentence = _(
        "{order} is cancelled. In {failed} of {tried} cases it ends badly, first of all here:"
        " {what}."
    ).format(order=ORDER, failed=len(failing), tried=len(trials), what=first.what)
    picture = columns_html(
        {
            _("what happens"): [trial.what for trial in trials],
            _("then on the disk"): [_words(trial.left, trial.open) for trial in trials],
            _("after the call was repeated"): [_words(trial.end) for trial in trials],
            "": ["✗" if trial.advice else "✓" for trial in trials],
        }
    )
    return Counterexample(sentence, first.advice or "", picture)


def _words(found: tuple[str, int], is_open: bool = False) -> str:
    status, events = found
    words = _("{status}, events: {number}").format(status=status, number=events)
    still = _("transaction open")
    return f"{words} ({still})" if is_open else words


def _try(cancel: Cancel, **when: int) -> _Trial | None:
    """The process is killed after a step, or a step fails; None if there are no so many steps."""
    with new_disk(SHOP_TABLES) as disk:
        process = disk.start_process(**when)
        raised = False
        try:
            cancel(disk, ORDER)
        except Killed:
            pass
        except Exception:
            if not process.failed:
                raise
            raised = True
        if not process.dead and not process.failed:
            return None
        words = _("killed after {step}") if process.dead else _("an error in {step}")
        step = process.stopped_at
        is_open = not process.dead and disk.in_transaction
        if process.dead:
            disk.start_process()
        left = _books(disk).get(ORDER, ("-", 0))
        with suppress(Exception):  # to say that it is cancelled already would be all right
            cancel(disk, ORDER)
        disk.start_process()
        end = _books(disk).get(ORDER, ("-", 0))
    kept_quiet = process.failed and not raised
    return _Trial(words.format(step=step), left, end, is_open, kept_quiet)


def _explain_nothing_to_do(cancel: Cancel) -> Counterexample | None:
    cases = {
        CANCELLED_BEFORE: _(
            "Who cancels twice must not be announced twice. Write the event only if this call has"
            " changed the order."
        ),
        UNKNOWN: _(
            "There is an event for an order that does not exist. `UPDATE` raises no error if it"
            " finds no row: it just changes none. How many has it changed?"
        ),
    }
    for order, advice in cases.items():
        with new_disk(SHOP_TABLES) as disk:
            before = _books(disk)
            disk.start_process()
            with suppress(Exception):  # to say so with an error would be all right
                cancel(disk, order)
            disk.start_process()
            after = _books(disk)
        if after != before:
            sentence = _("{order} was to be cancelled. There was nothing to do, and yet:")
            return Counterexample(sentence.format(order=order), advice, _books_table(after))
    return None


def _books_table(books: Books) -> str:
    return columns_html(
        {
            _("order"): list(books),
            _("its status"): [status for status, _events in books.values()],
            _("OrderCancelled events"): [events for _status, events in books.values()],
        }
    )


cancel_in_one = Exercise(
    name="cancel_in_one",
    notebook="05-eventual-consistency",
    point=5,
    title=N_("Cancel an order, and say so, in one"),
    shown=N_("Both rows or none, and a second call does no harm."),
    starter="""
def cancel_order(disk, order_id):
    with disk:
        disk.execute("UPDATE orders SET status = 'CANCELLED' WHERE id = ?", (order_id,))
    with disk:
        disk.execute(
            "INSERT INTO outbox (event_type, order_id) VALUES ('OrderCancelled', ?)", (order_id,)
        )
""",
    asks=("cancel_order",),
    judge=_judge_cancel,
    hints=(
        N_("What is on the disk when the process dies between the two `with` blocks?"),
        N_(
            "Put both statements into one `with disk:`. They are committed together at its end, or"
            " rolled back together when an error leaves it."
        ),
        N_(
            "The caller may repeat the call. Let the UPDATE find only an order that still has to be"
            " cancelled: `... WHERE id = ? AND status <> 'CANCELLED'`."
        ),
        N_(
            "`disk.execute(...)` returns a cursor. Its `rowcount` is how many rows the UPDATE has"
            " changed: write the event only if that is 1."
        ),
    ),
    answer="""
def cancel_order(disk, order_id):
    with disk:
        changed = disk.execute(
            "UPDATE orders SET status = 'CANCELLED' WHERE id = ? AND status <> 'CANCELLED'",
            (order_id,),
        )
        if changed.rowcount:  # not if it was cancelled before, or does not exist
            disk.execute(
                "INSERT INTO outbox (event_type, order_id) VALUES ('OrderCancelled', ?)",
                (order_id,),
            )
""",
)
