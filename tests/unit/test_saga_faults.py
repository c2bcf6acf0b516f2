"""The order saga under every fault, under every pair, dead at every row of its log, and at random.

The tests say how many of the same faults the lesson's own saga survives.
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
    LATENCY,
    Case,
    Crash,
    CreateOrder,
    Down,
    Exploration,
    Exponential,
    Failure,
    Fixed,
    Flaky,
    Item,
    Outage,
    Refused,
    ReplyLost,
    SagaLog,
    SagaState,
    Slow,
    an_order,
    audit,
    books,
    explore,
    run,
)
from lessonkit.faults import AnyFault
from lessonkit.messages import current_language, language
from lessonkit.patterns.saga.table import What
from tests.unit.saga_shop import ShopWithLog, by_lesson, by_saga, order_saga, resume


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    before = current_language()
    language("en")
    yield
    language(before)


@cache
def explored(pairs: bool) -> Exploration:
    return explore(by_saga, shop=ShopWithLog, restart=resume, pairs=pairs)


def log_of(case: Case) -> SagaLog:
    assert isinstance(case.shop, ShopWithLog)
    return case.shop.log


# --- every fault ---------------------------------------------------------------------------------


def test_the_lesson_s_saga_survives_16_of_21_faults_and_66_of_112_with_pairs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    single, pairs = explore(by_lesson), explore(by_lesson, pairs=True)
    assert (single.survived, single.tried) == (16, 21)
    assert (pairs.survived, pairs.tried) == (66, 112)
    assert [case.title for case in single.counterexamples] == [
        "inventory.reserve: reply lost after the effect",
        "orders: killed after step 1",
        "payment.charge: reply lost after the effect",
        "orders: killed after step 2",
        "database.save: reply lost after the effect",
    ]
    assert "a compensation failed" in capsys.readouterr().out


def test_the_saga_with_all_choices_survives_every_fault() -> None:
    assert (explored(False).survived, explored(False).tried) == (21, 21)


def test_the_saga_with_all_choices_survives_every_pair_of_faults() -> None:
    found = explored(True)
    assert (found.survived, found.tried) == (260, 260)
    assert found.counterexamples == ()


def test_after_every_pair_of_faults_the_saga_is_finished_and_owes_no_money() -> None:
    for case in explored(True).cases:
        log = log_of(case)
        assert log.unfinished() == [], case.title
        (order,) = books(case.shop) or [None]
        assert order is None or order.stands == (log.state("O-001") == SagaState.COMPLETED)
        assert len(case.shop.payment.captures) <= 1
        assert len(case.shop.inventory.reservations) <= 1


def test_a_process_that_died_before_the_first_row_has_left_nothing_to_do() -> None:
    case = explored(False).find(Crash("orders", after=0))
    assert case.survived
    assert log_of(case).history("O-001") == []
    assert books(case.shop)[0].money == 0


def test_without_resume_the_killed_process_is_not_survived() -> None:
    found = explore(by_saga, shop=ShopWithLog)
    assert (found.survived, found.tried) == (19, 21)
    assert [case.faults for case in found.counterexamples] == [
        (Crash("orders", after=step),) for step in (1, 2)
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

    run(main(), drain=math.inf)


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
    assert [violation.rule for violation in audit(shop)] == ["no money without an order"]
    (result,) = run(order_saga(shop).resume()).result
    assert result.owed == ("charge: not undone (ServiceRefused: payment refused the request)",)
    mended(shop)
    assert shop.log.state("O-001") == SagaState.COMPENSATED
    assert audit(shop) == []


def test_a_mail_that_fails_does_not_undo_the_order() -> None:
    shop = ShopWithLog(faults=[Refused("notification")])
    play(shop)
    assert shop.log.state("O-001") == SagaState.COMPLETED
    assert books(shop)[0].stands
    assert audit(shop) == []


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

    def start(self, *args: Any) -> int:
        return self._around(super().start, *args)

    def take_over(self, *args: Any) -> int | None:
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


def an_execution(shop: MortalShop) -> Any:
    return order_saga(shop).execute("O-001", an_order())


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
