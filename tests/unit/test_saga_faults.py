"""The order saga under every piece of bad luck, dead at every row of its log, and at random.

The tests say how much of the same the lesson's own saga survives.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import (
    CreateOrder,
    Item,
    OrderFailed,
    SagaLog,
    Told,
    an_order,
    audit,
    books,
    explore,
    run,
)
from lessonkit.explorer import Exploration, run_case
from lessonkit.faults import (
    AnyFault,
    Crash,
    Down,
    Exponential,
    Failure,
    Fixed,
    Flaky,
    Outage,
    Refused,
    ReplyLost,
    Slow,
)
from lessonkit.messages import current_language, language
from lessonkit.patterns.saga import SagaState
from lessonkit.patterns.saga.progress import What
from lessonkit.shop import LATENCY, OutcomeUnknown, remarks
from lessonkit.shop.customer import Answer
from tests.unit.saga_shop import ShopWithLog, by_lesson, by_saga, order_saga, resume


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    before = current_language()
    language("en")
    yield
    language(before)


# --- every piece of bad luck ---------------------------------------------------------------------

CALLS_FAIL = {"late": 0, "twice": False, "crashes": None, "customers": False}
"""Only that calls are refused, lost or lose their reply."""


@cache
def explored() -> Exploration:
    return explore(by_saga, shop=ShopWithLog, restart=resume)


def figures(exploration: Exploration) -> tuple[int, int]:
    assert exploration.complete
    return exploration.survived, exploration.tried


def test_the_lesson_s_saga_survives_14_of_25(capsys: pytest.CaptureFixture[str]) -> None:
    found = explore(by_lesson)
    assert figures(found) == (14, 25)
    assert [case.title for case in found.counterexamples] == [
        "the customer clicks twice",
        "inventory.reserve: reply lost after the effect",
        "payment.charge: reply lost after the effect",
        "database.save: reply lost after the effect",
        "notification.send_order_confirmation: refused",
        "notification.send_order_confirmation: down before the effect",
        "orders is killed when the order has come in",
        "orders is killed when the reply to inventory.reserve has come",
        "orders is killed when the reply to payment.charge has come",
        "inventory.reserve: delivered twice",
        "payment.charge: delivered twice",
    ]
    assert figures(explore(by_lesson, pairs=True, **CALLS_FAIL)) == (13, 30)
    assert "a compensation failed" in capsys.readouterr().out


def test_the_saga_with_all_choices_survives_everything() -> None:
    assert figures(explored()) == (67, 67)


def test_the_saga_with_all_choices_survives_every_two_calls_that_fail() -> None:
    found = explore(by_saga, shop=ShopWithLog, restart=resume, pairs=True, **CALLS_FAIL)
    assert figures(found) == (354, 354)


@pytest.mark.slow
def test_the_saga_with_all_choices_survives_everything_two_at_a_time() -> None:
    found = explore(by_saga, shop=ShopWithLog, restart=resume, pairs=True)
    assert figures(found) == (2582, 2582)


def test_whatever_has_happened_each_saga_is_at_its_end_or_says_that_it_owes_something() -> None:
    owing = []
    for case in explored().cases:
        shop = case.shop
        assert isinstance(shop, ShopWithLog)
        for order in case.ledgers:
            state = shop.log.state(order.order_id)
            assert state not in (SagaState.RUNNING, SagaState.COMPENSATING), case.title
            assert order.stands == (state == SagaState.COMPLETED) or order.owed, case.title
            if order.owed:
                owing.append((case.title, order.stands, order.money))
        # Nothing was ever done twice, and nothing without an order.
        done = [capture.order_id for capture in shop.payment.captures.values()]
        held = [reservation.order_id for reservation in shop.inventory.reservations.values()]
        ids = [order.order_id for order in case.ledgers]
        assert len(set(done)) == len(done), case.title
        assert len(set(held)) == len(held), case.title
        assert {*done, *held} <= set(ids), case.title
    # If nobody can say whether the order was saved, its money and its stock stay where they are.
    every_time = ("refused", "down before the effect", "reply lost after the effect")
    assert owing == [
        (f"{what}: {fault}, from then on every time", stands, 5000)
        for what, stands in (
            ("database.save", False),
            ("notification.send_order_confirmation", True),
        )
        for fault in every_time
    ]


def test_a_process_that_died_before_the_first_row_has_left_nothing_to_do() -> None:
    case = run_case(by_saga, Crash("orders", after=0), shop=ShopWithLog, restart=resume)
    assert case.survived
    assert isinstance(case.shop, ShopWithLog)
    assert case.shop.log.history("O-001") == []
    assert [(order.money, order.held) for order in case.ledgers] == [(0, 0)]


def test_without_resume_the_killed_process_is_not_survived() -> None:
    found = explore(by_saga, shop=ShopWithLog)
    assert figures(found) == (64, 67)
    assert [case.title for case in found.counterexamples] == [
        "orders is killed when the order has come in",
        "orders is killed when the reply to inventory.reserve has come",
        "orders is killed when the reply to payment.charge has come",
    ]


# --- the reply that was lost, the request that comes late ----------------------------------------


def play(shop: ShopWithLog, commands: Sequence[CreateOrder] | None = None) -> None:
    """Customers order all at once; the order service is started again whenever it is killed."""
    restarts: list[asyncio.Task[None]] = []

    def start_again(service: str) -> None:
        if service == "orders":
            restarts.append(asyncio.create_task(shop.restart(service, resume(shop))))

    async def main() -> None:
        shop.network.on_kill = start_again
        await asyncio.gather(*(by_saga(shop, command) for command in commands or [an_order()]))

    # Several faults may slow down the same call: that can take centuries.
    run(main(), drain=math.inf, time_limit=1e12)


def mended(shop: ShopWithLog) -> None:
    """Every service is as quick as ever again; the order service is started once more."""
    shop.network.faults.clear()
    shop.network.latency.update({name: Fixed(seconds) for name, seconds in LATENCY.items()})
    run(shop.restart("orders", resume(shop)), drain=math.inf)


def whats(shop: ShopWithLog) -> list[str]:
    return [f"{entry.what} {entry.step}".strip() for entry in shop.log.history("O-001")]


def test_a_charge_of_which_no_reply_ever_came_is_refunded_by_its_key() -> None:
    shop = ShopWithLog(faults=[ReplyLost("payment.charge")])
    play(shop)
    assert [capture.refunded for capture in shop.payment.captures.values()] == [True]
    assert shop.log.state("O-001") == SagaState.COMPENSATED
    assert audit(shop) == []


def test_a_charge_that_comes_after_its_refund_takes_no_money() -> None:
    shop = ShopWithLog(latency={"payment": 0.2}, faults=[Slow("payment.charge", times=100.0)])
    play(shop)  # each attempt is given up after a second, and takes effect eighteen seconds later
    assert whats(shop)[-4:] == [
        "compensating",
        "step undone charge",
        "step undone reserve",
        "compensated",
    ]
    assert shop.payment.captures == {}
    assert audit(shop) == []


def test_a_payment_that_takes_half_a_minute_for_everything_leaves_nothing_behind() -> None:
    shop = ShopWithLog(latency={"payment": 30.0})  # who waits for a second, waits in vain
    play(shop)
    assert [answer.told for answer in shop.customer.answers] == [Told.UNKNOWN]
    assert shop.log.owes("O-001")
    # It was charged long after the saga had given up, and refunded right after that.
    assert [capture.refunded for capture in shop.payment.captures.values()] == [True]
    assert books(shop)[0].money == books(shop)[0].held == 0
    assert audit(shop) == []
    mended(shop)
    assert (audit(shop), remarks(shop)) == ([], [])


def test_a_save_that_comes_after_its_cancellation_revives_no_order() -> None:
    faults = [Slow("database.save", call=call, times=100.0) for call in (1, 2, 3)]
    shop = ShopWithLog(latency={"database": 0.1}, faults=faults)
    play(shop)
    assert shop.log.state("O-001") == SagaState.COMPENSATED
    assert not books(shop)[0].stands
    assert audit(shop) == []


def test_what_can_never_be_undone_is_owed_until_it_can() -> None:
    shop = ShopWithLog(faults=[Refused("payment.refund_by_key"), ReplyLost("payment.charge")])
    play(shop)
    assert shop.log.state("O-001") == SagaState.FAILED
    assert [answer.told for answer in shop.customer.answers] == [Told.UNKNOWN]
    assert audit(shop) == []  # it is written down, and will be done
    assert [remark.rule for remark in remarks(shop)] == ["money is still to be settled"]
    (result,) = run(order_saga(shop).resume()).result
    assert result.owed == ("charge: not undone (ServiceRefused: payment refused the request)",)
    mended(shop)
    assert shop.log.state("O-001") == SagaState.COMPENSATED
    assert (audit(shop), remarks(shop)) == ([], [])
    assert books(shop)[0].regrets == 1


def test_a_pivot_that_cannot_be_undone_leaves_the_money_and_the_stock_where_they_are() -> None:
    shop = ShopWithLog(faults=[ReplyLost("database.save")])
    play(shop)
    (order,) = books(shop)
    # The save that cancels it has had its effect, too. But who would know?
    assert (order.stands, order.money, order.held) == (False, 5000, 2)
    assert audit(shop) == []
    assert [remark.rule for remark in remarks(shop)] == [
        "money is still to be settled",
        "pieces are still to be settled",
    ]
    mended(shop)
    (order,) = books(shop)
    assert (order.stands, order.money, order.held, order.regrets) == (False, 0, 0, 1)
    assert (audit(shop), remarks(shop)) == ([], [])


def test_a_mail_that_fails_does_not_undo_the_order() -> None:
    shop = ShopWithLog(faults=[Refused("notification")])
    play(shop)
    assert shop.log.state("O-001") == SagaState.FAILED
    assert books(shop)[0].stands
    assert shop.customer.answers[0].told is Told.CONFIRMED
    assert audit(shop) == []
    assert [remark.rule for remark in remarks(shop)] == ["a mail is owed"]
    mended(shop)
    assert shop.log.state("O-001") == SagaState.COMPLETED
    assert (audit(shop), remarks(shop)) == ([], [])


def test_the_run_shows_the_state_of_the_saga() -> None:
    shop = ShopWithLog(faults=[Refused("payment")])
    trace = run(by_saga(shop)).trace
    states = [change.value for change in trace.states if change.key == "saga"]
    assert states == ["running", "compensating", "failed"]


# --- dead at every row ---------------------------------------------------------------------------


class Death(BaseException):
    """The process is gone: no ``except Exception`` sees it."""


class DeadlyLog(SagaLog):
    """Kills the process at its ``at``-th row: just before the row is in the log, or just after."""

    at = math.inf
    after = False

    def start(self, *args: Any) -> None:
        self._around(super().start, *args)

    def take_over(self, *args: Any) -> int:
        return self._around(super().take_over, *args)

    def write(self, *args: Any) -> None:
        self._around(super().write, *args)

    def _around(self, write: Callable[..., Any], *args: Any) -> Any:
        self.at -= 1
        if self.at == 0 and not self.after:
            raise Death
        result = write(*args)
        if self.at == 0:
            raise Death
        return result


class MortalShop(ShopWithLog):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log = DeadlyLog(":memory:", CreateOrder)
        self.keepers[:] = [self.log]


def until_death(
    shop: MortalShop, what: Callable[[MortalShop], Any], at: float, after: bool
) -> bool:
    """Run it, and kill it at a row; return whether it came so far."""
    log = shop.log
    assert isinstance(log, DeadlyLog)
    log.at, log.after = at, after
    shop.network.processes["orders"] = type(shop.network.processes["orders"])("orders")
    try:
        run(what(shop))
    except Death:
        return True
    finally:
        log.at = math.inf
    return False


async def an_execution(shop: MortalShop) -> None:
    """As if a customer had ordered: in the same task, so that death ends this, too."""
    command, told = an_order(), Told.NOTHING
    shop.customer.placed.append(command)
    try:
        (await order_saga(shop).execute("O-001", command)).check()
        told = Told.CONFIRMED
    except OrderFailed:
        told = Told.FAILED
    except OutcomeUnknown:
        told = Told.UNKNOWN
    finally:
        shop.customer.answers.append(Answer("O-001", told, "", 0.0, 0.0, "C-100"))


LIVES: dict[str, dict[str, Any]] = {
    "all goes well": {},
    "declined": {"declined": ["card"]},
    "out of stock": {"stock": {"P-1": 1}},
    "the reply to the charge is lost": {"faults": [ReplyLost("payment.charge")]},
    "the refund is refused": {
        "faults": [ReplyLost("payment.charge"), Refused("payment.refund_by_key")]
    },
    "the save fails": {"faults": [Down("database.save", call=n) for n in (1, 2, 3)]},
    "the mail fails": {"faults": [Refused("notification")]},
}


def ends_well(shop: MortalShop) -> bool:
    mended(shop)
    (order,) = books(shop) or [None]
    state = shop.log.state("O-001")
    assert state in (None, SagaState.COMPLETED, SagaState.COMPENSATED)
    assert (order is not None and order.stands) == (state == SagaState.COMPLETED)
    assert audit(shop) == []
    assert len(shop.payment.captures) <= 1
    assert len(shop.inventory.reservations) <= 1
    assert shop.log.unfinished() == []
    return state == SagaState.COMPLETED


@pytest.mark.parametrize("after", [False, True], ids=["before the row", "after the row"])
@pytest.mark.parametrize("life", LIVES)
def test_dead_at_any_row_it_is_brought_to_its_end_by_a_process_that_may_die_at_any_row(
    life: str, after: bool
) -> None:
    deaths = completed = tried = 0
    for first in range(1, 100):
        for second in range(1, 100):
            shop = MortalShop(**LIVES[life])
            died = until_death(shop, an_execution, first, after)
            died_again = until_death(shop, resume, second, after)
            deaths += died + died_again
            tried += 1
            completed += ends_well(shop)
            if not died_again:
                break
        if not died:
            break
    assert deaths > 8
    assert 0 < completed < tried or life not in ("all goes well", "the mail fails")


def test_dead_between_the_step_and_its_row_the_step_is_undone() -> None:
    shop = MortalShop()
    assert until_death(shop, an_execution, 5, after=False)  # the row "charge is done"
    assert whats(shop) == [
        "started",
        "step begun reserve",
        "step done reserve",
        "step begun charge",
    ]
    assert [capture.refunded for capture in shop.payment.captures.values()] == [False]
    assert not ends_well(shop)
    assert [capture.refunded for capture in shop.payment.captures.values()] == [True]


def test_dead_between_the_pivot_and_its_row_the_pivot_is_undone() -> None:
    shop = MortalShop()
    assert until_death(shop, an_execution, 7, after=False)
    assert books(shop)[0].stands
    assert not ends_well(shop)


def test_dead_after_the_pivot_s_row_the_saga_goes_forward() -> None:
    shop = MortalShop()
    assert until_death(shop, an_execution, 7, after=True)
    assert whats(shop)[-1] == f"{What.DONE} save"
    assert ends_well(shop)
    assert len(shop.notification.mails) == 1


# --- at random -----------------------------------------------------------------------------------

OPERATIONS = [
    "inventory.reserve",
    "inventory.cancel_by_key",
    "payment.charge",
    "payment.refund_by_key",
    "database.save",
    "notification.send_order_confirmation",
]
calls = st.none() | st.integers(1, 6)
targets = st.sampled_from([*OPERATIONS, "inventory", "payment", "database", "notification"])
faults: st.SearchStrategy[AnyFault] = st.one_of(
    st.builds(Refused, targets, call=calls),
    st.builds(Down, targets, call=calls),
    st.builds(ReplyLost, targets, call=calls),
    st.builds(Slow, targets, call=calls, times=st.sampled_from([2.0, 10.0, 50.0, 300.0])),
    st.builds(Flaky, targets, p=st.floats(0.1, 0.9), how=st.sampled_from(list(Failure))),
    st.builds(
        lambda target, start, length: Outage(target, start=start, end=start + length),
        targets,
        st.floats(0, 5),
        st.floats(0, 60),
    ),
    st.builds(Crash, st.just("orders"), after=st.integers(0, 30)),
)
latencies = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([0.0, 0.1, 0.9, Exponential(0.3), Exponential(2.0)])
        for name in ("inventory", "payment", "database", "notification")
    },
)


@settings(max_examples=150, deadline=None)
@given(
    latency=latencies,
    faults=st.lists(faults, max_size=4),
    seed=st.integers(0, 1000),
    orders=st.integers(1, 4),
    method=st.sampled_from(["card", "card", "expired card"]),
)
def test_money_is_conserved_whatever_happens(
    latency: Any, faults: list[AnyFault], seed: int, orders: int, method: str
) -> None:
    commands = [
        CreateOrder(f"O-{n:03}", "C-100", (Item("P-1", n, 1000),), "card" if n > 1 else method)
        for n in range(1, orders + 1)
    ]
    shop = ShopWithLog(latency=latency, faults=faults, stock={"P-1": 8}, seed=seed)
    play(shop, commands)

    for order in books(shop):
        state = shop.log.state(order.order_id)
        owed = state not in (None, SagaState.COMPLETED, SagaState.COMPENSATED)
        assert owed or order.money == (order.total if order.stands else 0), order
    blamed = {violation.order_id for violation in audit(shop)}
    assert blamed <= set(shop.log.unfinished())

    mended(shop)  # and when all is over, one more resume sees to what is owed
    assert shop.log.unfinished() == []
    assert audit(shop) == []
    assert sum(order.money for order in books(shop)) == sum(
        order.total for order in books(shop) if order.stands
    )


@given(seed=st.integers(0, 1000), faults=st.lists(faults, max_size=3))
@settings(max_examples=20, deadline=None)
def test_the_same_seed_gives_the_same_saga(seed: int, faults: list[AnyFault]) -> None:
    def digest() -> str:
        shop = ShopWithLog(latency={"payment": Exponential(0.5)}, faults=faults, seed=seed)
        return run(by_saga(shop)).trace.digest() + repr(shop.log.history("O-001"))

    assert digest() == digest()
