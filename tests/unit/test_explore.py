"""explore(): every single piece of bad luck, one run each, and what the audit says."""

from __future__ import annotations

import asyncio
import gc
import io
import itertools
import math
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from lessonkit import (
    CreateOrder,
    Event,
    InMemoryEventBus,
    Order,
    OrderFailed,
    Shop,
    Told,
    an_order,
    books,
    explore,
    replay,
    run,
)
from lessonkit.clock import FrozenTimeError
from lessonkit.explorer import Case, Exploration, Kind, run_case, saved_by
from lessonkit.faults import AnyFault, Crash, Down, Exponential, Refused
from lessonkit.luck import touch
from lessonkit.messages import current_language, language
from lessonkit.patterns.brokers import PartitionedLog, Queue, WorkQueue
from lessonkit.shop import NoReply, NotFound, ServiceRefused
from lessonkit.shop.customer import OrderFunction
from tests.unit.saga_shop import ShopWithLog, by_saga, resume

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


async def retrying(shop: Shop) -> None:
    await shop.place_order(order_service(shop, twice, key="O-001"))


async def undoing(shop: Shop) -> None:
    async def create_order(command: CreateOrder) -> None:
        try:
            await shop.inventory.reserve(command.items, command.order_id)
            await shop.payment.charge(command.total, "card", command.order_id)
            await shop.database.save(Order.create(command))
        except (NoReply, ServiceRefused):
            await shop.payment.refund_by_key(command.order_id)
            await shop.inventory.cancel_by_key(command.order_id)
            raise
        await shop.notification.send_order_confirmation(command)

    await shop.place_order(create_order)


async def undo(shop: Shop) -> None:
    """Undo what a killed process may have left behind."""
    if not shop.database.orders:
        await shop.database.save(Order.create(an_order()).cancelled())
        await shop.payment.refund_by_key("O-001")
        await shop.inventory.cancel_by_key("O-001")


async def impatient(shop: Shop) -> None:
    """Gives up after a quarter of a second and says that the order failed."""
    create_order = order_service(shop)

    async def with_a_limit(command: CreateOrder) -> None:
        async with asyncio.timeout(5):
            await create_order(command)

    await shop.place_order(with_a_limit)


@cache
def found() -> Exploration:
    return explore(plain)


def titles(exploration: Exploration) -> list[str]:
    return [case.title for case in exploration.cases]


def rules(case: Case) -> list[str]:
    return [violation.rule for violation in case.violations]


# --- single pieces of bad luck -------------------------------------------------------------------


def test_the_plain_order_service_survives_9_of_25() -> None:
    assert (found().survived, found().tried) == (9, 25)
    assert len(found().counterexamples) == 16
    assert found().complete


def test_the_run_without_bad_luck_comes_first_and_is_honest() -> None:
    first = found().find()
    assert first is found().cases[0]
    assert (first.decisions, first.title, first.survived) == ((), "no fault", True)
    assert first.run.elapsed == pytest.approx(0.8)


def test_a_survivor_is_a_case_without_a_violation() -> None:
    for case in found().cases:
        assert case.survived == (not case.violations) == (case not in found().counterexamples)


def test_the_titles_say_in_words_what_was_unlucky() -> None:
    assert len(set(titles(found()))) == 26
    for title in (
        "the customer clicks twice",
        "two customers want the last pieces",
        "payment.charge: refused",
        "payment.charge: down before the effect",
        "payment.charge: reply lost after the effect",
        "payment.charge: delivered twice",
        "orders is killed when the reply to payment.charge has come",
    ):
        assert title in titles(found())


@pytest.mark.parametrize(
    ("kind", "what", "broken"),
    [
        ("refused", "inventory.reserve", []),
        ("refused", "payment.charge", ["no stock without an order"]),
        (
            "reply-lost",
            "payment.charge",
            ["no money without an order", "no stock without an order"],
        ),
        ("reply-lost", "database.save", ["the customer is told the truth", "no mail lost"]),
        (
            "refused",
            "notification.send_order_confirmation",
            ["the customer is told the truth", "no mail lost"],
        ),
        ("twice", "inventory.reserve", ["no piece too many"]),
        ("twice", "payment.charge", ["no wrong amount"]),
        ("twice", "notification.send_order_confirmation", []),
        ("killed", "inventory.reserve", ["no stock without an order"]),
        ("killed", "payment.charge", ["no money without an order", "no stock without an order"]),
        ("killed", "database.save", ["no mail lost"]),
        ("clicks-twice", "", ["no wrong amount", "no piece too many"]),
        ("last-pieces", "", []),
    ],
)
def test_a_case_is_found_by_its_bad_luck(kind: str, what: str, broken: list[str]) -> None:
    assert rules(found().find(kind, what)) == broken


