"""What notebook 07 says of its styles holds: its own classes are put under every bad luck."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import (
    CreateOrder,
    Item,
    OrderStatus,
    Shop,
    Told,
    an_order,
    audit,
    books,
    explore,
    run,
)
from lessonkit.course.choosing.hybrid import Hybrid, ShopWithADisk
from lessonkit.course.choosing.styles import EventDriven, RequestResponse
from lessonkit.explorer import Case, Exploration
from lessonkit.faults import Failure, Flaky, LogNormal, Outage, Refused, ReplyLost, Uniform
from lessonkit.patterns.saga import SagaState
from lessonkit.shop import OrderBooks, remarks
from tests.notebook_code import namespace

NaiveHybrid = namespace("07-choosing", "setup", "naive-hybrid")["NaiveHybrid"]
HASTY = partial(Hybrid, attempts=2)
"""Its relay parks an event after two failures: what fails for good does not fail fifty times."""

ORDINARY = an_order()
DECLINED = replace(ORDINARY, payment_method="expired card")
TOO_MANY = replace(ORDINARY, items=(Item("P-1", 11, 2500),))

NO_CALL_FAILS = {"faults": False, "late": 0, "twice": False}


def tried(style: Any, command: CreateOrder = ORDINARY, **options: Any) -> Exploration:
    restart = (lambda shop: style(shop).recover()) if style in (Hybrid, HASTY) else None
    return explore(
        lambda shop: shop.place_order(style(shop).create_order, command),
        shop=ShopWithADisk,
        restart=restart,
        **options,
    )


@cache
def every_bad_luck(command: CreateOrder) -> Exploration:
    return tried(Hybrid, command)


def rows(shop: Any, sql: str) -> list[Any]:
    return [row[0] for row in shop.disk.execute(sql)]


def is_told(order: OrderBooks) -> bool:
    """Whether the customer has a mail that says what became of the order."""
    status = None if order.order is None else order.order.status
    if status is OrderStatus.CANCELLED:
        return order.regrets > 0 and order.confirmations == 0
    return status is None or (status is OrderStatus.CONFIRMED and order.confirmations > 0)


def all_is_done(shop: Shop) -> bool:
    """Nothing is owed, all mails are sent, and the analysts have counted each order once."""
    ledgers = books(shop)
    return (
        audit(shop) == []
        and not any(order.owed for order in ledgers)
        and all(map(is_told, ledgers))
        and rows(shop, "SELECT COUNT(*) FROM analytics") == [sum(o.stands for o in ledgers)]
    )


def is_hopeless(case: Case) -> bool:
    """Whether something fails every time, to the very end."""
    return any(decision.kind.endswith("for-good") for decision in case.decisions)


def in_words(cases: Any) -> list[str]:
    return [f"{case.title}: {[v.sentence for v in case.violations]}" for case in cases]


# --- the lesson's originals ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "survived", "of"),
    [(RequestResponse, 9, 25), (EventDriven, 20, 29), (NaiveHybrid, 12, 27)],
)
def test_the_originals_survive_about_half_of_the_bad_luck(
    style: Any, survived: int, of: int
) -> None:
    found = tried(style)
    assert (found.survived, found.tried) == (survived, of)
    sold_twice = [v.rule for v in found.find("last-pieces").violations]
    assert sold_twice == (["no order without its stock"] if style is EventDriven else [])


# --- the hybrid under all bad luck ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "told", "of"),
    [(ORDINARY, Told.CONFIRMED, 177), (DECLINED, Told.FAILED, 201), (TOO_MANY, Told.FAILED, 159)],
    ids=["ordinary", "card declined", "out of stock"],
)
def test_the_hybrid_survives_every_bad_luck(command: CreateOrder, told: Told, of: int) -> None:
    found = every_bad_luck(command)
    assert in_words(found.counterexamples) == []
    assert found.survived == found.tried == of
    assert [answer.told for answer in found.find().answers] == [told]
    for case in found.cases:
        shop: Any = case.shop
        assert case.run.error is None, case.title
        if not is_hopeless(case):
            assert all_is_done(shop), case.title
            states = set(rows(shop, "SELECT state FROM sagas"))
            assert states <= {SagaState.COMPLETED, SagaState.COMPENSATED}, case.title
            assert rows(shop, "SELECT id FROM outbox WHERE published_at IS NULL") == [], case.title


def test_what_is_owed_and_how_many_mails_as_the_notebook_says() -> None:
    found = every_bad_luck(ORDINARY)
    owed = [case for case in found.cases if any(order.owed for order in case.ledgers)]
    assert (len(owed), all(map(is_hopeless, owed))) == (12, True)
    mails = [max(order.mails for order in case.ledgers) for case in found.cases]
    assert sorted(number for number in mails if number > 1) == [2, 2, 50]


def test_two_clicks_are_one_order_and_the_last_pieces_go_to_one_customer() -> None:
    found = every_bad_luck(ORDINARY)
    clicks, last = found.find("clicks-twice"), found.find("last-pieces")
    assert [answer.told for answer in clicks.answers] == [Told.CONFIRMED] * 2
    assert (len(clicks.shop.payment.captures), clicks.remarks) == (1, ())
    told = {answer.order_id: (answer.told, round(answer.wait, 3)) for answer in last.answers}
    assert told == {"O-001": (Told.CONFIRMED, 0.3), "O-001-B": (Told.FAILED, 0.2)}
    assert [order.regrets for order in last.ledgers] == [0, 1]


def test_process_and_successor_may_both_be_killed_and_customers_may_be_two() -> None:
    found = tried(Hybrid, pairs=True, **NO_CALL_FAILS)
    assert in_words(found.counterexamples) == []
    assert found.survived == found.tried == 185  # as the notebook says
    late = [case for case in found.cases if any(order.owed for order in case.ledgers)]
    assert in_words(late) == []
    assert all(is_told(order) for case in found.cases for order in case.ledgers)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_hybrid_survives_every_pair() -> None:
    found = tried(HASTY, pairs=True)
    assert in_words(found.counterexamples) == []
    assert found.complete
    assert (found.survived, found.tried, found.runs) == (8043, 8043, 17_727)  # as it says there


@pytest.mark.slow
def test_two_messages_may_be_late() -> None:
    found = tried(HASTY, late=2, faults=False, twice=False, crashes=None)
    assert in_words(found.counterexamples) == []
    assert found.complete
    assert found.tried > 3000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("command", [DECLINED, TOO_MANY], ids=["card declined", "out of stock"])
def test_so_it_does_when_the_order_has_to_be_undone(command: CreateOrder) -> None:
    found = tried(HASTY, command, pairs=True, late=0)
    assert in_words(found.counterexamples) == []
    assert found.complete
    assert found.tried > 1000


def test_the_process_may_die_at_any_event_of_several_orders() -> None:
    """Also while the relay of one order meets the event of another that is not through yet."""

    async def three_orders(shop: Shop) -> None:
        service = Hybrid(shop)
        async with asyncio.TaskGroup() as customers:
            for number in (1, 2, 3):
                customers.create_task(shop.place_order(service.create_order, an_order(number)))
                await asyncio.sleep(0.253)

    found = explore(
        three_orders,
        shop=partial(ShopWithADisk, latency={"database": 0.1}),
        restart=lambda shop: Hybrid(shop).recover(),
        **(NO_CALL_FAILS | {"customers": False}),
    )
    assert in_words(found.counterexamples) == []
    assert found.tried > 40
    unfinished = [case for case in found.cases if not all_is_done(case.shop)]
    assert in_words(unfinished) == []


# --- what it costs, and what is behind -----------------------------------------------------------


def test_the_customer_waits_for_stock_and_payment_and_not_for_the_mail() -> None:
    shop = ShopWithADisk(latency={"notification": 5.0})
    answer = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf).result
    assert answer.wait == pytest.approx(0.3)
    assert all_is_done(shop)


@pytest.mark.parametrize("operation", ["inventory.reserve", "payment.charge"])
def test_without_its_core_the_hybrid_turns_the_order_down_and_holds_nothing(operation: str) -> None:
    shop = ShopWithADisk(faults=[Refused(operation)])
    answer = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf).result
    assert answer.told is Told.FAILED
    assert [(order.money, order.held, order.regrets) for order in books(shop)] == [(0, 0, 1)]
    assert all_is_done(shop)


@pytest.mark.parametrize("minutes", [30, 120])
def test_without_the_mail_the_order_stands_and_the_mail_comes_when_it_can(minutes: int) -> None:
    shop = ShopWithADisk(faults=[Outage("notification", 0.0, 60.0 * minutes)])
    outcome = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf)
    assert outcome.result.told is Told.CONFIRMED
    (sent,) = [change.time for change in outcome.trace.states if change.service == "notification"]
    assert 0 < sent - 60 * minutes < 700  # the longest pause of its backoff is 600 s
    assert all_is_done(shop)


def test_after_fifty_failures_the_mail_is_parked_and_owed_until_a_new_process_comes() -> None:
    shop = ShopWithADisk(faults=[Outage("notification", 0.0, 10 * 3600.0)])
    owed = []

    async def a_day_without_mails() -> None:
        await shop.place_order(Hybrid(shop).create_order)
        await asyncio.sleep(24 * 3600)
        owed.extend([*audit(shop), *remarks(shop)])
        await Hybrid(shop).recover()

    run(a_day_without_mails(), drain=math.inf)
    assert [one.rule for one in owed] == ["a mail is owed"]
    assert all_is_done(shop)


def test_who_was_told_that_nobody_knows_yet_hears_how_it_ended() -> None:
    """Confirmed and not known to be; not cancelled either; parked; and undone the next morning."""
    lost = [ReplyLost("database.save", call=number) for number in (2, 3, 4)]
    refused = [Refused("database.save", call=number) for number in range(5, 10)]
    shop = ShopWithADisk(faults=[*lost, *refused])
    told: list[Told] = []

    async def until_the_next_morning() -> None:
        told.append((await shop.place_order(Hybrid(shop).create_order)).told)
        await asyncio.sleep(24 * 3600)
        assert shop.notification.mails == []
        await Hybrid(shop).recover()

    run(until_the_next_morning(), drain=math.inf)
    assert told == [Told.UNKNOWN]
    assert [(o.stands, o.money, o.held, o.confirmations, o.regrets) for o in books(shop)] == [
        (False, 0, 0, 0, 1)
    ]
    assert all_is_done(shop)


LATENCIES = st.sampled_from([0.0, 0.2, Uniform(0.0, 1.0), LogNormal(0.2, 1.0)])


@settings(max_examples=25, deadline=None)
@given(
    latency=st.fixed_dictionaries(
        dict.fromkeys(("inventory", "payment", "database", "notification"), LATENCIES)
    ),
    p=st.floats(0.0, 0.3),
    how=st.sampled_from(Failure),
    seed=st.integers(0, 1000),
    kill_at=st.floats(0.0, 3.0),
)
def test_money_is_conserved_whatever_happens(
    latency: dict[str, Any], p: float, how: Failure, seed: int, kill_at: float
) -> None:
    flaky = [
        Flaky(name, p=p, how=how) for name in ("inventory", "payment", "database", "notification")
    ]
    shop = ShopWithADisk(latency=latency, faults=flaky, seed=seed)

    async def go_on_until_nothing_is_owed() -> None:
        # What a compensation could not undo is FAILED; whoever operates the shop resumes it later.
        service = Hybrid(shop)
        while any(result.state == "failed" for result in await service.saga.resume()):
            await asyncio.sleep(60)
        await service.recover()

    again: list[asyncio.Task[None]] = []

    def start_again(name: str) -> None:
        work = shop.restart(name, go_on_until_nothing_is_owed())
        again.append(asyncio.create_task(work))

    async def five_orders() -> None:
        shop.network.on_kill = start_again
        asyncio.get_running_loop().call_later(kill_at, shop.network.kill, "orders")
        service = Hybrid(shop)
        orders = [shop.place_order(service.create_order, an_order(number)) for number in range(5)]
        await asyncio.gather(*orders)
        await asyncio.sleep(10)  # the kill may come after the last answer
        await asyncio.gather(*again)
        await go_on_until_nothing_is_owed()

    run(five_orders(), drain=math.inf)
    taken = sum(
        capture.amount for capture in shop.payment.captures.values() if not capture.refunded
    )
    assert taken == sum(order.total for order in books(shop) if order.stands)
    assert all_is_done(shop)
