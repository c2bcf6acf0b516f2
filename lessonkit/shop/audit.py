"""The audit: rules that hold for an honest shop, checked on its books when a run is over.

The audit sees everything, also what no single service can see. Each rule looks at one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lessonkit.messages import N_, _
from lessonkit.shop.customer import Told
from lessonkit.shop.orders import OrderStatus
from lessonkit.shop.shop import Shop


@dataclass(frozen=True)
class Violation:
    """A broken rule: its name, what it is about, the order, and one plain sentence.

    ``about`` is ``"money"``, ``"stock"``, ``"customer"`` or ``"mail"``.
    """

    rule: str
    about: str
    order_id: str | None
    sentence: str


@dataclass(frozen=True)
class OrderBooks:
    """All that the services have on their books about one order."""

    order_id: str
    stands: bool
    total: int
    money: int
    held: int
    mails: int
    told: tuple[Told, ...]


def books(shop: Shop) -> list[OrderBooks]:
    """Gather, order by order, what each service knows."""
    ids: dict[str, None] = {}
    for source in (
        (answer.order_id for answer in shop.customer.answers),
        shop.database.orders,
        (capture.order_id for capture in shop.payment.captures.values()),
        (reservation.order_id for reservation in shop.inventory.reservations.values()),
        (mail.order_id for mail in shop.notification.mails),
    ):
        ids.update(dict.fromkeys(order_id or "?" for order_id in source))

    money = dict.fromkeys(ids, 0)
    for capture in shop.payment.captures.values():
        money[capture.order_id or "?"] += 0 if capture.refunded else capture.amount
    held = dict.fromkeys(ids, 0)
    for reservation in shop.inventory.reservations.values():
        pieces = sum(item.quantity for item in reservation.items)
        held[reservation.order_id or "?"] += pieces if reservation.held else 0
    mails = dict.fromkeys(ids, 0)
    for mail in shop.notification.mails:
        mails[mail.order_id] += 1
    told: dict[str, list[Told]] = {order_id: [] for order_id in ids}
    for answer in shop.customer.answers:
        told[answer.order_id].append(answer.told)

    result = []
    for order_id in ids:
        order = shop.database.orders.get(order_id)
        stands = order is not None and order.status is OrderStatus.CONFIRMED
        result.append(
            OrderBooks(
                order_id,
                stands,
                order.total if order is not None else 0,
                money[order_id],
                held[order_id],
                mails[order_id],
                tuple(told[order_id]),
            )
        )
    return result


def audit(shop: Shop) -> list[Violation]:
    """Check every rule for every order; an empty list means an honest shop.

    Parameters
    ----------
    shop
        After its run: everything that was on its way has arrived.
    """
    violations = [
        Violation(name, about, order.order_id, _(sentence).format(**_figures(order)))
        for order in books(shop)
        for name, about, is_broken, sentence in RULES
        if is_broken(order)
    ]
    return violations + list(_lost_pieces(shop))


def _figures(order: OrderBooks) -> dict[str, object]:
    return {
        "order": order.order_id,
        "money": f"{order.money:,}",
        "total": f"{order.total:,}",
        "held": order.held,
    }


Rule = tuple[str, str, Callable[[OrderBooks], bool], str]

RULES: tuple[Rule, ...] = (
    (
        "no money without an order",
        "money",
        lambda order: order.money > 0 and not order.stands,
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
        "no stock without an order",
        "stock",
        lambda order: order.held > 0 and not order.stands,
        N_("{order}: {held} pieces are held, but there is no order."),
    ),
    (
        "no order without its stock",
        "stock",
        lambda order: order.stands and order.held == 0,
        N_("{order}: the order stands, but no stock is held for it."),
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
        lambda order: bool(order.told) and order.told[-1] is Told.FAILED and order.stands,
        N_("{order}: the order stands, but the customer was told that it failed."),
    ),
    (
        "no mail without an order",
        "mail",
        lambda order: order.mails > 0 and not order.stands,
        N_("{order}: a confirmation was mailed, but there is no order."),
    ),
)


def _lost_pieces(shop: Shop) -> Iterator[Violation]:
    for product, initial in shop.inventory.initial.items():
        held = sum(
            item.quantity
            for reservation in shop.inventory.reservations.values()
            for item in reservation.items
            if reservation.held and item.product_id == product
        )
        on_shelf = shop.inventory.stock[product]
        if on_shelf + held != initial or on_shelf < 0:
            sentence = _(
                "{product}: {initial} pieces at first, now {shelf} on the shelf and {held} held."
            )
            yield Violation(
                "no piece appears or disappears",
                "stock",
                None,
                sentence.format(product=product, initial=initial, shelf=on_shelf, held=held),
            )