@pytest.mark.parametrize("faults", [(), (Down("payment"),)], ids=["an error", "no reply"])
def test_nobody_waits_for_the_reply_to_a_copy_even_if_it_is_an_error(
    faults: tuple[AnyFault, ...],
) -> None:
    async def scenario(shop: Shop) -> None:
        with pytest.raises(NotFound if not faults else NoReply):
            await shop.payment.refund("T-9")

    def shop(**_: object) -> Shop:
        return Shop(faults=faults)

    exploration = explore(scenario, shop=shop, faults=False, late=0, crashes=None, customers=False)
    _, case = exploration.cases
    assert case.title == "payment.refund: delivered twice"
    assert case.run.error is None


def test_the_order_of_two_services_matters_only_if_they_touch_the_same_thing() -> None:
    def orders_tried(shares: bool) -> int:
        async def scenario(shop: Shop) -> None:
            board: list[str] = []

            def write(name: str) -> None:
                if shares:
                    touch(board)
                board.append(name)

            calls = [shop.network.call(name, "write", write, name) for name in ("points", "stamps")]
            await asyncio.gather(*calls)

        shop = partial(Shop, more={"points": 0.1, "stamps": 0.2})
        return explore(
            scenario, shop=shop, faults=False, twice=False, crashes=None, customers=False, late=1
        ).tried

    assert orders_tried(shares=True) > orders_tried(shares=False)


def test_a_table_of_forty_cases_has_a_row_for_each_and_one_of_more_groups_them() -> None:
    usual, unlucky = found().cases[:2]
    forty = replace(found(), cases=(usual, *[unlucky] * 39))
    assert len(forty.to_frame()) == 40
    (row,) = replace(forty, cases=(*forty.cases, unlucky)).to_frame().itertuples(index=False)
    assert row[1] == 40


def test_a_scenario_that_lets_no_time_pass_is_stopped() -> None:
    async def scenario(shop: Shop) -> None:
        vars(asyncio.get_running_loop())["steps_per_instant"] = 1000  # not a million
        while True:
            await asyncio.sleep(0)

    with pytest.raises(FrozenTimeError, match="time stands still") as caught:
        run_case(scenario)
    assert "while exploring the case: no fault" in caught.value.__notes__[0]


def test_a_kind_or_a_leg_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"^kind must be one of refused, .*; got 'stolen'"):
        found().find("stolen")
    with pytest.raises(ValueError, match=r"^leg must be one of arrive, .*; got 'arm'"):
        found().find("late", leg="arm")


def test_what_comes_twice_is_a_nuisance_for_a_mail() -> None:
    case = found().find("twice", "notification.send_order_confirmation")
    assert [remark.rule for remark in case.remarks] == ["more than one mail"]


