"""explore(): every fault at every call, one run each, and what the audit says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, partial
from typing import Any

import pytest

from lessonkit import (
    Case,
    Crash,
    CreateOrder,
    Down,
    Exploration,
    Exponential,
    NoReply,
    Order,
    OrderFailed,
    Refused,
    ReplyLost,
    ServiceRefused,
    Shop,
    Slow,
    Told,
    an_order,
    explore,
)
from lessonkit.faults import AnyFault
from lessonkit.messages import current_language, language
from lessonkit.shop.customer import OrderFunction

OPERATIONS = [
    "inventory.reserve",
    "payment.charge",
    "database.save",
    "notification.send_order_confirmation",
]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    before = current_language()
    language("en")
    yield
    language(before)


async def at_once(call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    return await call(*args)


async def twice(call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Call; if that fails, call once more."""
    try:
        return await call(*args)
    except (NoReply, ServiceRefused):
        await asyncio.sleep(0.1)
        return await call(*args)


def order_service(
    shop: Shop, charge: Callable[..., Awaitable[Any]] = at_once, key: str | None = None
) -> OrderFunction:
    async def create_order(command: CreateOrder) -> Order:
        reserved = await shop.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await charge(shop.payment.charge, command.total, command.payment_method, key)
        if not payment.success:
            await shop.inventory.cancel_reservation(reserved.reservation_id or "")
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id or "")
        await shop.database.save(order)
        await shop.notification.send_order_confirmation(order)
        return order

    return create_order


async def plain(shop: Shop) -> None:
    await shop.place_order(order_service(shop))


async def declined(shop: Shop) -> None:
    command = CreateOrder("O-001", "C-100", an_order().items, "expired card")
    await shop.place_order(order_service(shop), command)


async def retrying(shop: Shop) -> None:
    await shop.place_order(order_service(shop, twice, key="O-001"))


async def retrying_without_a_key(shop: Shop) -> None:
    await shop.place_order(order_service(shop, twice))


@cache
def found() -> Exploration:
    return explore(plain)


def four(operation: str, call: int = 1) -> list[AnyFault]:
    return [
        Refused(operation, call=call),
        Down(operation, call=call),
        ReplyLost(operation, call=call),
        Slow(operation, call=call, times=10.0),
    ]


def singles(operations: list[str]) -> list[AnyFault]:
    """The faults that are expected for these calls, in order."""
    faults: list[AnyFault] = [Crash("orders", after=0)]
    for step, operation in enumerate(operations, start=1):
        faults += [*four(operation), Crash("orders", after=step)]
    return faults


def faults_of(exploration: Exploration) -> list[tuple[AnyFault, ...]]:
    return [case.faults for case in exploration.cases]


def titles(exploration: Exploration) -> list[str]:
    return [case.title for case in exploration.cases]


def rules(case: Case) -> list[str]:
    return [violation.rule for violation in case.violations]


# --- single faults -------------------------------------------------------------------------------


def test_the_plain_order_service_survives_9_of_21_faults() -> None:
    assert (found().survived, found().tried) == (9, 21)
    assert len(found().cases) == 22
    assert len(found().counterexamples) == 12


def test_the_cases_are_in_the_order_in_which_the_calls_are_made() -> None:
    assert faults_of(found()) == [(), *((fault,) for fault in singles(OPERATIONS))]


def test_the_run_without_a_fault_comes_first_and_is_honest() -> None:
    first = found().cases[0]
    assert (first.faults, first.title, first.survived) == ((), "no fault", True)
    assert first.run.elapsed == pytest.approx(0.8)


def test_what_survives_is_what_has_no_violation() -> None:
    for case in found().cases:
        assert case.survived == (not case.violations) == (case not in found().counterexamples)


