"""Notebook 05: polling that waits politely, a change with its event, a relay that may be killed."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, pairwise, takewhile
from math import inf
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.faults import stream
from lessonkit.messages import N_, _
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.polling import poll_until
from lessonkit.shop import NoReply, ServiceRefused

# --- poll politely -------------------------------------------------------------------------------

MOST_LATE = 10.0
"""So many seconds after the confirmation the customer has to know of it, at the latest."""

DEADLINE = 60.0
"""After so many seconds the customer is told that nobody knows."""

MOST_QUESTIONS = 30
"""Who asks more often than that within the deadline is a burden."""

CLIENTS = 300
"""So many lose their answer at the same moment."""

MOST_AT_ONCE = CLIENTS // 2
"""Questions in one second, from ``SPREAD_FROM`` on."""

SPREAD_FROM = 5

ANSWER_TAKES = 0.02
PATIENCE = 3 * DEADLINE
SHOWN = 14

Wait = Callable[..., Awaitable[object]]


class _Client:
    """Answers with the status of an order that is confirmed at some moment, or never."""

    def __init__(self, confirmed_at: float) -> None:
        self.confirmed_at = confirmed_at
        self.asked: list[float] = []
        self.answers: list[str] = []

    async def get_status(self, order_id: str) -> str:
        clock = asyncio.get_running_loop().time
        self.asked.append(clock())
        await asyncio.sleep(ANSWER_TAKES)
        status = "CONFIRMED" if clock() >= self.confirmed_at else "PENDING"
        self.answers.append(status)
        return status


@dataclass(frozen=True)
class _Waited:
    """One client's wait: what came of it and when; ``ended`` is infinite if it still waits."""

    client: _Client
    ended: float
    returned: object = None
    error: BaseException | None = None


def _let_wait(
    wait: Wait, confirmed_at: float = inf, clients: int = 1, seed: int = 0
) -> list[_Waited]:
    """Let so many clients wait from the same moment on, each with random numbers of its own."""

    async def one(number: int) -> _Waited:
        client = _Client(confirmed_at)
        answer = wait(client, "O-001", stream(seed + number, "client"))
        task = asyncio.ensure_future(answer)
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            task.cancel()
            return _Waited(client, inf)
        ended = asyncio.get_running_loop().time()
        if (error := task.exception()) is not None:
            return _Waited(client, ended, error=error)
        return _Waited(client, ended, task.result())

    async def everybody() -> list[_Waited]:
        return await asyncio.gather(*[one(number) for number in range(clients)])

    herd: list[_Waited] = run_briefly(everybody()).result
    return herd


def _judge_polling(wait: Wait) -> Counterexample | None:
    with _known_dice():
        for confirmed_at in (0.0, 4.0, 20.0, 33.0, 47.0):
            for seed in range(4):
                (waited,) = _let_wait(wait, confirmed_at, seed=seed)
                if (found := _explain_confirmed(waited)) is not None:
                    return found
        for seed in range(8):
            (waited,) = _let_wait(wait, seed=seed)
            if (found := _explain_never(waited)) is not None:
                return found
        return _explain_herd(_let_wait(wait, clients=CLIENTS)) or _explain_dice(wait)