def test_a_fault_that_stays_is_the_same_as_one_where_nobody_asks_again() -> None:
    once = found().find("refused", "payment.charge")
    assert found().find("refused-for-good", "payment.charge") is once
    asks_again = explore(retrying)
    assert asks_again.find("refused", "payment.charge").survived
    assert rules(asks_again.find("refused-for-good", "payment.charge")) == [
        "no stock without an order"
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("refused", "payment.refund"), KeyError),
        (("broken", "payment.charge"), ValueError),
        (("refused", "payment.charge", 2), KeyError),
    ],
)
def test_a_case_that_was_not_tried_is_an_error(
    arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    kind, what, *number = arguments
    with pytest.raises(error, match=r"payment\.charge|broken"):
        found().find(kind, what, number=(number or [1])[0])


def test_a_late_message_alone_can_make_the_shop_lie() -> None:
    exploration = explore(
        impatient, faults=False, twice=False, crashes=None, customers=False, late=1
    )
    lies = [case for case in exploration.counterexamples if "the truth" in " ".join(rules(case))]
    assert [case.title for case in lies] == [
        "database.save takes effect only after the customer has the answer",
        "the reply to database.save comes only after orders has given up after 5,000 ms",
        "notification.send_order_confirmation takes effect only after the customer has the answer",
        "the reply to notification.send_order_confirmation comes only after orders has given up"
        " after 5,000 ms",
    ]
    assert all(len(case.decisions) == 1 for case in exploration.counterexamples)


def test_no_figure_depends_on_how_slow_slow_is() -> None:
    quick, slow = (
        explore(impatient, shop=partial(Shop, latency={"payment": seconds}))
        for seconds in (0.2, 2.0)
    )
    assert (quick.survived, quick.tried) == (slow.survived, slow.tried)


def test_the_process_is_killed_while_it_waits_as_well() -> None:
    kills = [
        case.decisions[0].event
        for case, _like in found().alike
        if case.decisions[0].kind is Kind.KILLED
    ]
    happened = [event.id for event in found().outcome(()).happened]
    assert kills == happened[happened.index(kills[0]) :]  # after every single event


def test_two_customers_and_the_last_pieces() -> None:
    case = found().find("last-pieces")
    ends = sorted((answer.customer_id, answer.told) for answer in case.answers)
    assert ends == [("C-100", Told.CONFIRMED), ("C-100-B", Told.FAILED)]
    assert case.shop.inventory.stock["P-1"] == 0


def test_the_other_customer_can_be_the_quicker_one() -> None:
    async def slow_to_reserve(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            Order.create(command)
            await shop.database.save(Order.create(command))  # promised before anybody has looked
            if not (await shop.inventory.reserve(command.items)).success:
                return
            await shop.payment.charge(command.total, command.payment_method)
            await shop.notification.send_order_confirmation(Order.create(command))

        await shop.place_order(create_order)

    case = explore(slow_to_reserve).find("last-pieces")
    assert {v.rule for v in case.violations} == {
        "no order without its money",
        "no order without its stock",
        "no mail lost",
    }


def test_each_kind_can_be_left_out() -> None:
    nothing: dict[str, Any] = {
        "faults": False,
        "late": 0,
        "twice": False,
        "crashes": None,
        "customers": False,
    }
    assert explore(plain, **nothing).tried == 0
    assert explore(plain, **nothing | {"faults": True}).tried == 12
    assert explore(plain, **nothing | {"twice": True}).tried == 4
    assert explore(plain, **nothing | {"crashes": "orders"}).tried == 7
    assert explore(plain, **nothing | {"customers": True}).tried == 2
    assert explore(plain, **nothing | {"late": 1}).tried == 0


def test_another_service_can_be_the_one_that_is_killed() -> None:
    exploration = explore(plain, crashes="payment", customers=False, faults=False, twice=False)
    assert all(case.decisions[0].service == "payment" for case in exploration.cases[1:])
    assert exploration.counterexamples


def test_the_shop_can_be_another_one() -> None:
    exploration = explore(plain, shop=partial(Shop, latency={"payment": 1.0}))
    assert exploration.cases[0].run.elapsed == pytest.approx(1.6)


def test_what_is_on_its_way_when_the_scenario_ends_arrives_before_the_audit() -> None:
    async def hasty(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            async with asyncio.timeout(0.01):
                await shop.payment.charge(command.total, command.payment_method)

        await shop.place_order(create_order)

    assert rules(explore(hasty).cases[0]) == ["no money without an order"]


def test_who_waits_for_ever_by_bad_luck_is_a_violation_and_no_deadlock() -> None:
    async def waits_for_an_event(shop: Shop) -> None:
        bus = InMemoryEventBus(shop.network)
        heard = asyncio.get_running_loop().create_future()

        @bus.subscribe(Event, service="payment")
        async def charge(event: Event) -> None:
            await shop.payment.charge(5000, "card", "O-001")
            if not heard.done():
                heard.set_result(None)

        async def create_order(command: CreateOrder) -> None:
            bus.publish_and_forget(Event())
            await heard

        await shop.place_order(create_order)

    case = explore(waits_for_an_event).find("refused", "payment.charge")
    assert "the customer gets an answer" in rules(case)


@pytest.mark.parametrize(("scenario", "shop"), [(plain, Shop), (by_saga, ShopWithLog)])
def test_a_run_without_bad_luck_is_the_run_as_usual(
    scenario: Callable[[Any], Any], shop: type[Shop]
) -> None:
    usual = run(scenario(shop()), drain=math.inf).trace.digest()
    assert run_case(scenario, shop=shop).run.trace.digest() == usual


# --- which messages come, and how often ----------------------------------------------------------


def test_an_event_of_a_bus_comes_late_and_twice() -> None:
    heard: list[str] = []

    async def told_by_events(shop: Shop) -> None:
        bus = InMemoryEventBus(shop.network)
        heard.clear()
        bus.subscribe(Event, lambda _: heard.append("inventory"), service="inventory")
        bus.subscribe(Event, lambda _: heard.append("payment"), service="payment")

        async def create_order(command: CreateOrder) -> None:
            bus.publish_and_forget(Event())
            raise OrderFailed("not today")

        await shop.place_order(create_order)

    exploration = explore(told_by_events)
    assert exploration.find("twice", "Event").title == "inventory hears Event twice"
    assert exploration.find("twice", "Event").run.error is None
    assert heard == ["inventory", "inventory", "payment"]


@pytest.mark.parametrize("broker", ["rabbitmq", "sqs", "kafka"])
def test_a_broker_delivers_once_more_what_it_does_not_know_to_be_done(broker: str) -> None:
    async def worked_off(shop: Shop) -> None:
        queue: Any = {
            "rabbitmq": WorkQueue,
            "sqs": partial(Queue, visibility_timeout=30),
            "kafka": PartitionedLog,
        }[broker]("orders")

        async def reserve() -> None:
            await shop.inventory.reserve(an_order().items)  # no key: each time anew

        async def work(command: CreateOrder) -> None:
            if broker == "rabbitmq":
                queue.publish("order")
                consumer = queue.consume("worker")
                while (message := await consumer.get(wait=60)) is not None:
                    await reserve()
                    consumer.ack(message)
            elif broker == "sqs":
                queue.send("order")
                while queue.depth or queue.in_flight:
                    for message in await queue.receive("worker"):
                        await reserve()
                        queue.delete(message)
            else:
                queue.append("O-001", "order")
                member = queue.join("group", "worker")
                while records := await member.poll(wait=10):
                    for record in records:
                        await reserve()
                        member.commit(record)
            await shop.payment.charge(command.total, command.payment_method)
            await shop.database.save(Order.create(command))
            await shop.notification.send_order_confirmation(command)

        await shop.place_order(work)

    exploration = explore(worked_off, late=0, customers=False, crashes=None, faults=False)
    assert exploration.cases[0].survived
    assert rules(exploration.find("twice", "order")) == ["no piece too many"]


# --- the table and the choices -------------------------------------------------------------------


def test_the_table_has_one_row_for_each_case() -> None:
    frame = found().to_frame()
    assert list(frame.columns) == [
        "bad luck",
        "the customer was told",
        "orders",
        "pieces held",
        "yen taken",
        "mails",
        "what the audit says",
    ]
    assert list(frame["bad luck"]) == titles(found())
    assert list(frame.iloc[0])[1:] == ["confirmed", 1, 2, 5000, 1, "✓"]
    lost = frame.set_index("bad luck").loc["payment.charge: reply lost after the effect"]
    assert list(lost) == [
        "failed",
        0,
        2,
        5000,
        0,
        "O-001: 5,000 yen were taken, but there is no order."
        "\nO-001: 2 pieces are held, but there is no order.",
    ]
    for said, case in zip(frame["what the audit says"], found().cases, strict=True):
        assert all(violation.sentence in said for violation in case.violations)
        assert (said == "✓") == case.survived


def test_many_cases_are_grouped_by_what_was_struck_the_worst_first() -> None:
    frame = found().to_frame(every_case=False)
    assert list(frame.columns) == [
        "what was struck",
        "tried",
        "survived",
        "for example",
        "what the audit says",
    ]
    assert frame["tried"].sum() == found().tried
    assert frame["survived"].sum() == found().survived
    shares = list(frame["survived"] / frame["tried"])
    assert shares == sorted(shares)
    assert frame.loc[0, "what was struck"] == "payment.charge"
    assert frame.loc[0, "for example"] == "payment.charge: refused"
    many = explore(by_saga, shop=ShopWithLog, restart=resume)
    assert len(many.cases) > 40
    assert list(many.to_frame().columns) == list(frame.columns)


def test_a_choice_for_a_panel_has_every_case_once_grouped_alike() -> None:
    choices = found().choices()
    assert sorted(choices) == list(range(26))
    assert next(iter(choices)) == 0
    for number, title in choices.items():
        assert title.removeprefix("✗ ") == found().cases[number].title
        assert title.startswith("✗") != found().cases[number].survived
    order = [name for name, _cases in found().groups()]
    assert order[0] == "payment.charge"


def test_the_summary_says_what_was_tried() -> None:
    assert found().summary == (
        "Everything was tried, 1 at a time: 56 runs, 26 different ones."
        " No message can come in another order."
    )


# --- two at a time -------------------------------------------------------------------------------


def test_with_pairs_those_with_less_bad_luck_come_first() -> None:
    pairs = explore(retrying, pairs=True, customers=False)
    counts = [len(case.decisions) for case in pairs.cases]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2}
    singles = explore(retrying, customers=False)
    assert titles(pairs)[: len(singles.cases)] == titles(singles)
    assert pairs.all_orders


def test_a_counterexample_never_has_bad_luck_that_it_does_not_need() -> None:
    pairs = explore(retrying, pairs=True, late=0, customers=False, crashes=None)
    of_two = [case for case in pairs.counterexamples if len(case.decisions) == 2]
    assert any("payment.charge #2" in case.title for case in of_two)  # the retry fails as well
    for case in of_two:
        for one in case.decisions:
            assert run_case(retrying, one).survived, case.title


def test_the_second_piece_strikes_what_the_first_gave_rise_to() -> None:
    pairs = explore(retrying, pairs=True, late=0, customers=False, twice=False)
    assert any(
        case.title == "payment.charge: reply lost after the effect + payment.charge #2: refused"
        for case in pairs.cases
    )


async def recover(shop: Shop) -> None:
    """Save the order that was paid for and not saved."""
    paid = {capture.order_id: capture for capture in shop.payment.captures.values()}
    if "O-001" in paid and "O-001" not in shop.database.orders:
        await shop.database.save(Order.create(an_order(), paid["O-001"].transaction_id))


def test_pairs_strike_the_recovery_after_a_kill() -> None:
    pairs = explore(undoing, pairs=True, restart=undo, late=0, customers=False, twice=False)
    of_two = {case.title: case for case in pairs.cases if len(case.decisions) == 2}
    title = "orders is killed when the reply to inventory.reserve has come"
    assert pairs.find("killed", "inventory.reserve", leg="reply").survived
    assert rules(of_two[f"{title} + payment.refund_by_key: refused"]) == [
        "no money without an order",
        "no stock without an order",
    ]


def test_two_late_messages() -> None:
    async def three_at_once(shop: Shop) -> None:
        log: list[int] = []
        call = partial(shop.network.call, "database", "write", log.append)
        await asyncio.gather(*(call(number) for number in range(3)))

    orders = [
        explore(three_at_once, late=late, faults=False, twice=False, crashes=None, customers=False)
        for late in range(1, 6)
    ]
    # Three writes and three replies, each in any order: 3! times 3!.
    assert [len(found.cases) for found in orders] == [7, 20, 32, 36, 36]
    assert [found.all_orders for found in orders] == [False, False, False, False, True]
    assert orders[-1].summary.endswith(" All 36 orders of the messages were tried.")


# --- limits, Ctrl-C, processors, memory ----------------------------------------------------------


def test_a_limit_ends_the_search_and_is_named() -> None:
    cut = explore(plain, limit=10)
    assert not cut.complete
    assert cut.runs == 10
    assert cut.summary.startswith("The limit ended the search after 10 runs: ")


def test_ctrl_c_gives_what_was_found_so_far() -> None:
    runs = 0

    async def interrupted(shop: Shop) -> None:
        nonlocal runs
        runs += 1
        if runs == 20:
            signal.raise_signal(signal.SIGINT)
        await plain(shop)

    # Whoever runs the tests in the background has set the interrupt aside.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cut = explore(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (cut.complete, cut.runs) == (False, 19)
    assert titles(cut) == titles(found())[: len(cut.cases)]
    assert cut.summary.startswith("Interrupted after 19 runs: ")


def test_more_processors_give_the_same_answer() -> None:
    one = explore(by_saga, shop=ShopWithLog, restart=resume)
    two = explore(by_saga, shop=ShopWithLog, restart=resume, processes=2)
    assert titles(one) == titles(two)
    assert [case.replay for case in one.cases] == [case.replay for case in two.cases]
    assert [case.violations for case in one.cases] == [case.violations for case in two.cases]
    assert one.summary == two.summary


def test_a_mistake_in_another_process_is_raised_here() -> None:
    async def mistaken(shop: Shop) -> None:
        try:
            await shop.payment.charge(1, "card")
        except ServiceRefused:
            raise ValueError("a mistake") from None
        except NoReply:
            return

    with pytest.raises(ValueError, match="a mistake"):
        explore(mistaken, processes=2)


def test_an_exploration_keeps_no_shop_and_no_open_database() -> None:
    def open_databases() -> int:
        gc.collect()
        return sum(isinstance(one, sqlite3.Connection) for one in gc.get_objects())

    before = open_databases()
    exploration = explore(by_saga, shop=ShopWithLog, restart=resume)
    assert exploration.tried > 50
    assert open_databases() <= before + 1
    shops = [case.shop for case in exploration.cases[:5]]
    assert len({id(shop) for shop in shops}) == 5
    del shops
    assert open_databases() <= before + 1  # only the last case that was looked at


def test_a_case_shows_the_shop_that_it_has_judged() -> None:
    for case in found().cases:
        assert tuple(books(case.shop)) == case.ledgers


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("seconds_a_look", "quiet"), [(0.1, ""), (0.001, ""), (0.1, "1")])
def test_progress_is_shown_after_half_a_second_and_taken_away_in_the_end(
    monkeypatch: pytest.MonkeyPatch, seconds_a_look: float, quiet: str
) -> None:
    looks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(looks) * seconds_a_look)
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("LESSONKIT_QUIET", quiet)
    explore(plain)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    if quiet or seconds_a_look < 0.1:
        assert shown == ""
    else:
        assert "runs;" in shown
        assert shown.endswith("\r\033[K")


