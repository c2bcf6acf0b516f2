"""The audit: rules that hold for an honest shop, checked on its books when a run is over.

The audit sees everything, also what no single service can see. It compares each book with *what the
customer ordered*: the pieces of each product, the yen, the way of paying, the mail, and what the
customer was told. A rule that only asked for "something" could be pleased with anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from lessonkit.messages import N_, _
from lessonkit.shop.orders import CreateOrder, Order, OrderStatus, Told, pieces_of
from lessonkit.shop.services import Capture, Ordered, Reservation
from lessonkit.shop.shop import Shop

R = TypeVar("R")


@dataclass(frozen=True)
class Violation:
    """A broken rule: its name, what it is about, the order, and one plain sentence.

    ``about`` is ``"money"``, ``"stock"``, ``"order"``, ``"customer"`` or ``"mail"``.
    """

    rule: str
    about: str
    order_id: str | None
    sentence: str


@dataclass(frozen=True)
class OrderBooks:
    """What one customer ordered under one id, and all that the services have on their books for it.

    Attributes
    ----------
    ordered
        What was asked for; None if nobody has placed such an order.
    order
        What the order service keeps; None if it keeps none of this customer's.
    money
        Yen that were taken and not given back.
    methods
        How they were paid.
    pieces
        How many pieces of each product are held.
    confirmations, regrets
        How many mails say that the order stands, and how many that nothing came of it.
    owed
        Whether something that outlives the run knows that there is still something to do.
    told
        The answers, in the order in which they were given.
    unanswered
        How many times the customer asked and is still waiting.
    """

    order_id: str
    customer_id: str
    ordered: CreateOrder | None
    order: Order | None
    money: int
    methods: tuple[str, ...]
    pieces: dict[str, int]
    confirmations: int
    regrets: int
    owed: bool
    told: tuple[Told, ...]
    unanswered: int

    @property
    def stands(self) -> bool:
        """Whether there is a confirmed order."""
        return self.order is not None and self.order.status is OrderStatus.CONFIRMED

    @property
    def total(self) -> int:
        """What the customer has agreed to pay, in yen."""
        return 0 if self.ordered is None else self.ordered.total

    @property
    def wanted(self) -> dict[str, int]:
        """How many pieces of each product were ordered."""
        return {} if self.ordered is None else pieces_of(self.ordered.items)

    @property
    def held(self) -> int:
        """How many pieces are held in all."""
        return sum(self.pieces.values())

    @property
    def mails(self) -> int:
        """How many confirmations were mailed."""
        return self.confirmations


def books(shop: Shop) -> list[OrderBooks]:
    """Gather, order by order, what was ordered and what each service knows of it.

    If two customers used one id, each has a row; whatever carries only the id is put down to the
    customer whose order is kept there, or else to the one who came first.
    """
    owners: dict[str, str] = {}
    known: list[Ordered] = [*shop.database.orders.values(), *shop.customer.placed]
    for one in known:
        owners.setdefault(one.order_id, one.customer_id)

    def owner(booked: Capture | Reservation) -> Key:
        order_id = booked.order_id or "?"
        return order_id, owners.get(order_id, "?")

    placed = _grouped(shop.customer.placed, _key)
    orders = _grouped(shop.database.orders.values(), _key)
    answers = _grouped(shop.customer.answers, _key)
    mails = _grouped(shop.notification.mails, _key)
    captures = _grouped(shop.payment.captures.values(), owner)
    reservations = _grouped(shop.inventory.reservations.values(), owner)
    keys = dict.fromkeys((*placed, *orders, *captures, *reservations, *mails))

    def of(key: Key) -> OrderBooks:
        taken = [capture for capture in captures.get(key, ()) if not capture.refunded]
        held = [reservation for reservation in reservations.get(key, ()) if reservation.held]
        says = [mail.says for mail in mails.get(key, ())]
        asked, answered = placed.get(key, ()), answers.get(key, ())
        return OrderBooks(
            *key,
            ordered=asked[0] if asked else None,
            order=orders[key][0] if key in orders else None,
            money=sum(capture.amount for capture in taken),
            methods=tuple(dict.fromkeys(capture.method for capture in taken)),
            pieces=pieces_of(item for reservation in held for item in reservation.items),
            confirmations=says.count(Told.CONFIRMED),
            regrets=says.count(Told.FAILED),
            owed=any(keeper.owes(key[0]) for keeper in shop.keepers),
            told=tuple(answer.told for answer in answered),
            unanswered=len(asked) - len(answered),
        )

    return [of(key) for key in keys]


Key = tuple[str, str]
"""The id of an order and of its customer."""


def _key(known: Ordered) -> Key:
    return known.order_id, known.customer_id


def _grouped(rows: Iterable[R], key: Callable[[R], Key]) -> dict[Key, list[R]]:
    groups: dict[Key, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def audit(shop: Shop) -> list[Violation]:
    """Check every rule for every order; an empty list means an honest shop.

    Parameters
    ----------
    shop
        After its run: everything that was on its way has arrived.
    """
    return [*_broken(RULES, books(shop)), *_lost_pieces(shop), *shop.own_rules()]


def remarks(shop: Shop) -> list[Violation]:
    """What is no lie and yet no joy: something that is still owed, or a mail that came twice."""
    return list(_broken(REMARKS, books(shop)))


Rule = tuple[str, str, Callable[[OrderBooks], bool], str]


def _broken(rules: tuple[Rule, ...], ledgers: list[OrderBooks]) -> Iterator[Violation]:
    for order in ledgers:
        for name, about, is_broken, sentence in rules:
            if is_broken(order):
                words = _(sentence).format(**_figures(order))
                yield Violation(name, about, order.order_id, words)


def _figures(order: OrderBooks) -> dict[str, object]:
    kept = order.order
    return {
        "order": order.order_id,
        "money": f"{order.money:,}",
        "given": f"{-order.money:,}",
        "total": f"{order.total:,}",
        "held": order.held,
        "pieces": _list(order.pieces),
        "wanted": _list(order.wanted),
        "kept": "" if kept is None else _list(pieces_of(kept.items)),
        "kept_total": "" if kept is None else f"{kept.total:,}",
        "methods": _(", ").join(map(_, order.methods)),
        "method": "" if order.ordered is None else _(order.ordered.payment_method),
        "mails": order.confirmations,
    }


METHODS = N_("card"), N_("expired card")
"""The methods of payment that the course's own orders name."""