@contextmanager
def _known_dice() -> Iterator[None]:
    """Whoever rolls the dice of the module ``random`` gets the same ones in each check."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def _explain_confirmed(waited: _Waited) -> Counterexample | None:
    _raise_unless_timeout(waited)
    late = min(waited.ended, PATIENCE) - waited.client.confirmed_at
    if waited.error is not None:
        sentence = _(
            "The order was confirmed after {at:g} s. The client gave up after {end:.1f} s."
        )
        advice = _(
            "It gives up too early. The customer is willing to wait for a minute: stop when the"
            " minute is over, not after a number of questions."
        )
    elif late > MOST_LATE + 0.5:
        sentence = _(
            "The order was confirmed after {at:g} s. The customer learned of it {late:.0f} s later."
        )
        if waited.ended == inf:
            sentence = _(
                "The order was confirmed after {at:g} s. {late:.0f} s later, the customer still did"
                " not know of it."
            )
        advice = _(
            "The delays grow without end, and the answer waits until the client asks again. No"
            " delay may be longer than ten seconds: it needs a cap."
        )
    elif waited.returned != "CONFIRMED":
        sentence = _("The order was confirmed after {at:g} s. What came back was {returned!r:.40}.")
        advice = _("As soon as the status is no longer PENDING, return it.")
    else:
        return None
    sentence = sentence.format(
        at=waited.client.confirmed_at, end=waited.ended, late=late, returned=waited.returned
    )
    return Counterexample(sentence, advice, _questions(waited))


def _raise_unless_timeout(waited: _Waited) -> None:
    if waited.error is not None and not isinstance(waited.error, TimeoutError):
        raise waited.error


def _explain_never(waited: _Waited) -> Counterexample | None:
    _raise_unless_timeout(waited)
    client = waited.client
    asked = sum(moment <= DEADLINE for moment in client.asked)
    last = client.asked[-1] + ANSWER_TAKES if client.asked else 0.0
    values = {"number": asked, "end": waited.ended, "last": last, "returned": waited.returned}
    if asked > MOST_QUESTIONS:
        sentence = _("The order is not confirmed, and one client asks {number} times in a minute.")
        advice = _(
            "That is hammering: the service is kept busy by questions. Begin with a second, and let"
            " the delay grow from question to question."
        )
    elif waited.ended == inf:
        sentence = _(
            "The order is never confirmed, and after three minutes the client still waits."
        )
        advice = _(
            "It waits for ever. After a minute at the latest it must raise a `TimeoutError`. What"
            " counts is the time of the run, `get_running_loop().time()`: a real clock stands"
            " almost still meanwhile."
        )
    elif waited.error is None:
        sentence = _(
            "The order is never confirmed, and {returned!r:.40} comes back after {end:.0f} s."
        )
        advice = _(
            "Whoever gets this takes it for an answer. That nobody knows is no status: raise a"
            " `TimeoutError`."
        )
    elif waited.ended > DEADLINE + 1:
        sentence = _("The order is never confirmed. The customer learns that after {end:.0f} s.")
        advice = _(
            "That is longer than a minute. A number of attempts does not limit the time: remember"
            " when you began, and look at the clock before you wait again."
        )
    elif waited.ended - last > 0.5:
        sentence = _(
            "The last question was answered after {last:.1f} s, and the wait ended after"
            " {end:.1f} s."
        )
        advice = _(
            "After the last question nobody asks any more, so that wait is for nothing. Look"
            " before each wait: if the next question would come too late, raise the error now."
        )
    else:
        return None
    return Counterexample(sentence.format(**values), advice, _questions(waited))


def _explain_herd(herd: list[_Waited]) -> Counterexample | None:
    crowd = _per_second(herd)
    most = max(crowd[SPREAD_FROM:])
    if most <= MOST_AT_ONCE:
        return None
    sentence = _(
        "{clients} clients lost their answer at the same moment. {most} of them ask in the same"
        " second, second {second}."
    ).format(clients=CLIENTS, most=most, second=crowd.index(most, SPREAD_FROM))
    first, second = herd[0].client.asked, herd[1].client.asked
    delays = [round(after - before, 6) for before, after in pairwise(first)]
    if first != second:
        advice = _(
            "The delays differ, but by too little: the crowd stays a crowd. Let each client wait"
            " for a random time between 0 and the delay."
        )
    elif delays[:-1] == sorted(delays[:-1]):
        advice = _(
            "They all wait the same delays, and so they all come back together. Chance is missing:"
            " the jitter."
        )
    else:
        advice = _(
            "The delays look random, but they are the same for every client: each begins with the"
            " same dice. Each client has been given dice of its own: `rng`."
        )
    return Counterexample(sentence, advice, _crowd_chart(crowd))


def _explain_dice(wait: Wait) -> Counterexample | None:
    (one,), (other,) = _let_wait(wait), _let_wait(wait)
    if one.client.asked == other.client.asked:
        return None
    sentence = _("The same client with the same `rng` asked at other moments the second time.")
    advice = _(
        "The randomness must come from `rng`, and from nowhere else. Then a run can be repeated"
        " when something went wrong in it: the module `random` gives other numbers each time."
    )
    picture = _table(
        {
            _("question number"): range(1, 7),
            _("first run (s)"): _seconds(one.client.asked),
            _("second run (s)"): _seconds(other.client.asked),
        }
    )
    return Counterexample(sentence, advice, picture)


def _seconds(moments: list[float]) -> list[str]:
    return ([f"{moment:.2f}" for moment in moments] + [""] * 6)[:6]


def _per_second(herd: list[_Waited]) -> list[int]:
    asked = Counter(int(moment) for waited in herd for moment in waited.client.asked)
    return [asked[second] for second in range(int(DEADLINE))]


def _crowd_chart(crowd: list[int]) -> str:
    from lessonkit.lab import charts

    async def with_jitter(client: _Client, order_id: str, rng: random.Random) -> object:
        polite = Backoff(base=1, cap=MOST_LATE)
        return await poll_until(
            lambda: client.get_status(order_id),
            lambda status: status != "PENDING",
            attempts=100,
            backoff=polite,
            deadline=DEADLINE,
            rng=rng,
        )

    spread = _per_second(_let_wait(with_jitter, clients=CLIENTS))
    return charts.lines(
        list(range(len(crowd))),
        {_("your clients"): crowd, _("spread out by chance"): spread},
        title=_("Questions per second; the order is not confirmed"),
        xlabel=_("time (s)"),
        ylabel=_("questions"),
    )


def _questions(waited: _Waited) -> str:
    """A client's questions and their answers, as a table."""
    asked, answers = waited.client.asked, waited.client.answers
    rows = [
        (str(number), f"{moment:.2f}", answer)
        for number, (moment, answer) in enumerate(zip(asked, answers, strict=False), 1)
    ]
    if len(rows) > SHOWN:
        rows = [*rows[: SHOWN - 2], ("…", "…", "…"), rows[-1]]
    ended = f"{waited.ended:.2f}"
    if waited.ended == inf:
        rows.append(("", f"{PATIENCE:.2f}", _("still waiting")))
    elif waited.error is not None:
        rows.append(("", ended, type(waited.error).__name__))
    else:
        rows.append(("", ended, _("returned: {value}").format(value=repr(waited.returned)[:40])))
    heads = (_("question number"), _("asked after (s)"), _("answer"))
    return _table(dict(zip(heads, zip(*rows, strict=True), strict=True)))


