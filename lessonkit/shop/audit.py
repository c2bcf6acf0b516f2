"""The audit: rules that hold for an honest shop, checked on its books when a run is over.

The audit sees everything, also what no single service can see. It compares each book with *what the
customer ordered*: the pieces of each product, the yen, the way of paying, the mail, and what the
customer was told. A rule that only asked for "something" could be pleased with anything. The rules
stand in ``audit.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from lessonkit.files import toml_beside
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


class Rule(NamedTuple):
    """A rule is broken by an order of which everything in ``when`` is true."""

    name: str
    about: str
    when: frozenset[str]
    sentence: str


def _rules(told: dict[str, Any]) -> tuple[Rule, ...]:
    return tuple(
        Rule(name, about, frozenset(rule["when"]), rule["sentence"])
        for about, rules in told.items()
        for name, rule in rules.items()
    )


_TOLD = toml_beside(__file__, "audit.toml")
RULES, REMARKS = _rules(_TOLD["rules"]), _rules(_TOLD["remarks"])


def _broken(rules: tuple[Rule, ...], ledgers: list[OrderBooks]) -> Iterator[Violation]:
    for order in ledgers:
        facts = _facts(order)
        for name, about, when, sentence in rules:
            if when <= facts:
                words = _(sentence).format(**_figures(order))
                yield Violation(name, about, order.order_id, words)


def _facts(order: OrderBooks) -> set[str]:
    """What is true of an order, in the words of ``audit.toml``."""
    asked = order.ordered
    kept = order.order if asked and order.stands else None  # any other may say what it likes
    total, wanted, pieces = order.total, order.wanted, order.pieces
    facts = {
        "placed": asked is not None,
        "stands": order.stands,
        "owed": order.owed,
        "as ordered": kept is not None and pieces_of(kept.items) == wanted,
        "as priced": kept is not None and kept.total == total,
        "money given away": order.money < 0,
        "paid": order.money > 0,
        "paid too much": order.money > total,
        "paid too little": order.money < total,
        "paid in another way": any(asked and one != asked.payment_method for one in order.methods),
        "held": order.held > 0,
        "wrong product": bool(pieces.keys() - wanted.keys()),
        "too many": any(count > wanted.get(product, 0) for product, count in pieces.items()),
        "too few": any(count > pieces.get(product, 0) for product, count in wanted.items()),
        "told confirmed": Told.CONFIRMED in order.told,
        "told failed": order.told[-1:] == (Told.FAILED,) or order.regrets > 0,
        "told unknown": order.told[-1:] == (Told.UNKNOWN,),
        "waits": order.unanswered > 0,
        "mailed": order.confirmations > 0,
        "mailed twice": order.confirmations > 1,
    }
    return {fact if is_so else f"not {fact}" for fact, is_so in facts.items()}


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


def _lost_pieces(shop: Shop) -> Iterator[Violation]:
    reservations = [r for r in shop.inventory.reservations.values() if r.held]
    held = pieces_of(item for reservation in reservations for item in reservation.items)
    for product, initial in shop.inventory.initial.items():
        on_shelf, away = shop.inventory.stock[product], held.get(product, 0)
        if on_shelf + away == initial and on_shelf >= 0:
            continue
        words = _("{product}: {initial} pieces at first, now {shelf} on the shelf and {held} held.")
        words = words.format(product=product, initial=initial, shelf=on_shelf, held=away)
        yield Violation("no piece appears or disappears", "stock", None, words)