def _list(pieces: dict[str, int]) -> str:
    return _(", ").join(f"{count} × {product}" for product, count in pieces.items())


def _too_many(order: OrderBooks) -> bool:
    return any(count > order.wanted.get(product, 0) for product, count in order.pieces.items())


def _too_few(order: OrderBooks) -> bool:
    return any(order.pieces.get(product, 0) < count for product, count in order.wanted.items())


def _foreign(order: OrderBooks) -> bool:
    return any(product not in order.wanted for product in order.pieces)


RULES: tuple[Rule, ...] = (
    (
        "no order that nobody placed",
        "order",
        lambda order: order.stands and order.ordered is None,
        N_("{order}: there is an order, but nobody has placed it."),
    ),
    (
        "the order says what was ordered",
        "order",
        lambda order: (
            order.stands
            and order.ordered is not None
            and order.order is not None
            and pieces_of(order.order.items) != order.wanted
        ),
        N_("{order}: the order says {kept}, but the customer ordered {wanted}."),
    ),
    (
        "the order has the right total",
        "order",
        lambda order: (
            order.stands
            and order.ordered is not None
            and order.order is not None
            and order.order.total != order.total
        ),
        N_("{order}: the order says {kept_total} yen, but the customer agreed to {total} yen."),
    ),
    (
        "no money given away",
        "money",
        lambda order: order.money < 0,
        N_("{order}: {given} yen were given away."),
    ),
    (
        "no money without an order",
        "money",
        lambda order: order.money > 0 and not order.stands and not order.owed,
        N_("{order}: {money} yen were taken, but there is no order."),
    ),
    (
        "no wrong amount",
        "money",
        lambda order: order.stands and order.money > order.total,
        N_("{order}: {money} yen were taken for an order of {total} yen."),
    ),
    (
        "no order without its money",
        "money",
        lambda order: order.stands and order.money < order.total,
        N_("{order}: the order stands at {total} yen, but only {money} yen were taken."),
    ),
    (
        "paid as the customer wanted",
        "money",
        lambda order: (
            order.ordered is not None
            and any(method != order.ordered.payment_method for method in order.methods)
        ),
        N_("{order}: paid by {methods}, but the customer chose {method}."),
    ),
    (
        "no stock without an order",
        "stock",
        lambda order: order.held > 0 and not order.stands and not order.owed,
        N_("{order}: {held} pieces are held, but there is no order."),
    ),
    (
        "no order without its stock",
        "stock",
        lambda order: order.stands and order.held == 0 and bool(order.wanted),
        N_("{order}: the order stands, but no stock is held for it."),
    ),
    (
        "no wrong product",
        "stock",
        lambda order: order.stands and _foreign(order),
        N_("{order}: held are {pieces}, but the customer ordered {wanted}."),
    ),
    (
        "no piece too many",
        "stock",
        lambda order: order.stands and not _foreign(order) and _too_many(order),
        N_("{order}: too many pieces are held: {pieces} for an order of {wanted}."),
    ),
    (
        "no piece too few",
        "stock",
        lambda order: order.stands and order.held > 0 and not _foreign(order) and _too_few(order),
        N_("{order}: too few pieces are held: {pieces} for an order of {wanted}."),
    ),
    (
        "no order lost",
        "customer",
        lambda order: Told.CONFIRMED in order.told and not order.stands,
        N_("{order}: the customer was told that it is confirmed, but there is no order."),
    ),
    (
        "the customer is told the truth",
        "customer",
        lambda order: order.stands and (order.told[-1:] == (Told.FAILED,) or order.regrets > 0),
        N_("{order}: the order stands, but the customer was told that it failed."),
    ),
    (
        "the customer learns how it ended",
        "customer",
        lambda order: (
            order.told[-1:] == (Told.UNKNOWN,)
            and not order.stands
            and not order.regrets
            and not order.owed
        ),
        N_(
            "{order}: the customer was told that we do not know yet, and never hears that nothing"
            " has come of it."
        ),
    ),
    (
        "the customer gets an answer",
        "customer",
        lambda order: order.unanswered > 0,
        N_("{order}: the customer is still waiting for an answer."),
    ),
    (
        "no mail without an order",
        "mail",
        lambda order: order.confirmations > 0 and not order.stands,
        N_("{order}: a confirmation was mailed, but there is no order."),
    ),
    (
        "no mail lost",
        "mail",
        lambda order: order.stands and not order.confirmations and not order.owed,
        N_("{order}: the order stands, but its mail is lost: nothing will send it any more."),
    ),
)