def _table(columns: dict[str, Iterable[object]]) -> str:
    import pandas as pd

    from lessonkit.lab import table

    return table(pd.DataFrame({head: list(cells) for head, cells in columns.items()})).html


polite_polling = Exercise(
    name="polite_polling",
    notebook="05-eventual-consistency",
    point=4,
    title=N_("Poll politely"),
    starter="""
async def wait_for_confirmation(client, order_id, rng):
    delay = 1.0
    while True:
        status = await client.get_status(order_id)
        if status != "PENDING":
            return status
        await sleep(delay)
        delay *= 2
""",
    asks=("wait_for_confirmation",),
    judge=_judge_polling,
    hints=(
        N_(
            "Four things are missing: a longest delay, a deadline, no wait after the last question,"
            " and chance."
        ),
        N_(
            "`min(..., 10.0)` keeps a delay below ten seconds. And remember at the start what time"
            " it is: `get_running_loop().time()`."
        ),
        N_(
            "Do not wait for `delay` itself, but for a random part of it: `rng.uniform(0, delay)`."
            " Roll the dice once per question, and keep the number."
        ),
        N_(
            "Before you sleep: if the time since the start plus this wait is more than 60 seconds,"
            " `raise TimeoutError`."
        ),
    ),
    answer="""
async def wait_for_confirmation(client, order_id, rng):
    clock = get_running_loop().time
    start = clock()
    delay = 1.0
    while True:
        status = await client.get_status(order_id)
        if status != "PENDING":
            return status
        wait = rng.uniform(0, delay)
        if clock() - start + wait > 60:  # nobody would ask after this wait
            raise TimeoutError("the order was not confirmed within a minute")
        await sleep(wait)
        delay = min(2 * delay, 10.0)
""",
)

# --- a process that dies, and a disk that outlives it --------------------------------------------


class _Killed(BaseException):
    """The process is gone: none of its ``except`` and ``finally`` can do anything any more."""


