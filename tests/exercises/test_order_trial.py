"""The trial of an order service: what is tried, what is forgiven, what is said, what is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from lessonkit import CreateOrder, Item, Order, OrderFailed, Outbox, Shop, explore
from lessonkit.database import Database
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.audit_advice import WHAT_THE_AUDIT_SAYS, what_the_audit_says
from lessonkit.exercises.conditions import (
    both,
    breaks,
    called,
    on_a_good_day,
    struck,
    waits_longer_than,
)
from lessonkit.exercises.orders import DECLINED, ORDERS, TrialShop
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import NotYours
from lessonkit.exercises.trial import OrderTrial
from lessonkit.explorer import Case, Kind, Scenario, run_case
from lessonkit.faults import Slow
from lessonkit.shop import OrderStatus, OutcomeUnknown, ShopError, Violation

Make = Callable[[Any], Callable[[CreateOrder], Awaitable[object]]]


async def buy(shop: Any, command: CreateOrder, **other: Any) -> Order:
    """Buy, with a mail, or do something else in the place of what is ordinary."""
    await shop.inventory.reserve(other.get("items", command.items), command.order_id)
    yen, how = other.get("yen", command.total), other.get("how", command.payment_method)
    paid = await shop.payment.charge(yen, how, command.order_id)
    order = other.get("order", Order.create(command, paid.transaction_id or ""))
    await shop.database.save(order)
    await shop.notification.send_order_confirmation(order)
    return order


async def buy_carefully(shop: Any, command: CreateOrder) -> Order:
    """Buy, look at every answer, and undo everything if it fails."""
    key = command.order_id
    try:
        if not (await shop.inventory.reserve(command.items, key)).success:
            raise OrderFailed("sold out")
        paid = await shop.payment.charge(command.total, command.payment_method, key)
        if not paid.success:
            raise OrderFailed("declined")
        order = Order.create(command, paid.transaction_id)
        await shop.database.save(order)
    except Exception:
        cancelled = Order.create(command).cancelled()
        for undo in (
            lambda: shop.database.save(cancelled),
            lambda: shop.payment.refund_by_key(key),
            lambda: shop.inventory.cancel_by_key(key),
        ):
            try:
                await undo()
            except Exception:
                continue
        raise
    return order


def a_shop_with(create: Callable[..., Awaitable[object]], **other: Any) -> Make:
    return lambda shop: lambda command: create(shop, command, **other)


def buying(create: Callable[..., Any], **other: Any) -> Scenario:
    return lambda shop: shop.place_order(lambda command: create(shop, command, **other))


# --- what is tried -------------------------------------------------------------------------------


def cases_seen(make: Make, **options: Any) -> list[Case]:
    seen: list[Case] = []
    note = Advice(lambda case: bool(seen.append(case)), "")  # type: ignore[func-returns-value]
    trial = OrderTrial(advice=[note], every_fault=True, forgiven=["no mail lost"], **options)
    assert trial.judge(make, make) is None
    return seen


def test_every_day_every_failing_call_and_three_orders_are_tried() -> None:
    seen = cases_seen(a_shop_with(buy_carefully))
    titles = [case.title for case in seen if len(case.answers) == 1]
    assert [case.answers[0].told for case in seen[:4]] == [
        "confirmed",
        "confirmed",
        "failed",
        "failed",
    ]
    for operation in ("inventory.reserve", "payment.charge", "database.save"):
        for how in ("refused", "down before the effect", "reply lost after the effect"):
            assert f"{operation}: {how}" in titles
    three = [case for case in seen if len(case.answers) == 3]
    assert [one.order_id for one in three[0].answers] == ["O-001", "O-002", "O-003"]
    assert [one.customer_id for one in three[0].answers] == ["C-100", "C-200", "C-100"]
    assert [one.asked for one in three[0].answers] == pytest.approx([0.0, 60.3, 120.6])
    struck_later = {case.title for case in three[1:]}
    assert "payment.charge #3: refused" in struck_later
    assert not any("#2" in title for title in struck_later)


def test_no_two_of_the_three_orders_can_be_taken_for_each_other_by_all_they_say() -> None:
    first, again, other = ORDERS
    assert replace(again, order_id=first.order_id, customer_id=first.customer_id) == first
    assert first.customer_id == other.customer_id != again.customer_id
    assert len({order.order_id for order in ORDERS}) == 3
    assert first.items != other.items
    assert first.total != other.total
    assert first.payment_method != other.payment_method


def test_what_the_starting_cell_does_not_do_well_is_not_asked() -> None:
    trial = OrderTrial(advice=())
    plain = a_shop_with(buy)
    assert trial.judge(plain, plain) is None  # it looks at no answer, and undoes nothing
    found = OrderTrial(advice=(), every_fault=True).judge(plain, plain)
    assert found is not None
    assert "faults do harm" in found.sentence


def test_what_the_starting_cell_does_well_must_stay() -> None:
    trial = OrderTrial(advice=(), forgiven=["no mail lost"])
    found = trial.judge(a_shop_with(buy), a_shop_with(buy_carefully))
    assert found is not None
    assert "shelf is empty" in found.sentence
    assert "there is not enough" in found.advice


def test_the_rules_that_an_exercise_is_about_need_not_hold_at_the_start() -> None:
    class Thankful(TrialShop):
        def own_rules(self) -> Iterable[Violation]:
            mailed = any(what.startswith("notification.") for _who, what in self.network.calls)
            orders = self.database.orders.values()
            if any(one.status is OrderStatus.CONFIRMED for one in orders) and not mailed:
                yield Violation("a mail is tried", "mail", None, "nobody has tried to mail")

    async def buy_and_mail(shop: Any, command: CreateOrder) -> None:
        order = await buy_carefully(shop, command)
        with suppress(ShopError):
            await shop.notification.send_order_confirmation(order)

    starter, answer = a_shop_with(buy_carefully), a_shop_with(buy_and_mail)
    trial = OrderTrial(advice=(), shop=Thankful, forgiven=["no mail lost"])
    with_goal = replace(trial, goal=["a mail is tried"])
    found = with_goal.judge(starter, starter)
    assert found is not None
    assert found.advice == "nobody has tried to mail"
    assert with_goal.judge(answer, starter) is None


def test_a_day_may_be_what_an_exercise_is_about() -> None:
    plain = a_shop_with(buy)
    trial = OrderTrial(advice=(), days=[DECLINED], forgiven=["no mail lost"])
    found = trial.judge(plain, plain)
    assert found is not None
    assert "declines the card" in found.advice
    careful = a_shop_with(buy_carefully)
    assert trial.judge(careful, plain) is None


def test_a_new_process_is_started_for_a_killed_one() -> None:
    restarted = []

    async def start_again(shop: Any) -> None:
        restarted.append(shop)

    def forgets(case: Case) -> bool:
        return False

    trial = OrderTrial(
        advice=[Advice(forgets, "")], luck={"crashes": "orders"}, restart=start_again
    )
    plain = a_shop_with(buy)
    assert trial.judge(plain, plain) is None
    assert len(restarted) > 5
    assert not any(isinstance(shop, Shop) for shop in restarted)


# --- what is forgiven ----------------------------------------------------------------------------


async def buy_without_a_mail(shop: Any, command: CreateOrder) -> None:
    await shop.inventory.reserve(command.items, command.order_id)
    await shop.payment.charge(command.total, command.payment_method, command.order_id)
    await shop.database.save(Order.create(command))


def verdict_of(create: Callable[..., Any]) -> Counterexample | None:
    trial = OrderTrial(advice=(), forgiven=["no mail lost"])
    return trial.judge(a_shop_with(create), a_shop_with(buy))


def test_a_lost_mail_is_forgiven_and_nothing_else_is() -> None:
    assert verdict_of(buy_without_a_mail) is None
    found = OrderTrial(advice=()).judge(a_shop_with(buy_without_a_mail), a_shop_with(buy))
    assert found is not None
    assert "not in a mail" in found.advice

    async def saves_only(shop: Any, command: CreateOrder) -> None:
        await shop.database.save(Order.create(command))

    found = verdict_of(saves_only)
    assert found is not None
    assert "not all of its money" in found.advice


def test_the_only_word_that_the_order_stands_must_not_be_lost() -> None:
    async def does_not_know(shop: Any, command: CreateOrder) -> None:
        await buy_without_a_mail(shop, command)
        raise OutcomeUnknown("later")

    assert verdict_of(does_not_know) is not None


# --- what is said --------------------------------------------------------------------------------


async def fails_after(shop: Any, command: CreateOrder, calls: str) -> None:
    """Do some of it, and then say that the order has failed."""
    key, order = command.order_id, Order.create(command)
    for call in calls.split():
        await {
            "reserve": lambda: shop.inventory.reserve(command.items, key),
            "charge": lambda: shop.payment.charge(command.total, command.payment_method, key),
            "save": lambda: shop.database.save(order),
            "mail": lambda: shop.notification.send_order_confirmation(order),
        }[call]()
    raise OrderFailed("no reason")


async def says_yes(_shop: Any, command: CreateOrder) -> Order:
    return Order.create(command)


async def buy_without_stock(shop: Any, command: CreateOrder) -> Order:
    paid = await shop.payment.charge(command.total, command.payment_method, command.order_id)
    await shop.database.save(order := Order.create(command, paid.transaction_id))
    await shop.notification.send_order_confirmation(order)
    return order


async def forgets_the_mail(shop: Any, command: CreateOrder) -> None:
    await buy_without_a_mail(shop, command)
    raise OutcomeUnknown("later")


A_STRANGERS = Order("O-002", "C-100", (Item("P-1", 2, 2500),), 5000, "T-1")
BROKEN: tuple[tuple[Callable[..., Any], str], ...] = (
    (partial(fails_after, calls="reserve charge save"), "was told that it failed"),
    (partial(buy, order=A_STRANGERS), "nobody has placed"),
    (partial(buy, order=replace(A_STRANGERS, order_id="O-001", total=1)), "not the one"),
    (partial(buy, items=(Item("P-2", 2, 2500),)), "not what the customer ordered"),
    (partial(buy, items=(Item("P-1", 3, 2500),)), "More pieces"),
    (partial(buy, items=(Item("P-1", 1, 2500),)), "Fewer pieces"),
    (partial(buy, yen=5001), "More was taken"),
    (partial(buy, how="cash"), "had chosen"),
    (says_yes, "no order is there"),
    (partial(fails_after, calls="charge"), "money was taken for it"),
    (partial(fails_after, calls="reserve"), "pieces are set aside for it"),
    (partial(fails_after, calls="mail"), "A mail says that the order is confirmed"),
    (partial(buy, yen=4999), "not all of its money"),
    (buy_without_stock, "nothing is set aside for it"),
    (forgets_the_mail, "Nobody has told the customer"),
)


@pytest.mark.parametrize(("create", "says"), BROKEN)
def test_each_rule_that_is_broken_has_its_advice(create: Callable[..., Any], says: str) -> None:
    found = what_the_audit_says(run_case(buying(create)))
    assert says in (found or "")


def test_no_advice_without_a_broken_rule_and_none_that_nobody_gets() -> None:
    assert what_the_audit_says(run_case(buying(buy))) is None
    said = [*(says for _create, says in BROKEN), "still waits for an answer"]  # the next test
    for advice in WHAT_THE_AUDIT_SAYS:
        assert any(says in advice.words for says in said), advice.words


def test_whoever_waits_for_ever_under_a_fault_is_shown_that() -> None:
    async def waits(shop: Any, command: CreateOrder) -> Order:
        try:
            return await buy(shop, command)
        except Exception:
            await asyncio.Event().wait()
            raise

    found = OrderTrial(advice=(), every_fault=True).judge(a_shop_with(waits), a_shop_with(buy))
    assert found is not None
    assert "faults do harm" in found.sentence
    assert "still waits for an answer" in found.advice
    assert "replay(" in found.picture


def test_conditions_say_what_was_seen() -> None:
    seen = explore(buying(buy), crashes=None, late=0, twice=False, customers=False)
    charge = seen.find("reply-lost", "payment.charge")
    assert struck("payment")(charge)
    assert struck("payment.charge", Kind.REPLY_LOST)(charge)
    assert struck("")(charge)
    assert not struck("payment.charge", Kind.REFUSED)(charge)
    assert not struck("pay")(charge)
    assert not struck("inventory")(charge)
    assert called("payment.charge")(charge)
    assert not called("database.save")(charge)
    assert breaks("no money without an order")(charge)
    assert not breaks("no order lost")(charge)
    quiet = seen.cases[0]
    assert on_a_good_day(quiet)
    assert not on_a_good_day(charge)
    assert not on_a_good_day(run_case(buying(buy), Slow("payment")))
    assert waits_longer_than(0.7)(quiet)
    assert not waits_longer_than(0.9)(quiet)
    assert not waits_longer_than(0.1)(charge)
    assert both(struck("payment"), called("payment.charge"))(charge)
    assert not both(struck("payment"), called("database.save"))(charge)


# --- what is hidden ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reach",
    [
        lambda shop: shop.inventory.stock,
        lambda shop: shop.inventory.reservations["R-1"],
        lambda shop: shop.inventory._reserve,
        lambda shop: shop.inventory._network,
        lambda shop: shop.payment.captures.clear(),
        lambda shop: shop.database.orders,
        lambda shop: shop.notification.mails,
        lambda shop: shop.network.faults,
        lambda shop: shop.network.latency,
        lambda shop: shop.network.calls,
        lambda shop: shop.customer.answers,
        lambda shop: shop.inventory.reserve.__self__,
        lambda shop: setattr(shop.inventory, "stock", {}),
        lambda shop: setattr(shop.inventory, "reserve", None),
    ],
)
def test_a_program_cannot_reach_what_belongs_to_another(reach: Callable[[Any], object]) -> None:
    with pytest.raises(AttributeError):
        reach(TrialShop().front)


def test_nobody_runs_code_in_the_name_of_a_service() -> None:
    async def cheats(shop: Any, command: CreateOrder) -> None:
        await shop.network.call("inventory", "reserve", lambda: None)

    with pytest.raises(NotYours, match="inventory has its own code"):
        run_case(lambda shop: shop.place_order(lambda c: cheats(shop.front, c)), shop=TrialShop)


def test_a_client_says_what_its_service_can_be_asked() -> None:
    with pytest.raises(NotYours, match="It can be asked to: charge, refund, refund_by_key"):
        TrialShop().front.payment.captures  # noqa: B018
    with pytest.raises(NotYours, match=r"shop\.bus"):
        TrialShop().front.bus  # noqa: B018
    front = TrialShop().front
    front.bus = "mine"
    assert front.bus == "mine"


def test_the_auditor_takes_no_programs_word_for_what_is_still_owed() -> None:
    class Excuse(Outbox):
        def owes(self, _order_id: str) -> bool:
            return True

    shop = TrialShop()
    for excuse in (Excuse(Database(":memory:")), SimpleNamespace(owes=lambda _order_id: True)):
        with pytest.raises(NotYours, match="does not take the word"):
            shop.front.keepers.append(excuse)
        with pytest.raises(NotYours):
            shop.front.keepers += [excuse]
    assert not shop.keepers
    shop.front.keepers.append(written := Outbox(Database(":memory:")))
    assert shop.keepers == [written]
