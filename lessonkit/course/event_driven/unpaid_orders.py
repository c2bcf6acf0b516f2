"""Exercise ``owed``: a read model for a question of one's own.

A history of seven orders is read event by event: first by one process, then by one that is started
again after every third event; and at last the table is thrown away and made anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from sqlite3 import Connection, IntegrityError, OperationalError
from tempfile import TemporaryDirectory
from typing import Any, Final

from lessonkit.database.interface import NotYourTransaction
from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.written import advice, exercise
from lessonkit.files import toml_beside
from lessonkit.lab.views import table
from lessonkit.messages import _
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.store import EventStore

Apply = Callable[[Connection, Any], object]

CREATED, PAID, SHIPPED = "OrderCreated", "PaymentReceived", "OrderShipped"

HISTORY: Final = tuple(map(tuple, toml_beside(__file__, "history.toml")["events"]))
"""What happened, to which order, about how many yen."""


@dataclass
class _Reading:
    """What stands in the table after event ``number``, before it, and as it should.

    ``anew``: the program is started again now and then; ``rebuilt``: table made anew at last.
    """

    number: int
    before: dict[str, int]
    table: dict[str, int]
    anew: bool
    error: BaseException | None = None
    rebuilt: bool = False

    def __post_init__(self) -> None:
        self.event, self.order, _yen = HISTORY[self.number - 1]
        missing: Counter[str] = Counter()
        for event, order, yen in HISTORY[: self.number]:
            missing[order] += {CREATED: yen, PAID: -yen, SHIPPED: 0}[event]
        self.expected = dict(+missing)  # the plus leaves out what is not above zero

    @property
    def mine(self) -> Any:
        """What stands in the row of the event's order; None if there is no row."""
        return self.table.get(self.order)


def _judge(still_to_pay: Apply, types: EventTypes) -> Counterexample | None:
    return first_counterexample(_readings(still_to_pay, types), _ADVICE, _picture, _sentence)


def _readings(still_to_pay: Apply, types: EventTypes) -> Iterator[_Reading]:
    kinds = dict.fromkeys(type(_event(types, number)) for number in range(1, len(HISTORY) + 1))
    program = Program(still_to_pay, *kinds)
    yield from _read(lambda: (still_to_pay, *kinds), anew=False)
    yield from _read(program.start, anew=True)


def _read(start: Callable[[], tuple[Any, ...]], *, anew: bool) -> Iterator[_Reading]:
    before: dict[str, int] = {}
    with TemporaryDirectory() as folder, ExitStack() as process:
        for number in range(1, len(HISTORY) + 1):
            if number == 1 or (anew and number % 3 == 1):
                process.close()
                apply, *kinds = start()
                store = process.enter_context(EventStore(types := EventTypes(*kinds)))
                columns, path = "order_id TEXT PRIMARY KEY, yen INTEGER", f"{folder}/unpaid.db"
                view = Projection("unpaid", store, apply, columns, path=path)
                process.enter_context(closing(view))
            for known in range(store.last_position + 1, number + 1):
                store.append(HISTORY[known - 1][1], [_event(types, known)])
            one = _Reading(number, before, before, anew)
            _try(one, view, view.catch_up)
            yield one
            if one.error is not None:  # and the table of advice has nothing to say about it
                one.error.add_note(f"(at event {number}: {one.event} of {one.order})")
                raise one.error
            before = one.table
        if anew:
            one = _Reading(number, before, before, anew, rebuilt=True)
            _try(one, view, view.rebuild)
            yield one


def _try(one: _Reading, view: Projection, work: Callable[[], int]) -> None:
    try:
        work()
        one.table = {row["order_id"]: row["yen"] for row in view.rows()}
    except ProjectionFailed as failed:
        one.error = failed.__cause__


def _event(types: EventTypes, number: int) -> Event:
    name, order_id, yen = HISTORY[number - 1]
    items = [{"product_id": "P-1", "quantity": 2, "unit_price": yen // 2}]
    customer = {"customer_id": f"C-{int(order_id[-1]) % 3 + 1}00", "payment_method": "card"}
    data: dict[str, dict[str, Any]] = {
        CREATED: {**customer, "items": items, "total": yen},
        PAID: {"amount": yen},
        SHIPPED: {"tracking_id": f"T-{number}"},
    }
    envelope = {"type": name, "version": 1, "id": f"E-{number}", "time": 3600.0 * number}
    return types.from_json(json.dumps({**envelope, "data": {"order_id": order_id, **data[name]}}))


_ADVICE = advice(
    __name__,
    "owed",
    wrong=lambda one: one.error is not None or one.table != one.expected,
    went_on=lambda one: one.error is None and one.table != one.expected,
    inserts_again=lambda one: isinstance(one.error, IntegrityError) and one.order in one.before,
    sqlite_refuses=lambda one: isinstance(one.error, OperationalError),
    ends_the_transaction=lambda one: isinstance(one.error, NotYourTransaction),
    is_created=lambda one: one.event == CREATED,
    is_shipped=lambda one: one.event == SHIPPED,
    has_no_row=lambda one: one.mine is None,
    is_as_before=lambda one: one.mine == one.before.get(one.order),
    keeps_a_row=lambda one: one.order not in one.expected and str(one.mine)[0] in "-0",
    others_changed=lambda one: {**one.table, one.order: 0} != {**one.before, one.order: 0},
)


def _sentence(one: _Reading) -> str:
    words = _("After event {number}, {event} of {order}, the table is wrong for the first time.")
    if one.error is not None:
        words = _("Event {number}, {event} of {order}, could not be applied: {error}")
    if one.rebuilt:
        words = _(
            "The table was thrown away and made anew from the same events: it is another one."
        )
    return words.format(number=one.number, event=one.event, order=one.order, error=one.error)


def _picture(one: _Reading) -> str:
    """The history up to the event in question, and beside it the table, yours and as expected."""
    events, orders, yen = zip(*HISTORY[: one.number], strict=True)
    rows = sorted({*one.expected, *map(str, one.table)})
    history = {
        "": range(1, one.number + 1),
        _("event"): events,
        _("order"): orders,
        _("yen"): [_yen(amount or "") for amount in yen],
    }
    tables = {
        _("order"): rows,
        _("yours (yen)"): [_yen(one.table.get(row, _("no row"))) for row in rows],
        _("expected (yen)"): [_yen(one.expected.get(row, _("no row"))) for row in rows],
    }
    both = "".join(f"<div>{table(columns).html}</div>" for columns in (history, tables))
    return f'<div style="display: flex; flex-wrap: wrap; gap: 12px 48px">{both}</div>'


def _yen(yen: object) -> str:
    return f"{yen:,}" if isinstance(yen, int) else str(yen)


owed = exercise(__name__, "owed", _judge)