@dataclass
class _Process:
    """Dies after one of the things it does, or has one of them fail.

    Attributes
    ----------
    dies_after, fails_at
        Which one, counted from 1; 0 for none.
    done
        What it has done so far.
    """

    dies_after: int = 0
    fails_at: int = 0
    done: list[str] = field(default_factory=list)
    dead: bool = False
    failed: bool = False

    @property
    def stopped_at(self) -> str:
        """The step after which it died, or that failed."""
        number = self.dies_after or self.fails_at
        return _("step {number} ({done})").format(number=number, done=self.done[number - 1])

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Do it in the ``with`` block. To die before it would be to die after the one before."""
        if self.dead:
            raise _Killed
        self.done.append(what)
        if len(self.done) == self.fails_at:
            self.failed = True
            raise sqlite3.OperationalError("disk I/O error")
        yield
        if len(self.done) == self.dies_after:
            self.dead = True
            raise _Killed


class _Cursor(sqlite3.Cursor):
    connection: _Disk

    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:
        with self.connection.process.doing(_short(sql)):
            super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> _Cursor:
        with self.connection.process.doing(_short(sql)):
            super().executemany(sql, parameters)
        return self


class _Disk(sqlite3.Connection):
    """A connection that tells its process of everything it does. The tables outlive the process."""

    process = _Process()

    def cursor(self, _factory: object = None) -> _Cursor:  # type: ignore[override]
        return super().cursor(_Cursor)

    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> _Cursor:
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        raise NotImplementedError("this disk takes one statement at a time: disk.execute(...)")

    def commit(self) -> None:
        with self.process.doing("COMMIT"):
            super().commit()

    def __exit__(self, kind: object, _error: object, _traceback: object, /) -> Any:
        if kind is not None:
            self.rollback()
            return False
        try:
            self.commit()
        except sqlite3.Error:
            self.rollback()
            raise
        return False

    def start_process(self, *, dies_after: int = 0, fails_at: int = 0) -> _Process:
        """What was not committed is lost with the process before; a new one starts."""
        self.rollback()
        self.process = _Process(dies_after, fails_at)
        return self.process


@contextmanager
def _new_disk(tables: str) -> Iterator[_Disk]:
    with closing(sqlite3.connect(":memory:", factory=_Disk)) as disk:
        sqlite3.Connection.executescript(disk, tables)
        yield disk


def _short(sql: object) -> str:
    words = str(sql).split()
    return " ".join(words if len(words) <= 3 else [*words[:3], "…"])


# --- a change and its event in one transaction ---------------------------------------------------

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

Cancel = Callable[[_Disk, str], object]


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


def _books(disk: _Disk) -> Books:
    rows = sqlite3.Connection.execute(disk, "SELECT id, status FROM orders ORDER BY id")
    books = {id_: (str(status), 0) for id_, status in rows.fetchall()}
    rows = sqlite3.Connection.execute(disk, "SELECT event_type, order_id FROM outbox ORDER BY id")
    for event_type, id_ in rows.fetchall():
        status, events = books.get(id_, ("-", 0))
        if event_type == "OrderCancelled":
            books[id_] = (status, events + 1)
        else:
            books[f"{event_type} {id_}"] = ("-", 1)
    return books


def _explain_normal(cancel: Cancel) -> Counterexample | None:
    with _new_disk(SHOP_TABLES) as disk:
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
    picture = _table(
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
    with _new_disk(SHOP_TABLES) as disk:
        process = disk.start_process(**when)
        raised = False
        try:
            cancel(disk, ORDER)
        except _Killed:
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
        with _new_disk(SHOP_TABLES) as disk:
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
    return _table(
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

# --- a relay that may be killed ------------------------------------------------------------------

EVENTS = [f"E-{number:02}" for number in range(1, 13)]
BATCH = 10

# Without ORDER BY the order of the rows is left to the database. This one takes the liberty.
OUTBOX_TABLE = """
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, body TEXT, published INTEGER DEFAULT 0);
    PRAGMA reverse_unordered_selects = ON;