REMARKS: tuple[Rule, ...] = (
    (
        "money is still to be settled",
        "money",
        lambda order: order.money > 0 and not order.stands and order.owed,
        N_(
            "{order}: {money} yen are taken, though no order stands. What is left to do is written"
            " down."
        ),
    ),
    (
        "pieces are still to be settled",
        "stock",
        lambda order: order.held > 0 and not order.stands and order.owed,
        N_(
            "{order}: {held} pieces are held, though no order stands. What is left to do is written"
            " down."
        ),
    ),
    (
        "a mail is owed",
        "mail",
        lambda order: order.stands and not order.confirmations and order.owed,
        N_("{order}: the mail is owed. It is written down, and will be sent."),
    ),
    (
        "more than one mail",
        "mail",
        lambda order: order.confirmations > 1,
        N_("{order}: the customer got {mails} mails for one order: a nuisance, no lie."),
    ),
)


def _lost_pieces(shop: Shop) -> Iterator[Violation]:
    reservations = [r for r in shop.inventory.reservations.values() if r.held]
    held = pieces_of(item for reservation in reservations for item in reservation.items)
    for product, initial in shop.inventory.initial.items():
        on_shelf, away = shop.inventory.stock[product], held.get(product, 0)
        if on_shelf + away != initial or on_shelf < 0:
            sentence = _(
                "{product}: {initial} pieces at first, now {shelf} on the shelf and {held} held."
            )
            yield Violation(
                "no piece appears or disappears",
                "stock",
                None,
                sentence.format(product=product, initial=initial, shelf=on_shelf, held=away),
            )