def test_the_titles_say_in_words_what_goes_wrong() -> None:
    assert titles(found())[:8] == [
        "no fault",
        "orders: killed after step 0",
        "inventory.reserve: refused",
        "inventory.reserve: down before the effect",
        "inventory.reserve: reply lost after the effect",
        "inventory.reserve: slow",
        "orders: killed after step 1",
        "payment.charge: refused",
    ]
    assert len(set(titles(found()))) == 22


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (Refused("inventory.reserve", call=1), []),
        (Refused("payment.charge", call=1), ["no stock without an order"]),
        (
            ReplyLost("payment.charge", call=1),
            ["no money without an order", "no stock without an order"],
        ),
        (ReplyLost("database.save", call=1), ["the customer is told the truth"]),
        (
            Refused("notification.send_order_confirmation", call=1),
            ["the customer is told the truth"],
        ),
        (Slow("payment.charge", call=1, times=10.0), []),
        (Crash("orders", after=1), ["no stock without an order"]),
        (Crash("orders", after=4), []),
    ],
    ids=repr,
)
def test_a_case_is_found_by_its_fault(fault: AnyFault, broken: list[str]) -> None:
    assert rules(found().find(fault)) == broken


def test_the_case_without_a_fault_is_found_by_none() -> None:
    assert found().find() is found().cases[0]


@pytest.mark.parametrize(
    "faults",
    [
        (Refused("payment.charge", call=2),),
        (Refused("payment.charge"),),
        (Crash("orders", after=9),),
        (Refused("inventory.reserve", call=1), Refused("payment.charge", call=1)),
    ],
    ids=repr,
)
def test_a_case_that_was_not_tried_is_a_key_error(faults: tuple[AnyFault, ...]) -> None:
    with pytest.raises(KeyError) as caught:
        found().find(*faults)
    assert repr(faults) in str(caught.value)
    assert "orders: killed after step 4" in str(caught.value)


def test_a_call_of_the_scenario_is_found_from_the_first_run() -> None:
    async def one_call_more(shop: Shop) -> None:
        create_order = order_service(shop)

        async def create_and_refund(command: CreateOrder) -> None:
            order = await create_order(command)
            await shop.payment.refund(order.transaction_id)

        await shop.place_order(create_and_refund)

    exploration = explore(one_call_more)
    assert exploration.tried == 21 + 4 + 1
    assert faults_of(exploration)[1:] == [(f,) for f in singles([*OPERATIONS, "payment.refund"])]


def test_another_way_through_the_program_has_other_calls() -> None:
    exploration = explore(declined)
    operations = ["inventory.reserve", "payment.charge", "inventory.cancel_reservation"]
    assert faults_of(exploration)[1:] == [(fault,) for fault in singles(operations)]
    lost = exploration.find(Down("inventory.cancel_reservation", call=1))
    assert rules(lost) == ["no stock without an order"]


def test_the_second_call_of_an_operation_has_faults_of_its_own() -> None:
    async def two_orders(shop: Shop) -> None:
        for number in (1, 2):
            await shop.place_order(order_service(shop), an_order(number))

    exploration = explore(two_orders)
    assert exploration.tried == 1 + 8 * 5
    case = exploration.find(Refused("payment.charge", call=2))
    assert case.title == "payment.charge #2: refused"
    assert [answer.told for answer in case.shop.customer.answers] == [Told.CONFIRMED, Told.FAILED]


def test_without_crashes_there_are_the_four_faults_of_each_call() -> None:
    exploration = explore(plain, crashes=None)
    expected = [(fault,) for operation in OPERATIONS for fault in four(operation)]
    assert faults_of(exploration) == [(), *expected]


def test_another_service_can_be_the_one_that_crashes() -> None:
    exploration = explore(plain, crashes="payment")
    crashes = [case for case in exploration.cases if isinstance((*case.faults, None)[0], Crash)]
    assert [case.faults for case in crashes] == [(Crash("payment", after=0),)]
    assert rules(crashes[0]) == ["no stock without an order"]


def test_how_slow_a_slow_call_is_can_be_chosen() -> None:
    exploration = explore(plain, slow=3)
    case = exploration.find(Slow("payment.charge", call=1, times=3))
    assert case.run.elapsed == pytest.approx(0.8 + 0.4)


