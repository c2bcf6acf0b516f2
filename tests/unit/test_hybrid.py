"""What notebook 07 says of its three styles holds: its own classes are put under every fault."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import (
    CreateOrder,
    Flaky,
    Item,
    LogNormal,
    Outage,
    Refused,
    Shop,
    Told,
    Uniform,
    an_order,
    audit,
    books,
    explore,
    run,
)
from lessonkit.explorer import Case, Exploration
from lessonkit.faults import Failure
from tests.notebook_code import namespace

CELLS = (
    "setup",
    "request-response",
    "event-driven",
    "naive-hybrid",
    "disk",
    "core-code",
    "behind-code",
    "hybrid-code",
)
NOTEBOOK = namespace("07-choosing", *CELLS)
Hybrid, ShopWithADisk = NOTEBOOK["Hybrid"], NOTEBOOK["ShopWithADisk"]

ORDINARY = CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),))
DECLINED = CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),), "expired card")
TOO_MANY = CreateOrder("O-001", "C-100", (Item("P-1", 11, 2500),))


def tried(style: str, command: CreateOrder = ORDINARY, **options: Any) -> Exploration:
    kind = NOTEBOOK[style]
    restart = (lambda shop: kind(shop).recover()) if style == "Hybrid" else None
    return explore(
        lambda shop: shop.place_order(kind(shop).create_order, command),
        shop=ShopWithADisk,
        restart=restart,
        **options,
    )


def counted(shop: Shop) -> int:
    """How many orders the analysts have in their table."""
    rows = shop.disk.execute("SELECT COUNT(*) FROM analytics")  # type: ignore[attr-defined]
    number: int = rows.fetchone()[0]
    return number


def all_are_told(shop: Shop) -> bool:
    """Every order that stands has a mail, and the analysts have counted each of them once."""
    ledgers = books(shop)
    mailed = all(order.mails >= order.stands for order in ledgers)
    return mailed and counted(shop) == sum(order.stands for order in ledgers)


def in_words(cases: list[Case]) -> list[str]:
    return [f"{case.title}: {[v.sentence for v in case.violations]}" for case in cases]


# --- the lesson's originals ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "survived", "of"),
    [("RequestResponse", 9, 21), ("EventDriven", 12, 18), ("NaiveHybrid", 11, 20)],
)
def test_the_originals_survive_about_half_of_the_faults(style: str, survived: int, of: int) -> None:
    found = tried(style)
    assert (found.survived, found.tried) == (survived, of)


@pytest.mark.parametrize(
    ("style", "survived", "of"),
    [("RequestResponse", 28, 67), ("EventDriven", 42, 82), ("NaiveHybrid", 32, 59)],
)
def test_the_originals_survive_about_half_of_the_pairs(style: str, survived: int, of: int) -> None:
    found = tried(style, pairs=True)
    assert (found.survived, found.tried) == (survived, of)


# --- the hybrid ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "told", "of"),
    [(ORDINARY, Told.CONFIRMED, 344), (DECLINED, Told.FAILED, 241), (TOO_MANY, Told.FAILED, 77)],
    ids=["ordinary", "card declined", "out of stock"],
)
def test_the_hybrid_survives_every_fault_and_every_pair(
    command: CreateOrder, told: Told, of: int
) -> None:
    found = tried("Hybrid", command, pairs=True)
    assert in_words(list(found.counterexamples)) == []
    assert found.survived == found.tried == of
    assert in_words([case for case in found.cases if not all_are_told(case.shop)]) == []
    answers = {answer.told for case in found.cases for answer in case.shop.customer.answers}
    assert answers == {told, Told.NOTHING}
    assert all(case.run.error is None for case in found.cases)


def test_no_saga_is_left_half_done_and_no_event_unpublished() -> None:
    for case in tried("Hybrid", pairs=True).cases:
        disk = case.shop.disk  # type: ignore[attr-defined]
        open_sagas = disk.execute(
            "SELECT saga_id FROM sagas WHERE state NOT IN ('completed', 'compensated')"
        ).fetchall()
        unpublished = disk.execute("SELECT id FROM outbox WHERE published_at IS NULL").fetchall()
        assert (open_sagas, unpublished) == ([], []), case.title


def test_the_customer_waits_for_stock_and_payment_and_not_for_the_mail() -> None:
    shop = ShopWithADisk(latency={"notification": 5.0})
    answer = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf).result
    assert answer.wait == pytest.approx(0.3)
    assert all_are_told(shop)


@pytest.mark.parametrize("service", ["inventory", "payment"])
def test_without_its_core_the_hybrid_turns_the_order_down_and_holds_nothing(service: str) -> None:
    shop = ShopWithADisk(
        faults=[Refused(f"{service}.{'reserve' if service[0] == 'i' else 'charge'}")]
    )
    answer = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf).result
    assert answer.told is Told.FAILED
    assert audit(shop) == []
    assert [(order.money, order.held) for order in books(shop)] in ([], [(0, 0)])


def test_without_the_mail_the_order_stands_and_the_mail_comes_when_it_can() -> None:
    shop = ShopWithADisk(faults=[Outage("notification", 0.0, 1800.0)])
    outcome = run(shop.place_order(Hybrid(shop).create_order), drain=math.inf)
    assert outcome.result.told is Told.CONFIRMED
    assert audit(shop) == []
    (sent,) = [change.time for change in outcome.trace.states if change.service == "notification"]
    assert 1800 < sent < 1800 + 700  # the longest pause of its backoff is 600 s
    assert all_are_told(shop)


def test_an_order_that_was_undone_is_told_to_nobody() -> None:
    """The database has stored it, and the process dies before it learns of that."""
    shop = ShopWithADisk(latency={"database": 0.1})
    service = Hybrid(shop)

    async def killed_after_the_commit() -> None:
        loop = asyncio.get_running_loop()
        shop.network.on_kill = lambda name: again.append(
            asyncio.create_task(shop.restart(name, Hybrid(shop).recover()))
        )
        loop.call_at(0.395, shop.network.kill, "orders")  # stored at 0.39, the reply at 0.4
        await shop.place_order(service.create_order)

    again: list[asyncio.Task[None]] = []
    run(killed_after_the_commit(), drain=math.inf)
    assert audit(shop) == []
    assert not any(order.stands for order in books(shop))
    assert (shop.notification.mails, counted(shop)) == ([], 0)


def test_an_order_is_told_only_when_its_saga_is_through() -> None:
    """The relay of one order meets the event of another that is stored and not yet decided."""
    shop = ShopWithADisk(latency={"database": 0.1})
    again: list[asyncio.Task[None]] = []

    async def killed_between_commit_and_reply() -> None:
        loop = asyncio.get_running_loop()
        shop.network.on_kill = lambda name: again.append(
            asyncio.create_task(shop.restart(name, Hybrid(shop).recover()))
        )
        service = Hybrid(shop)
        first = asyncio.create_task(shop.place_order(service.create_order, an_order(1)))
        await asyncio.sleep(0.505)
        # The second is stored at 0.895 s; its reply would be there at 0.905 s. The first is through
        # at 0.4 s and its mail at 0.9 s: then the relay looks again.
        loop.call_at(0.903, shop.network.kill, "orders")
        await asyncio.gather(first, shop.place_order(service.create_order, an_order(2)))

    run(killed_between_commit_and_reply(), drain=math.inf)
    assert [order.stands for order in books(shop)] == [True, False]
    assert audit(shop) == []
    assert all_are_told(shop)


@pytest.mark.parametrize("milliseconds", range(0, 1000, 25))
def test_the_process_may_die_at_any_moment_of_several_orders(milliseconds: int) -> None:
    shop = ShopWithADisk(latency={"database": 0.04})
    again: list[asyncio.Task[None]] = []

    async def three_orders_and_a_kill() -> None:
        loop = asyncio.get_running_loop()
        shop.network.on_kill = lambda name: again.append(
            asyncio.create_task(shop.restart(name, Hybrid(shop).recover()))
        )
        loop.call_later(milliseconds / 1000, shop.network.kill, "orders")
        service = Hybrid(shop)
        orders = [
            shop.place_order(service.create_order, CreateOrder(f"O-{n}", "C", ORDINARY.items))
            for n in range(3)
        ]
        await asyncio.gather(*orders)

    run(three_orders_and_a_kill(), drain=math.inf)
    assert audit(shop) == []
    assert all_are_told(shop)


LATENCIES = st.sampled_from([0.0, 0.2, Uniform(0.0, 1.0), LogNormal(0.2, 1.0)])


@settings(max_examples=60, deadline=None)
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
    flaky = [Flaky(name, p=p, how=how) for name in ("inventory", "payment", "notification")]
    shop = ShopWithADisk(latency=latency, faults=flaky, seed=seed)
    again: list[asyncio.Task[None]] = []

    async def go_on_until_nothing_is_owed() -> None:
        # What a compensation could not undo is FAILED; whoever operates the shop resumes it later.
        service = Hybrid(shop)
        while any(result.state == "failed" for result in await service.saga.resume()):
            await asyncio.sleep(60)
        service.behind.start()

    async def five_orders() -> None:
        loop = asyncio.get_running_loop()
        shop.network.on_kill = lambda name: again.append(
            asyncio.create_task(shop.restart(name, go_on_until_nothing_is_owed()))
        )
        loop.call_later(kill_at, shop.network.kill, "orders")
        service = Hybrid(shop)
        orders = [
            shop.place_order(service.create_order, CreateOrder(f"O-{n}", "C", ORDINARY.items))
            for n in range(5)
        ]
        await asyncio.gather(*orders)
        await asyncio.sleep(10)  # the kill may come after the last answer
        await asyncio.gather(*again)

    run(five_orders(), drain=math.inf)
    taken = sum(
        capture.amount for capture in shop.payment.captures.values() if not capture.refunded
    )
    assert taken == sum(order.total for order in books(shop) if order.stands)
    assert audit(shop) == []
    assert all_are_told(shop)
