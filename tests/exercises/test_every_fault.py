"""What a judge tries, what it forgives, and what it says about everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lessonkit import CreateOrder, Item, Order, Shop, explore
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import (
    every_single_fault,
    first_counterexample,
    forgive_lost_mail,
    rules_broken,
    what_the_audit_says,
)
from lessonkit.explorer import Scenario, run_case
from lessonkit.faults import Crash, Down, Refused, ReplyLost, Slow
from lessonkit.shop import OutcomeUnknown


def buying(create: Callable[[Shop, CreateOrder], Any]) -> Scenario:
    return lambda shop: shop.place_order(lambda command: create(shop, command))


async def buy(shop: Shop, command: CreateOrder, **other: Any) -> Order:
    """Buy, with a mail, or do something else in the place of what is ordinary."""
    await shop.inventory.reserve(other.get("items", command.items), command.order_id)
    yen, how = other.get("yen", command.total), other.get("how", command.payment_method)
    paid = await shop.payment.charge(yen, how, command.order_id)
    order = other.get("order", Order.create(command, paid.transaction_id or ""))
    await shop.database.save(order)
    await shop.notification.send_order_confirmation(order)
    return order


async def buy_without_a_mail(shop: Shop, command: CreateOrder) -> None:
    await shop.inventory.reserve(command.items, command.order_id)
    await shop.payment.charge(command.total, command.payment_method, command.order_id)
    await shop.database.save(Order.create(command))


# --- what is tried -------------------------------------------------------------------------------


def test_every_call_is_struck_in_each_way_in_the_order_of_the_calls() -> None:
    async def reserve_twice(shop: Shop, command: CreateOrder) -> None:
        await shop.inventory.reserve(command.items, "a key")
        await shop.inventory.reserve(command.items, "a key")

    cases = every_single_fault(buying(reserve_twice), crashes="orders", for_good=True)
    name = "inventory.reserve"
    assert [case.faults for case in cases] == [
        (),
        (Crash("orders", after=0),),
        *((kind(name, call=1),) for kind in (Refused, Down, ReplyLost, Slow)),
        (Crash("orders", after=1),),
        *((kind(name, call=2),) for kind in (Refused, Down, ReplyLost, Slow)),
        (Crash("orders", after=2),),
        *((kind(name),) for kind in (Refused, Down, ReplyLost)),
    ]
    assert len(every_single_fault(buying(reserve_twice))) == 1 + 2 * 4


# --- what is forgiven ----------------------------------------------------------------------------


def test_a_lost_mail_is_forgiven_and_nothing_else_is() -> None:
    case = run_case(buying(buy_without_a_mail))
    assert rules_broken(case) == {"no mail lost"}
    assert forgive_lost_mail(case).survived

    async def saves_only(shop: Shop, command: CreateOrder) -> None:
        await shop.database.save(Order.create(command))

    case = run_case(buying(saves_only))
    assert rules_broken(case) - rules_broken(forgive_lost_mail(case)) == {"no mail lost"}
    assert "no order without its money" in rules_broken(forgive_lost_mail(case))


def test_the_only_word_that_the_order_stands_must_not_be_lost() -> None:
    async def does_not_know(shop: Shop, command: CreateOrder) -> None:
        await buy_without_a_mail(shop, command)
        raise OutcomeUnknown("later")

    case = forgive_lost_mail(run_case(buying(does_not_know)))
    assert rules_broken(case) == {"no mail lost"}
    assert "Nobody has told the customer" in (what_the_audit_says(case) or "")


# --- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({}, None),
        ({"items": (Item("P-2", 2, 2500),)}, "not what the customer ordered"),
        ({"items": (Item("P-1", 3, 2500),)}, "More pieces"),
        ({"items": (Item("P-1", 1, 2500),)}, "Fewer pieces"),
        ({"yen": 5001}, "More was taken"),
        ({"yen": 4999}, "not all of its money"),
        ({"how": "cash"}, "had chosen"),
        ({"order": Order("O-001", "C-100", (Item("P-2", 1, 1),), 5000, "T-1")}, "not the one"),
        ({"order": Order("O-001", "C-100", (Item("P-1", 2, 2500),), 1, "T-1")}, "not the one"),
        ({"order": Order("O-002", "C-100", (Item("P-1", 2, 2500),), 5000, "T-1")}, "nobody has"),
    ],
)
def test_each_rule_about_what_was_ordered_has_its_advice(
    other: dict[str, Any], says: str | None
) -> None:
    case = run_case(buying(lambda shop, command: buy(shop, command, **other)))
    found = what_the_audit_says(case)
    assert found is None if says is None else says in (found or "")


def test_a_rule_without_an_advice_has_at_least_its_sentence() -> None:
    case = run_case(buying(buy), Refused("database"))
    assert "yen were taken, but there is no order" in (what_the_audit_says(case) or "")


def test_whoever_waits_for_ever_under_a_fault_is_shown_that() -> None:
    async def waits(shop: Shop, command: CreateOrder) -> Order:
        try:
            return await buy(shop, command)
        except Exception:
            await asyncio.Event().wait()
            raise

    found = first_counterexample(every_single_fault(buying(waits)), lambda case: None)
    assert found is not None
    assert "12 of 16 faults do harm" in found.sentence
    assert "still waits for an answer" in found.advice


# --- the seal and other customers ----------------------------------------------------------------


def test_no_bad_luck_of_the_explorer_breaks_a_seal() -> None:
    seen = explore(buying(buy), shop=SealedShop)
    assert [case.title for case in seen.cases if case.shop.look()] == []
    titles = " ".join(case.title for case in seen.cases)
    assert "clicks twice" in titles
    assert "last pieces" in titles


def test_books_changed_by_hand_are_noticed_beside_other_customers_too() -> None:
    async def cheats(shop: Shop, command: CreateOrder) -> None:
        shop.inventory.stock["P-1"] = 7

    for case in explore(buying(cheats), shop=SealedShop, crashes=None).cases:
        assert case.shop.look() == ["inventory"]


def test_nobody_rewrites_what_was_ordered() -> None:
    async def cheats(shop: Shop, command: CreateOrder) -> None:
        shop.customer.placed[0] = replace(command, items=(Item("P-1", 1, 1),))

    shop = run_case(buying(cheats), shop=SealedShop).shop
    assert isinstance(shop, SealedShop)
    assert shop.look() == ["customer"]