def test_the_shop_can_be_another_one() -> None:
    exploration = explore(plain, shop=partial(Shop, latency={"payment": 1.0}))
    assert exploration.cases[0].run.elapsed == pytest.approx(1.6)
    exploration = explore(plain, shop=partial(Shop, stock={"P-1": 1}))
    assert exploration.tried == 1 + 5  # out of stock: one call only


def test_each_case_has_a_shop_of_its_own() -> None:
    assert len({id(case.shop) for case in found().cases}) == 22
    assert all(len(case.shop.customer.answers) == 1 for case in found().cases)


def test_what_is_on_its_way_when_the_scenario_ends_arrives_before_the_audit() -> None:
    async def impatient(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            async with asyncio.timeout(0.01):
                await shop.payment.charge(command.total, command.payment_method)

        await shop.place_order(create_order)

    assert rules(explore(impatient).cases[0]) == ["no money without an order"]


# --- the table -----------------------------------------------------------------------------------


def test_the_table_has_one_row_for_each_case() -> None:
    frame = found().to_frame()
    assert list(frame.columns) == [
        "fault",
        "the customer was told",
        "orders",
        "pieces held",
        "yen taken",
        "mails",
        "what the audit says",
    ]
    assert list(frame["fault"]) == titles(found())


def test_the_table_says_what_each_side_knows_at_the_end() -> None:
    frame = found().to_frame().set_index("fault")
    assert list(frame.loc["no fault"]) == ["confirmed", 1, 2, 5000, 1, "✓"]
    assert list(frame.loc["payment.charge: reply lost after the effect"]) == [
        "failed",
        0,
        2,
        5000,
        0,
        "O-001: 5,000 yen were taken, but there is no order."
        " O-001: 2 pieces are held, but there is no order.",
    ]
    assert frame.loc["orders: killed after step 0", "the customer was told"] == "no answer"


def test_the_table_has_every_sentence_of_the_audit_and_a_tick_for_the_honest() -> None:
    for said, case in zip(found().to_frame()["what the audit says"], found().cases, strict=True):
        assert all(violation.sentence in said for violation in case.violations)
        assert (said == "✓") == case.survived


# --- pairs ---------------------------------------------------------------------------------------


def test_pairs_cover_every_single_fault_as_well() -> None:
    pairs = explore(plain, pairs=True)
    single = [case for case in pairs.cases if len(case.faults) < 2]
    assert [case.faults for case in single] == faults_of(found())
    assert [rules(case) for case in single] == [rules(case) for case in found().cases]
    assert len(faults_of(pairs)) == len(set(faults_of(pairs)))
    assert {len(case.faults) for case in pairs.cases} == {0, 1, 2}


def test_each_pair_follows_its_first_fault() -> None:
    first: tuple[AnyFault, ...] = ()
    for case in explore(plain, pairs=True).cases:
        if len(case.faults) == 2:
            assert case.faults[:1] == first
        first = case.faults[:1]


def after(exploration: Exploration, first: AnyFault) -> list[AnyFault]:
    """The second faults that were tried after this first one."""
    pairs = [case.faults for case in exploration.cases if len(case.faults) == 2]
    return [faults[1] for faults in pairs if faults[0] == first]


def test_the_second_fault_strikes_what_comes_after_the_first() -> None:
    pairs = explore(plain, pairs=True)
    # A slow call: the order service goes on, with one more call, and two moments to be killed at.
    assert after(pairs, Slow("database.save", call=1, times=10.0)) == [
        Crash("orders", after=3),
        *four("notification.send_order_confirmation"),
        Crash("orders", after=4),
    ]
    # A refused call: it gives up, and can only be killed before it says so.
    assert after(pairs, Refused("database.save", call=1)) == [Crash("orders", after=3)]
    # Killed: there is nothing left to strike.
    assert after(pairs, Crash("orders", after=3)) == []


def test_a_title_of_a_pair_names_both() -> None:
    pairs = explore(retrying, pairs=True)
    case = pairs.find(ReplyLost("payment.charge", call=1), Refused("payment.charge", call=2))
    assert case.title == (
        "payment.charge: reply lost after the effect + payment.charge #2: refused"
    )


def test_pairs_strike_the_retry_that_the_first_fault_gave_rise_to() -> None:
    assert explore(retrying).find(Refused("payment.charge", call=1)).survived
    pairs = explore(retrying, pairs=True)
    for first in four("payment.charge")[:3]:
        for second in four("payment.charge", call=2):
            assert pairs.find(first, second).faults == (first, second)
    assert any(
        fault == Refused("payment.charge", call=2) for case in pairs.cases for fault in case.faults
    )
    broken = pairs.find(Refused("payment.charge", call=1), Refused("payment.charge", call=2))
    assert rules(broken) == ["no stock without an order"]
    with pytest.raises(KeyError):  # a slow call is not repeated
        pairs.find(four("payment.charge")[3], Refused("payment.charge", call=2))


def test_a_retry_without_a_key_takes_the_money_twice() -> None:
    lost = ReplyLost("payment.charge", call=1)
    assert rules(explore(retrying_without_a_key).find(lost)) == ["no wrong amount"]
    assert rules(explore(retrying).find(lost)) == []


def test_pairs_strike_the_recovery_after_a_crash() -> None:
    pairs = explore(plain, pairs=True, restart=recover)
    assert after(pairs, Crash("orders", after=2)) == four("database.save")
    refused = pairs.find(Crash("orders", after=2), Refused("database.save", call=1))
    assert rules(refused) == ["no money without an order", "no stock without an order"]


# --- crash and restart ---------------------------------------------------------------------------


async def recover(shop: Shop) -> None:
    """Save the order that was paid for and not saved."""
    paid = {capture.order_id: capture for capture in shop.payment.captures.values()}
    if "O-001" in paid and "O-001" not in shop.database.orders:
        await shop.database.save(Order.create(an_order(), paid["O-001"].transaction_id))


def test_a_recovery_is_started_once_after_each_crash_and_never_without_one() -> None:
    recovered: list[Shop] = []

    async def count(shop: Shop) -> None:
        recovered.append(shop)

    exploration = explore(plain, restart=count)
    crashed = [case.shop for case in exploration.cases if isinstance((*case.faults, 0)[0], Crash)]
    assert len(crashed) == 5
    assert recovered == crashed


def test_a_recovery_that_saves_the_order_heals_the_crash() -> None:
    crash = Crash("orders", after=2)
    assert rules(found().find(crash)) == ["no money without an order", "no stock without an order"]
    exploration = explore(plain, restart=recover)
    healed = exploration.find(crash)
    assert healed.survived
    assert list(healed.shop.database.orders) == ["O-001"]
    assert healed.shop.network.calls[-1] == ("orders", "database.save", 1)
    assert exploration.survived == found().survived + 1


def test_a_recovery_changes_nothing_where_nothing_was_killed() -> None:
    exploration = explore(plain, restart=recover)
    for case, before in zip(exploration.cases, found().cases, strict=True):
        if not isinstance((*case.faults, None)[0], Crash):
            assert case.run.trace.digest() == before.run.trace.digest()


# --- what it promises besides --------------------------------------------------------------------


def test_two_explorations_are_equal() -> None:
    shop = partial(Shop, latency={"payment": Exponential(0.2)}, seed=3)
    one, two = (explore(retrying, shop=shop, pairs=True) for _ in range(2))
    assert titles(one) == titles(two)
    assert [c.run.trace.digest() for c in one.cases] == [c.run.trace.digest() for c in two.cases]
    assert one.to_frame().equals(two.to_frame())


def test_a_function_that_returns_a_coroutine_is_a_scenario() -> None:
    exploration = explore(lambda shop: shop.place_order(order_service(shop)))
    assert titles(exploration) == titles(found())
    assert exploration.survived == 9


def no_coroutine(shop: Shop) -> int:
    return 1


def test_a_scenario_that_is_no_coroutine_function_is_refused() -> None:
    with pytest.raises(TypeError):
        explore(no_coroutine)  # type: ignore[arg-type]


def test_a_mistake_in_the_scenario_is_raised() -> None:
    async def misspelt(shop: Shop) -> None:
        await shop.place_ordr(order_service(shop))  # type: ignore[attr-defined]

    with pytest.raises(AttributeError):
        explore(misspelt)


def test_a_fault_that_reaches_the_customer_itself_is_kept_in_the_case() -> None:
    async def pay_directly(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            await shop.payment.charge(command.total, command.payment_method)

        answer = await shop.place_order(create_order)
        if answer.told is not Told.CONFIRMED:
            raise OrderFailed(answer.reason)

    case = explore(pay_directly).find(Refused("payment.charge", call=1))
    assert isinstance(case.run.error, OrderFailed)


@pytest.mark.parametrize("slow", [0, -1, float("inf")])
def test_slow_is_checked_at_the_door(slow: float) -> None:
    with pytest.raises(ValueError, match="times must be a number above 0"):
        explore(plain, slow=slow)


def test_the_service_that_crashes_must_exist() -> None:
    with pytest.raises(ValueError, match=r"'warehouse'.* strikes an unknown service"):
        explore(plain, crashes="warehouse")


def test_a_crash_after_the_scenario_has_ended_is_followed_by_the_restart_too() -> None:
    restarted: list[Shop] = []

    async def leaves_the_mail_behind(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            order = Order.create(command, "T-1")
            shop.mail = asyncio.create_task(  # type: ignore[attr-defined]
                shop.notification.send_order_confirmation(order)
            )

        await shop.place_order(create_order)

    async def recover(shop: Shop) -> None:
        restarted.append(shop)

    found = explore(leaves_the_mail_behind, restart=recover)
    crashed = [case.shop for case in found.cases if isinstance((*case.faults, None)[0], Crash)]
    assert len(crashed) == 2
    assert restarted == crashed


def test_an_error_of_a_background_task_is_kept_if_the_shop_made_it() -> None:
    async def forgets_the_mail(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            order = Order.create(command, "T-1")
            shop.mail = asyncio.create_task(  # type: ignore[attr-defined]
                shop.notification.send_order_confirmation(order)
            )

        await shop.place_order(create_order)

    case = explore(forgets_the_mail).find(Refused("notification.send_order_confirmation", call=1))
    assert "notification refused the request" in str(case.run.error)


def test_a_scenario_that_calls_a_service_itself_has_its_calls_tried_too() -> None:
    async def asks_the_inventory(shop: Shop) -> None:
        await shop.inventory.reserve(an_order().items)

    found = explore(asks_the_inventory, crashes=None)
    assert [case.faults for case in found.cases] == [
        (),
        (Refused("inventory.reserve", call=1),),
        (Down("inventory.reserve", call=1),),
        (ReplyLost("inventory.reserve", call=1),),
        (Slow("inventory.reserve", call=1, times=10.0),),
    ]
    lost = found.find(ReplyLost("inventory.reserve", call=1))
    assert isinstance(lost.run.error, NoReply)
    assert [violation.rule for violation in lost.violations] == ["no stock without an order"]


def test_a_mistake_says_in_which_case_it_showed() -> None:
    async def fails_under_a_fault(shop: Shop) -> None:
        try:
            await shop.payment.charge(1, "card")
        except ServiceRefused:
            raise ValueError("a mistake") from None
        except NoReply:
            return

    with pytest.raises(ValueError, match="a mistake") as caught:
        explore(fails_under_a_fault, crashes=None)
    assert caught.value.__notes__ == ["(while exploring the case: payment.charge: refused)"]