def test_a_notebook_shows_progress_in_one_output_that_is_empty_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LESSONKIT_QUIET")
    code = """
import lessonkit.explorer.progress as progress
progress.PATIENCE = 0
from lessonkit import Order, explore
async def plain(shop):
    await shop.place_order(lambda command: shop.database.save(Order.create(command)))
len(explore(plain).cases)
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    progress, result = book.cells[0].outputs
    assert progress.metadata == {"lessonkit": "progress"}
    assert progress.data == {"text/plain": ""}
    assert int(result.data["text/plain"]) > 5


# --- killed, and started again -------------------------------------------------------------------


def test_a_recovery_is_started_once_after_each_kill_and_never_without_one() -> None:
    recovered: list[Shop] = []

    async def count(shop: Shop) -> None:
        recovered.append(shop)

    exploration = explore(plain, restart=count)
    kills = [c for c, _like in exploration.alike if c.decisions[0].kind is Kind.KILLED]
    assert len(recovered) == len(kills)


def test_a_recovery_that_saves_the_order_heals_a_kill() -> None:
    healed = explore(plain, restart=recover).find("killed", "payment.charge")
    assert list(healed.shop.database.orders) == ["O-001"]
    assert rules(healed) == ["no mail lost"]  # and that is all that is still wrong


# --- replay --------------------------------------------------------------------------------------


def test_every_case_can_be_had_again_by_its_string() -> None:
    exploration = explore(by_saga, shop=ShopWithLog, restart=resume)
    for case in exploration.cases:
        assert len(case.replay) <= 200
        again = replay(case.replay, by_saga, shop=ShopWithLog, restart=resume)
        assert again.run.trace.digest() == case.run.trace.digest()
        assert again.title == case.title


def test_a_late_event_is_told_by_the_one_that_it_comes_behind() -> None:
    exploration = explore(impatient, faults=False, twice=False, crashes=None, customers=False)
    late = [case for case in exploration.cases if case.decisions]
    assert late
    for case in late:
        assert case.decisions[0].after in case.events
        assert replay(case.replay, impatient).run.trace.digest() == case.run.trace.digest()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (7, TypeError, "replay must be a text"),
        ("", ValueError, "replay must begin with '1'"),
        ("2 twice:abcdef", ValueError, "replay must begin with '1'"),
        ("1 thrice:abcdef", ValueError, "no decision: 'thrice:abcdef'"),
        ("1 twice:abc", ValueError, "no decision: 'twice:abc'"),
        ("1 late:abcdef", ValueError, "only a late event comes after another one"),
        ("1 twice:abcdef>abcdef", ValueError, "only a late event comes after another one"),
        ("1 killed:abcdef", ValueError, "only a kill names a service"),
        ("1 twice:orders@abcdef", ValueError, "only a kill names a service"),
        ("1 twice:abcdef", ValueError, "does not occur here"),
        ("1 " + "twice:abcdef " * 20, ValueError, "at most 200 characters"),
    ],
)
def test_a_string_that_is_none_is_refused(text: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        replay(text, plain)


def test_bad_luck_of_one_scenario_can_be_tried_in_another() -> None:
    case = found().find("reply-lost", "payment.charge")
    assert not case.survived
    assert run_case(retrying, *case.decisions).survived


def test_a_case_can_be_made_by_hand_from_faults() -> None:
    case = run_case(plain, Refused("payment"), Crash("orders", after=3))
    assert case.title == "payment: refused, every time + orders: killed after step 3"
    assert rules(case) == ["no stock without an order"]


# --- which message saved it ----------------------------------------------------------------------


def test_the_message_that_saved_a_run_is_named() -> None:
    exploration = explore(retrying)
    lost = exploration.find("reply-lost", "payment.charge")
    assert saved_by(lost, exploration) == ("orders → payment.charge",)  # the retry
    undone = explore(undoing)
    assert saved_by(undone.find("reply-lost", "payment.charge"), undone) == (
        "orders → payment.refund_by_key",  # the compensation
        "orders → inventory.cancel_by_key",
    )


def test_nothing_saved_what_was_not_survived() -> None:
    case = found().find("refused", "payment.charge")
    with pytest.raises(ValueError, match="case must be one with bad luck that was survived"):
        saved_by(case, found())
    with pytest.raises(ValueError, match="case must be"):
        saved_by(found().cases[0], found())


# --- what it promises besides --------------------------------------------------------------------


def test_two_explorations_are_equal() -> None:
    shop = partial(Shop, latency={"payment": Exponential(0.2)}, seed=3)
    one, two = (explore(retrying, shop=shop) for _ in range(2))
    assert titles(one) == titles(two)
    assert [c.run.trace.digest() for c in one.cases] == [c.run.trace.digest() for c in two.cases]
    assert one.to_frame().equals(two.to_frame())


def no_coroutine(shop: Shop) -> int:
    return 1


def test_a_scenario_that_is_no_coroutine_function_is_refused() -> None:
    with pytest.raises(TypeError):
        explore(no_coroutine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"late": -1}, ValueError),
        ({"late": 1.5}, TypeError),
        ({"late": 10}, ValueError),
        ({"limit": 0}, ValueError),
        ({"processes": 0}, ValueError),
        ({"faults": 1}, TypeError),
        ({"crashes": "warehouse"}, ValueError),
    ],
)
def test_an_argument_that_is_none_is_refused_at_the_door(
    option: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(option))):
        explore(plain, **option)


def test_a_mistake_in_the_scenario_is_raised_and_says_in_which_case_it_showed() -> None:
    async def misspelt(shop: Shop) -> None:
        await shop.place_ordr(order_service(shop))  # type: ignore[attr-defined]

    with pytest.raises(AttributeError):
        explore(misspelt)

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


def test_an_error_of_the_shop_that_nobody_catches_is_kept_in_the_case() -> None:
    async def forgets_the_mail(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            shop.mail = asyncio.create_task(  # type: ignore[attr-defined]
                shop.notification.send_order_confirmation(command)
            )

        await shop.place_order(create_order)

    case = explore(forgets_the_mail).find("refused", "notification.send_order_confirmation")
    assert "notification refused the request" in str(case.run.error)


def test_a_late_message_among_endless_events_is_replayed_as_it_was_found() -> None:
    async def polls_until_it_is_told(shop: Shop) -> None:
        paid = asyncio.Event()

        async def poll() -> None:
            while not paid.is_set():
                await asyncio.sleep(1)

        async def create_order(command: CreateOrder) -> None:
            polling = asyncio.create_task(poll())
            await shop.payment.charge(command.total, command.payment_method)
            paid.set()
            await polling
            raise OrderFailed("we only look")

        await shop.place_order(create_order)

    exploration = explore(polls_until_it_is_told, faults=False, crashes=None, customers=False)
    late = [case for case in exploration.cases if case.decisions[:1] and "only" in case.title]
    assert late
    for case in late:
        again = replay(case.replay, polls_until_it_is_told)
        assert again.run.trace.digest() == case.run.trace.digest()