"""

RelayBatch = Callable[..., Awaitable[object]]


@dataclass
class _Deliveries:
    """What a relay has published until nothing was left to do, in one life or in two.

    Attributes
    ----------
    attempts
        In their order: in which life, which event, and whether it went out.
    killed_after
        The last step of the first life, if it was killed.
    per_call
        How many events each call of the first life has published.
    unmarked
        The events that have no mark in the end.
    """

    attempts: list[tuple[int, object, bool]] = field(default_factory=list)
    killed_after: str = ""
    per_call: list[int] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[object]:
        return [body for _life, body, out in self.attempts if out]

    @property
    def lost(self) -> list[str]:
        return [body for body in EVENTS if body not in self.sent]

    @property
    def twice(self) -> list[str]:
        return [body for body, times in Counter(self.sent).items() if times > 1]  # type: ignore[misc]

    @property
    def in_order(self) -> bool:
        return list(dict.fromkeys(self.sent)) == [b for b in EVENTS if b in self.sent]


def _deliver(
    relay_batch: RelayBatch, *, dies_after: int = 0, fails: str = "", error: type = ServiceRefused
) -> _Deliveries:
    """Let the relay work until all is published; if it is killed, a new one goes on.

    Parameters
    ----------
    dies_after
        Kill it after so many things that it has done.
    fails, error
        This event fails: with ServiceRefused five times, with NoReply once, after it went out.
    """
    found = _Deliveries()
    failures = [error("broker")] * (5 if error is ServiceRefused else 1) if fails else []

    async def publish(body: object) -> None:
        await asyncio.sleep(0.05)
        failure = failures.pop() if body == fails and failures else None
        with disk.process.doing(_("publish {event}").format(event=body)):
            out = not isinstance(failure, ServiceRefused)
            found.attempts.append((2 if found.killed_after else 1, body, out))
        if failure is not None:
            raise failure

    async def live() -> None:
        for _call in range(12):
            before = len(found.sent)
            with suppress(ServiceRefused, NoReply):
                await relay_batch(disk, publish)
            found.per_call.append(len(found.sent) - before)
            if not _unmarked(disk):
                return
            await asyncio.sleep(1)

    async def live_or_die() -> None:
        with suppress(_Killed):
            await live()

    with _new_disk(OUTBOX_TABLE) as disk:
        rows = [(body,) for body in EVENTS]
        sqlite3.Connection.executemany(disk, "INSERT INTO outbox (body) VALUES (?)", rows)
        sqlite3.Connection.commit(disk)
        process = disk.start_process(dies_after=dies_after)
        lived = run_briefly(live_or_die())
        if process.dead:
            found.killed_after = process.stopped_at
            disk.start_process()
            lived = run_briefly(live())
        if lived.error is not None:
            raise lived.error
        disk.start_process()
        found.unmarked = _unmarked(disk)
    return found


def _unmarked(disk: _Disk) -> list[str]:
    select = "SELECT body FROM outbox WHERE NOT published ORDER BY id"
    return [body for (body,) in sqlite3.Connection.execute(disk, select).fetchall()]


def _judge_relay(relay_batch: RelayBatch) -> Counterexample | None:
    found = _explain_quiet_day(_deliver(relay_batch))
    return found or _explain_kills(relay_batch) or _explain_failures(relay_batch)


def _explain_quiet_day(found: _Deliveries) -> Counterexample | None:
    if not any(found.per_call):
        advice = _("Nothing is published. Each event has to go through `await publish(body)`.")
    elif not found.in_order:
        advice = _(
            "The events come out of order. Without `ORDER BY`, a database gives the rows in any"
            " order it likes; this one likes the newest first."
        )
    elif found.unmarked and len(found.sent) <= len(EVENTS):
        advice = _(
            "The marks were written, but not committed: when the process ended, they were gone. The"
            " next one will publish everything once more."
        )
    elif found.unmarked or found.twice:
        advice = _(
            "What is published needs a mark, `published = 1`, or the next call publishes it again."
        )
    elif found.per_call[:2] != [BATCH, len(EVENTS) - BATCH]:
        advice = _(
            "One call takes the first ten events that are not published yet: not more, and not"
            " fewer if there are ten."
        )
    elif found.lost:
        advice = _("Not every event is published, though nothing went wrong.")
    else:
        return None
    sentence = _(
        "Twelve events are waiting, and nothing goes wrong. The relay is called every second."
        " Published per call: {calls}."
    )
    calls = ", ".join(map(str, found.per_call[:4])) + (", …" if len(found.per_call) > 4 else "")
    return Counterexample(sentence.format(calls=calls), advice, _delivery_table(found))


def _explain_kills(relay_batch: RelayBatch) -> Counterexample | None:
    tried: list[_Deliveries] = []
    for moment in count(1):
        found = _deliver(relay_batch, dies_after=moment)
        if not found.killed_after:
            break
        tried.append(found)
    for found in tried:
        if found.lost:
            advice = _(
                "It was marked, and then the process died before it was published: nobody will look"
                " at it again. Which of the two has to come first?"
            )
            problem = _("Never published: {events}.").format(events=_shortened(found.lost))
        elif not found.in_order:
            advice = _(
                "The events come out of order. Publish one, wait until it is out, and only then the"
                " next."
            )
            problem = _("The events did not come in the order of their rows.")
        else:
            continue
        return _killed(found, problem, advice)
    worst = max(tried, key=lambda found: len(found.twice))
    if len(worst.twice) > 1:
        advice = _(
            "Published and not yet marked: the new process cannot know, and publishes it again. One"
            " such event is not to be avoided. More are, if each is marked before the next goes"
            " out."
        )
        problem = _("Published twice: {events}.").format(events=_shortened(worst.twice))
        return _killed(worst, problem, advice)
    return None


def _killed(found: _Deliveries, problem: str, advice: str) -> Counterexample:
    words = _("The relay was killed after {step}. A new one went on. {problem}")
    sentence = words.format(step=found.killed_after, problem=problem)
    return Counterexample(sentence, advice, _delivery_table(found))


def _explain_failures(relay_batch: RelayBatch) -> Counterexample | None:
    for error in (ServiceRefused, NoReply):
        for event in (EVENTS[0], EVENTS[2], EVENTS[-1]):
            found = _deliver(relay_batch, fails=event, error=error)
            if found.lost:
                advice = _(
                    "The attempt failed, and the event was marked all the same. The mark says that"
                    " it is published: set it only after `publish` has returned."
                )
            elif not found.in_order or found.sent != sorted(map(str, found.sent)):
                advice = _(
                    "The event that failed was overtaken. Whoever hears of an order first that it"
                    " is paid, and then that it exists, cannot make sense of it. Until this event"
                    " is out, the later ones have to wait."
                )
            elif found.unmarked or len(found.sent) > len(EVENTS) + 1:
                advice = _("In the end each event must be published and marked, this one as well.")
            else:
                continue
            if error is ServiceRefused:
                sentence = _("The broker refuses {event} five times, then it takes it.")
            else:
                sentence = _("{event} went out, but the broker's reply was lost, once.")
            return Counterexample(sentence.format(event=event), advice, _delivery_table(found))
    return None


def _delivery_table(found: _Deliveries) -> str:
    """Each event, and as which attempt of which process it was published."""
    lives = {1: _("attempt number")}
    if found.killed_after:
        lives = {1: _("first process, attempt number"), 2: _("second process, attempt number")}
    cells: dict[tuple[str, int], list[str]] = {}
    for number, (life, body, out) in enumerate(found.attempts, 1):
        cell = cells.setdefault((str(body), life), [])
        cell.append(str(number) if out else _("{number} (refused)").format(number=number))
    columns: dict[str, Iterable[object]] = {_("event"): EVENTS}
    for life, head in lives.items():
        columns[head] = [_shortened(cells.get((event, life), [])) for event in EVENTS]
    columns[""] = [_what_became_of(event, found.sent) for event in EVENTS]
    return _table(columns)


def _shortened(numbers: list[str]) -> str:
    return ", ".join(numbers if len(numbers) <= 6 else [*numbers[:5], "…"])


def _what_became_of(event: str, sent: list[object]) -> str:
    if event not in sent:
        return "✗ " + _("never")
    if any(str(other) > event for other in sent[: sent.index(event)]):
        return "✗ " + _("overtaken")
    times = sent.count(event)
    return "✓" if times == 1 else _("{times} times").format(times=times)


relay_safe = Exercise(
    name="relay_safe",
    notebook="05-eventual-consistency",
    point=5,
    title=N_("A relay that may be killed at any moment"),
    starter="""
async def relay_batch(disk, publish):
    rows = disk.execute(
        "SELECT id, body FROM outbox WHERE NOT published ORDER BY id LIMIT 10"
    ).fetchall()
    with disk:
        for id_, _ in rows:
            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))
    for _, body in rows:
        with suppress(ServiceRefused, NoReply):
            await publish(body)
""",
    asks=("relay_batch",),
    judge=_judge_relay,
    hints=(
        N_("What does a mark say when the process dies right after it: that the event is out?"),
        N_(
            "Publish first, then mark. And mark each event by itself, before the next one goes out:"
            " a `with disk:` for every row."
        ),
        N_(
            "If `publish` raises an error, this event gets no mark, and no later one may go out"
            " before it. The next call comes in a second and begins with it."
        ),
        N_("One loop: `await publish(body)`; on an error `return`; else `with disk:` the mark."),
    ),
    answer="""
async def relay_batch(disk, publish):
    rows = disk.execute(
        "SELECT id, body FROM outbox WHERE NOT published ORDER BY id LIMIT 10"
    ).fetchall()
    for id_, body in rows:
        try:
            await publish(body)
        except (ServiceRefused, NoReply):
            return  # the next call begins with this event, and nothing overtakes it
        with disk:
            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))
""",
)
