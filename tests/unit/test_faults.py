"""Latencies and faults: what they promise, what they refuse, and what a caller gets to see."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import OrderFailed, Run, Shop, Told, an_order, run
from lessonkit.faults import (
    AnyFault,
    Crash,
    Down,
    Exponential,
    Failure,
    Fault,
    Fixed,
    Flaky,
    LogNormal,
    Outage,
    Refused,
    ReplyLost,
    Slow,
    Uniform,
    as_latency,
    check_faults,
    stream,
)
from lessonkit.records import Fate, Kind
from lessonkit.shop import LATENCY, CreateOrder, NoReply, Order, ServiceRefused, ShopError
from lessonkit.shop.customer import OrderFunction

SAMPLES = 20_000

durations = st.floats(0.0, 1000.0)
positive = st.floats(1e-6, 1000.0)


@st.composite
def log_normals(draw: st.DrawFn) -> LogNormal:
    mean = draw(positive)
    return LogNormal(mean, mean * draw(st.floats(1.001, 14.9)))


latencies = st.one_of(
    durations.map(Fixed),
    st.tuples(durations, durations).map(sorted).map(lambda pair: Uniform(*pair)),
    positive.map(Exponential),
    log_normals(),
)


def samples(latency: Any, count: int = SAMPLES) -> list[float]:
    rng = random.Random(1)
    return [latency.sample(rng) for _ in range(count)]


# --- latency -------------------------------------------------------------------------------------


@given(latencies, st.integers())
@settings(max_examples=50, deadline=None)
def test_no_call_takes_less_than_no_time_or_for_ever(latency: Any, seed: int) -> None:
    rng = random.Random(seed)
    assert all(0 <= latency.sample(rng) < math.inf for _ in range(50))


@given(durations, durations, st.integers())
@settings(max_examples=50, deadline=None)
def test_a_uniform_latency_stays_within_its_bounds(a: float, b: float, seed: int) -> None:
    low, high = sorted((a, b))
    rng = random.Random(seed)
    assert all(low <= Uniform(low, high).sample(rng) <= high for _ in range(50))


def test_a_uniform_latency_uses_all_the_room_between_its_bounds() -> None:
    drawn = samples(Uniform(1, 3))
    assert sum(drawn) / SAMPLES == pytest.approx(2, rel=0.01)
    assert min(drawn) < 1.01
    assert max(drawn) > 2.99
    assert samples(Uniform(2, 2), 3) == [2, 2, 2]


def test_a_fixed_latency_is_always_the_same() -> None:
    assert samples(Fixed(0.25), 3) == [0.25, 0.25, 0.25]
    assert samples(Fixed(0), 1) == [0]


def test_an_exponential_latency_has_the_mean_it_promises_and_a_tail() -> None:
    drawn = samples(Exponential(0.2))
    assert sum(drawn) / SAMPLES == pytest.approx(0.2, rel=0.03)
    assert sum(value > 0.6 for value in drawn) / SAMPLES == pytest.approx(math.exp(-3), rel=0.1)


@pytest.mark.parametrize("p99", [0.21, 0.5, 1.0, 1.5])
def test_a_log_normal_latency_has_the_mean_and_the_p99_it_promises(p99: float) -> None:
    drawn = samples(LogNormal(mean=0.2, p99=p99))
    assert sum(drawn) / SAMPLES == pytest.approx(0.2, rel=0.03)
    assert sum(value > p99 for value in drawn) / SAMPLES == pytest.approx(0.01, abs=0.0025)


def test_the_p99_may_be_14_9_times_the_mean_and_no_more() -> None:
    assert samples(LogNormal(1, 14.9), 10)
    with pytest.raises(ValueError, match=r"p99 must lie above the mean and not above 15 s; .*15"):
        LogNormal(1, 15)
    with pytest.raises(ValueError, match=r"p99 must lie above the mean .*; got 1$"):
        LogNormal(1, 1)


def test_a_number_of_seconds_is_a_fixed_latency_and_a_latency_stays_what_it_is() -> None:
    assert as_latency("x", 0.2) == Fixed(0.2)
    assert as_latency("x", 1) == Fixed(1)
    assert as_latency("x", Fraction(1, 4)) == Fixed(0.25)
    tail = LogNormal(0.2, 1.0)
    assert as_latency("x", tail) is tail


def test_a_learner_may_bring_a_latency_of_their_own() -> None:
    @dataclass
    class Slower:
        calls: int = 0

        def sample(self, rng: random.Random) -> float:
            self.calls += 1
            return float(self.calls)

    shop = Shop(latency={"payment": Slower()})

    async def twice() -> None:
        await shop.payment.charge(1, "card")
        await shop.payment.charge(1, "card")

    assert run(twice()).elapsed == pytest.approx(3)


def test_a_stream_depends_on_the_seed_and_the_name_only() -> None:
    first = stream(1, "payment").random()
    assert stream(1, "payment").random() == first
    assert len({first, stream(2, "payment").random(), stream(1, "orders").random()}) == 3


# --- bad input -----------------------------------------------------------------------------------

NUMBERS: dict[str, tuple[Callable[[Any], object], str, bool]] = {
    # what takes the number, what it is called there, whether 0 is accepted
    "Fixed": (Fixed, "seconds", True),
    "Uniform low": (lambda value: Uniform(value, 1.0), "low", True),
    "Uniform high": (lambda value: Uniform(0.0, value), "high", True),
    "Exponential": (Exponential, "mean", False),
    "LogNormal mean": (lambda value: LogNormal(value, 1.0), "mean", False),
    "LogNormal p99": (lambda value: LogNormal(1.0, value), "p99", False),
    "Slow": (lambda value: Slow("payment", times=value), "times", False),
    "Outage start": (lambda value: Outage("payment", start=value), "start", True),
    "Outage end": (lambda value: Outage("payment", end=value), "end", True),
    "as_latency": (lambda value: as_latency("latency of payment", value), "latency of", True),
}


@pytest.mark.parametrize("place", NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.001, math.nan, -math.inf])
def test_a_negative_number_is_refused_by_name(place: str, value: float) -> None:
    make, name, zero = NUMBERS[place]
    wanted = "a number of 0 or more" if zero else "a number above 0"
    with pytest.raises(ValueError, match=rf"^{name}.* must be {wanted}.*; got {value!r}$"):
        make(value)


@pytest.mark.parametrize("place", [name for name in NUMBERS if name != "Outage end"])
def test_an_infinite_number_is_refused_by_name(place: str) -> None:
    make, name, _ = NUMBERS[place]
    with pytest.raises(ValueError, match=rf"^{name}.* finite; got inf$"):
        make(math.inf)


@pytest.mark.parametrize("place", [name for name, (_, _, zero) in NUMBERS.items() if not zero])
def test_zero_is_refused_where_it_makes_no_sense(place: str) -> None:
    make, name, _ = NUMBERS[place]
    with pytest.raises(ValueError, match=rf"^{name} must be a number above 0.*; got 0$"):
        make(0)


@pytest.mark.parametrize("place", NUMBERS)
@pytest.mark.parametrize("value", ["0.2", None, True, [1], 1j], ids=repr)
def test_what_is_no_number_is_refused_by_name(place: str, value: object) -> None:
    make, name, _ = NUMBERS[place]
    with pytest.raises(TypeError, match=rf"^{name}.* must be a number") as caught:
        make(value)
    assert repr(value) in str(caught.value)


def test_the_error_for_a_latency_lists_what_is_accepted() -> None:
    with pytest.raises(TypeError, match=r"latency of payment .*Fixed, Uniform, Exponential.*'x'"):
        Shop(latency={"payment": "x"})  # type: ignore[dict-item]


def test_a_latency_class_instead_of_a_latency_is_refused() -> None:
    with pytest.raises(TypeError, match="latency of payment"):
        Shop(latency={"payment": Exponential})  # type: ignore[dict-item]


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match=r"high must be at least low \(2\); got 1"):
        Uniform(2, 1)
    with pytest.raises(ValueError, match=r"end must be at least start \(2\); got 1"):
        Outage("payment", start=2, end=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, 10, math.nan, math.inf])
def test_a_probability_outside_of_0_and_1_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=rf"p must be a probability between 0 and 1; got {value}"):
        Flaky("payment", p=value)


@pytest.mark.parametrize("value", ["0.1", None, True])
def test_a_probability_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=rf"p must be a number, got .*{value!r}"):
        Flaky("payment", p=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["refused", None, Refused])
def test_a_flaky_service_fails_in_one_of_the_known_ways(value: object) -> None:
    with pytest.raises(TypeError, match="how must be a Failure; got ") as caught:
        Flaky("payment", how=value)  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


FAULTS = [Refused, Down, ReplyLost, Slow, Flaky, Outage]


@pytest.mark.parametrize("kind", FAULTS)
def test_the_number_of_a_call_counts_from_1(kind: type[Fault]) -> None:
    for value in (0, -1):
        with pytest.raises(ValueError, match=rf"call must be 1 or more; got {value}"):
            kind("payment", call=value)
    for wrong in (1.0, "1", True):
        with pytest.raises(TypeError, match=rf"call must be a whole number, got .*{wrong!r}"):
            kind("payment", call=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("value", [None, 1, Refused, ("payment",)], ids=repr)
def test_a_fault_strikes_a_name(kind: type[Fault], value: object) -> None:
    with pytest.raises(TypeError, match=r"target must be a service or service\.operation;") as e:
        kind(value)  # type: ignore[arg-type]
    assert repr(value) in str(e.value)


def test_a_crash_strikes_a_service_after_a_number_of_steps() -> None:
    with pytest.raises(ValueError, match="after must be 0 or more; got -1"):
        Crash("orders", after=-1)
    for wrong in (1.5, "1", True, None):
        with pytest.raises(TypeError, match=rf"after must be a whole number, got .*{wrong!r}"):
            Crash("orders", after=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="service must be the name of a service; got 1"):
        Crash(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [Refused("paymnt"), Down("P.charge"), Crash("warehouse")])
def test_a_fault_of_an_unknown_service_is_refused(fault: AnyFault) -> None:
    with pytest.raises(ValueError, match="strikes an unknown service; known are orders, inv") as e:
        Shop(faults=[fault])
    assert repr(fault) in str(e.value)
    assert "notification" in str(e.value)


@pytest.mark.parametrize("fault", [Refused, Crash, "payment", None, Failure.DOWN], ids=repr)
def test_what_is_no_fault_is_refused(fault: object) -> None:
    with pytest.raises(TypeError, match=r"faults must be Refused, .* or Crash objects; got") as e:
        Shop(faults=[fault])  # type: ignore[list-item]
    assert repr(fault) in str(e.value)


def test_one_fault_instead_of_a_list_of_faults_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"^faults must be"):
        Shop(faults=Refused("payment"))  # type: ignore[arg-type]


def test_good_faults_are_returned_in_their_order() -> None:
    faults = [Slow("payment"), Crash("orders"), Refused("payment.charge", call=2)]
    assert check_faults(faults, list(LATENCY)) == tuple(faults)
    assert check_faults([], []) == ()


def test_a_fault_names_the_service_it_strikes() -> None:
    assert Refused("payment.charge").service == Refused("payment").service == "payment"


# --- what each fault does ------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What the caller of ``charge`` sees, and what is true."""

    error: str
    seconds: float
    captures: int
    fates: tuple[Fate, ...]


def charge_under(*faults: AnyFault, **options: Any) -> Seen:
    shop = Shop(faults=faults, **options)
    outcome = run(shop.payment.charge(5000, "card"), keep_error=True, drain=math.inf)
    return Seen(
        repr(outcome.error) if outcome.error else "",
        round(outcome.elapsed, 9),
        len(shop.payment.captures),
        tuple(message.fate for message in outcome.trace.messages),
    )


REFUSED = repr(ServiceRefused("payment"))
NO_REPLY = repr(NoReply("payment"))
DELIVERED = Fate.DELIVERED


def test_without_a_fault_the_call_takes_its_time_and_has_its_effect() -> None:
    assert charge_under() == Seen("", 0.2, 1, (DELIVERED, DELIVERED))


def test_a_refused_request_has_no_effect_and_the_caller_knows_at_once() -> None:
    assert charge_under(Refused("payment")) == Seen(REFUSED, 0.04, 0, (Fate.REFUSED, DELIVERED))


def test_a_refusal_comes_back_as_an_error_reply() -> None:
    shop = Shop(faults=[Refused("payment")])
    request, reply = run(shop.payment.charge(1, "card"), keep_error=True).trace.messages
    assert (reply.kind, reply.error, reply.reply_to) == (Kind.REPLY, True, request.number)


def test_a_service_that_goes_down_has_no_effect_and_no_reply_comes() -> None:
    assert charge_under(Down("payment")) == Seen(NO_REPLY, 0.2, 0, (Fate.LOST,))


def test_a_lost_reply_leaves_the_effect() -> None:
    assert charge_under(ReplyLost("payment")) == Seen(NO_REPLY, 0.2, 1, (DELIVERED, Fate.LOST))


@given(st.floats(0, 100), st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_the_caller_cannot_tell_a_lost_reply_from_a_lost_request(mean: float, seed: int) -> None:
    options: dict[str, Any] = {"latency": {"payment": Uniform(mean, 2 * mean)}, "seed": seed}
    down, lost = (
        charge_under(Down("payment"), **options),
        charge_under(ReplyLost("payment"), **options),
    )
    assert (down.error, down.seconds) == (lost.error, lost.seconds)
    assert (down.captures, lost.captures) == (0, 1)


def test_a_slow_call_takes_as_many_times_as_long_and_has_its_effect() -> None:
    assert charge_under(Slow("payment")) == Seen("", 2.0, 1, (DELIVERED, DELIVERED))
    assert charge_under(Slow("payment", times=2.5)).seconds == 0.5
    assert charge_under(Slow("payment", times=0.5)).seconds == 0.1
    assert charge_under(Slow("payment"), Slow("payment.charge", times=3)).seconds == 6.0


def test_slow_and_down_together_keep_the_caller_waiting_for_nothing() -> None:
    assert charge_under(Slow("payment"), Down("payment")) == Seen(NO_REPLY, 2.0, 0, (Fate.LOST,))


def test_of_two_failures_the_first_in_the_list_strikes() -> None:
    assert charge_under(Refused("payment"), Down("payment")).error == REFUSED
    assert charge_under(Down("payment"), Refused("payment")).error == NO_REPLY


def test_a_fault_of_one_operation_spares_the_others_of_the_service() -> None:
    assert charge_under(Refused("payment.refund")).error == ""
    assert charge_under(Refused("payment.charge")).error == REFUSED
    assert charge_under(Refused("inventory")).error == ""


OPERATIONS: dict[str, Callable[[Shop], Awaitable[object]]] = {
    "inventory.reserve": lambda shop: shop.inventory.reserve(an_order().items),
    "inventory.cancel_reservation": lambda shop: shop.inventory.cancel_reservation("R-1"),
    "inventory.cancel_by_key": lambda shop: shop.inventory.cancel_by_key("O-001"),
    "payment.charge": lambda shop: shop.payment.charge(1, "card"),
    "payment.refund": lambda shop: shop.payment.refund("T-1"),
    "payment.refund_by_key": lambda shop: shop.payment.refund_by_key("O-001"),
    "database.save": lambda shop: shop.database.save(Order.create(an_order())),
    "notification.send_order_confirmation": lambda shop: shop.notification.send_order_confirmation(
        an_order()
    ),
    "notification.send_regret": lambda shop: shop.notification.send_regret(an_order()),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_struck_under_its_own_name(name: str) -> None:
    async def main() -> None:
        await OPERATIONS[name](shop)

    for target in (name, name.partition(".")[0]):
        shop = Shop(faults=[Refused(target)])
        assert isinstance(run(main(), keep_error=True).error, ServiceRefused)
        assert shop.network.calls == [("customer", name)]


def test_a_misspelt_operation_is_refused_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"Refused\(target='payment.chrge'.* charge, refund"):
        Shop(faults=[Refused("payment.chrge")])


def test_two_equal_faults_are_two_faults() -> None:
    faults = [Flaky("payment", p=0.3)] * 2
    shop = Shop(faults=faults, latency={"payment": 0.0})
    results = run(charges(shop, 2000)).result
    assert results.count("ServiceRefused") / 2000 == pytest.approx(1 - 0.7**2, abs=0.04)


def test_the_luck_of_a_fault_comes_from_the_seed_and_its_own_words_alone() -> None:
    flaky, rare = Flaky("payment", p=0.3), Flaky("payment", p=1e-9)
    luck = stream(7, repr(flaky))
    own = [n for n in range(50) if luck.random() < 0.3]

    def refused(*faults: AnyFault) -> list[int]:
        shop = Shop(faults=faults, latency={"payment": 0.0}, seed=7)
        return [n for n, got in enumerate(run(charges(shop, 50)).result) if got != "ok"]

    assert refused(flaky) == own == refused(rare, flaky)
    assert set(own) < set(refused(flaky, flaky))  # its twin has numbers of its own


def test_a_service_that_loses_its_replies_can_crash_as_well() -> None:
    shop = Shop(faults=[ReplyLost("orders"), Crash("orders")])
    outcome = run(shop.place_order(service(shop, [])))
    assert outcome.result.told is Told.NOTHING
    assert [note.text for note in outcome.trace.notes] == ["crash"]


def test_a_request_is_taken_by_the_process_that_runs_when_it_arrives() -> None:
    shop = Shop(latency={"orders": 1.0}, faults=[Crash("orders")])

    async def nothing() -> None:
        return None

    async def two_orders() -> list[Told]:
        first = asyncio.create_task(shop.place_order(service(shop, [])))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(shop.place_order(service(shop, []), an_order(2)))
        await asyncio.sleep(0.05)
        await shop.restart("orders", nothing())
        return [(await first).told, (await second).told]

    assert run(two_orders()).result == [Told.NOTHING, Told.CONFIRMED]


def test_a_handler_that_is_cancelled_gives_no_reply() -> None:
    shop = Shop()

    async def gives_up(command: CreateOrder) -> None:
        raise asyncio.CancelledError

    answer = run(shop.place_order(gives_up)).result
    assert (answer.told, answer.reason) == (Told.NOTHING, "no reply from orders")


async def charges(shop: Shop, count: int, pause: float = 0.0) -> list[str]:
    """Charge so many times, one after the other; return what came of each."""
    results = []
    for _ in range(count):
        try:
            await shop.payment.charge(1, "card")
        except ShopError as error:
            results.append(type(error).__name__)
        else:
            results.append("ok")
        await asyncio.sleep(pause)
    return results


@pytest.mark.parametrize("target", ["payment", "payment.charge"])
def test_a_fault_of_the_second_call_strikes_only_the_second(target: str) -> None:
    shop = Shop(faults=[Refused(target, call=2)])
    assert run(charges(shop, 4)).result == ["ok", "ServiceRefused", "ok", "ok"]


def test_calls_are_counted_for_each_operation() -> None:
    shop = Shop(faults=[Refused("payment", call=2)])

    async def two_operations() -> None:
        await shop.payment.charge(1, "card")
        await shop.payment.refund("T-1")
        with pytest.raises(ServiceRefused):
            await shop.payment.refund("T-1")
        with pytest.raises(ServiceRefused):
            await shop.payment.charge(1, "card")
        await shop.payment.charge(1, "card")

    run(two_operations())


# --- flaky ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_a_flaky_service_fails_as_often_as_it_says(p: float) -> None:
    shop = Shop(faults=[Flaky("payment", p=p)], latency={"payment": 0})
    results = run(charges(shop, 2000)).result
    assert results.count("ServiceRefused") / 2000 == pytest.approx(p, abs=0.03)
    assert len(shop.payment.captures) == results.count("ok")


@pytest.mark.parametrize(
    ("how", "error", "captures"),
    [(Failure.REFUSED, REFUSED, 0), (Failure.DOWN, NO_REPLY, 0), (Failure.REPLY_LOST, NO_REPLY, 1)],
)
def test_a_flaky_service_fails_in_the_way_it_says(how: Failure, error: str, captures: int) -> None:
    seen = charge_under(Flaky("payment", p=1, how=how))
    assert (seen.error, seen.captures) == (error, captures)


def test_what_fails_depends_on_the_seed_only() -> None:
    def failures(seed: int) -> list[str]:
        return run(charges(Shop(faults=[Flaky("payment", p=0.5)], seed=seed), 50)).result

    assert failures(1) == failures(1)
    assert failures(1) != failures(2)


def test_one_flaky_fault_does_not_shift_the_draws_of_another() -> None:
    first, second = Flaky("payment", p=0.3, how=Failure.DOWN), Flaky("payment.charge", p=0.3)

    def failing(*faults: AnyFault) -> set[int]:
        results = run(charges(Shop(faults=faults), 200)).result
        return {number for number, result in enumerate(results) if result != "ok"}

    assert failing(first, second) == failing(first) | failing(second)


# --- outage --------------------------------------------------------------------------------------


def test_an_outage_refuses_inside_its_window_and_is_over_afterwards() -> None:
    # A charge every second; each request arrives after 20 ms.
    shop = Shop(faults=[Outage("payment", start=1.5, end=3.5)])

    async def every_second() -> list[str]:
        results = []
        for second in range(6):
            await asyncio.sleep(second - asyncio.get_running_loop().time())
            results += await charges(shop, 1)
        return results

    assert run(every_second()).result == [
        "ok",
        "ok",
        "ServiceRefused",
        "ServiceRefused",
        "ok",
        "ok",
    ]
    assert len(shop.payment.captures) == 4


def test_what_is_in_progress_when_an_outage_begins_is_lost() -> None:
    # Arrival at 20 ms, effect at 180 ms, reply at 200 ms.
    assert charge_under(Outage("payment", start=0.1)) == Seen(NO_REPLY, 0.2, 0, (Fate.LOST,))


def test_what_has_had_its_effect_when_an_outage_begins_is_answered() -> None:
    assert charge_under(Outage("payment", start=0.19)).error == ""


def test_the_window_begins_with_its_start_and_ends_before_its_end() -> None:
    rng = random.Random(0)
    outage = Outage("payment", start=1, end=2)
    assert outage.failure(1.0, 1.5, rng) is Failure.REFUSED
    assert outage.failure(1.999, 2.5, rng) is Failure.REFUSED
    assert outage.failure(2.0, 2.5, rng) is None
    assert outage.failure(0.5, 1.0, rng) is Failure.DOWN
    assert outage.failure(0.5, 0.999, rng) is None
    assert outage.failure(0.5, 9.0, rng) is Failure.DOWN


def test_without_figures_an_outage_lasts_for_ever() -> None:
    assert run(charges(Shop(faults=[Outage("payment")]), 3, 1000)).result == ["ServiceRefused"] * 3


# --- crash ---------------------------------------------------------------------------------------


def service(shop: Shop, log: list[str]) -> OrderFunction:
    """The plain order service, with a diary."""

    async def create_order(command: CreateOrder) -> Order:
        try:
            reserved = await shop.inventory.reserve(command.items)
            log.append("reserved")
            if not reserved.success:
                raise OrderFailed("out of stock")
            payment = await shop.payment.charge(command.total, command.payment_method)
            log.append("charged")
            order = Order.create(command, payment.transaction_id or "")
            await shop.database.save(order)
            log.append("saved")
            await shop.notification.send_order_confirmation(order)
            log.append("mailed")
        except BaseException as error:
            log.append(f"except {type(error).__name__}")
            raise
        finally:
            log.append("finally")
        return order

    return create_order


STEPS = ["reserved", "charged", "saved", "mailed"]
CALLS = [
    "orders.create_order",
    "inventory.reserve",
    "payment.charge",
    "database.save",
    "notification.send_order_confirmation",
]


def crash_after(steps: int) -> tuple[Shop, Run[Any], list[str]]:
    """Crash the order service; the log is what it wrote until everything had come to rest."""
    shop, log = Shop(faults=[Crash("orders", after=steps)]), list[str]()
    seen: list[str] = []

    async def order_and_wait() -> Any:
        answer = await shop.place_order(service(shop, log))
        await asyncio.sleep(1000)
        seen.extend(log)
        return answer

    return shop, run(order_and_wait(), drain=math.inf), seen


@pytest.mark.parametrize("steps", range(5))
def test_a_killed_service_makes_no_further_call_and_no_except_or_finally_runs(steps: int) -> None:
    shop, _, log = crash_after(steps)
    # The step itself has been made, but the line after it is not reached.
    assert log == STEPS[: max(0, steps - 1)]
    assert [operation for _, operation in shop.network.calls] == CALLS[: steps + 1]
    assert len(shop.inventory.reservations) == (steps >= 1)
    assert len(shop.payment.captures) == (steps >= 2)
    assert len(shop.database.orders) == (steps >= 3)
    assert len(shop.notification.mails) == (steps >= 4)


@pytest.mark.parametrize("steps", range(5))
def test_the_customer_of_a_killed_service_is_told_nothing(steps: int) -> None:
    _, outcome, _ = crash_after(steps)
    answer = outcome.result
    assert (answer.told, answer.reason) == (Told.NOTHING, "no reply from orders")
    assert answer.wait == pytest.approx([0, 0.1, 0.3, 0.3, 0.8][steps])
    assert [(note.service, note.text) for note in outcome.trace.notes] == [("orders", "crash")]


@pytest.mark.parametrize("steps", range(5))
def test_a_killed_service_sends_nothing_more(steps: int) -> None:
    _, outcome, _ = crash_after(steps)
    killed = outcome.trace.notes[0].time
    replies = [m for m in outcome.trace.messages if m.sender == "orders" and m.kind == Kind.REPLY]
    assert replies == []
    assert all(m.sent <= killed for m in outcome.trace.messages if m.sender == "orders")


def test_a_killed_service_sends_no_reply_to_another_request_that_it_slept_over() -> None:
    shop = Shop(faults=[Crash("orders", after=1)])

    async def sleepy(command: CreateOrder) -> None:
        await asyncio.sleep(5)

    async def both() -> None:
        await asyncio.gather(
            shop.place_order(service(shop, [])), shop.place_order(sleepy, an_order(2))
        )

    trace = run(both(), drain=math.inf).trace
    assert [answer.told for answer in shop.customer.answers] == [Told.NOTHING, Told.NOTHING]
    assert [m for m in trace.messages if m.sender == "orders" and m.sent > 0.1] == []


def kill_at(
    moment: float, create_order: Callable[[Shop, list[str]], OrderFunction], *faults: AnyFault
) -> tuple[Shop, Run[None], list[str]]:
    """Kill the order service at a moment; return what it wrote, and all calls that were made."""
    shop, log, seen = Shop(faults=faults), list[str](), list[str]()

    async def main() -> None:
        customer = asyncio.create_task(shop.place_order(create_order(shop, log)))
        await asyncio.sleep(moment)
        shop.network.kill("orders")
        assert (await customer).told is Told.NOTHING
        await asyncio.sleep(1000)
        seen.extend([*log, *(operation for _, operation in shop.network.calls)])

    return shop, run(main(), drain=math.inf), seen


def sleeps_and_charges(shop: Shop, log: list[str]) -> OrderFunction:
    async def create_order(command: CreateOrder) -> None:
        await asyncio.sleep(1)
        try:
            await shop.payment.charge(command.total, "card")
            log.append("charged")
        finally:
            log.append("finally")

    return create_order


def test_a_process_that_is_killed_between_two_calls_makes_no_further_one() -> None:
    shop, outcome, seen = kill_at(0.5, sleeps_and_charges)
    assert seen == ["orders.create_order"]
    assert [m.what for m in outcome.trace.messages if m.sent > 0.5] == []
    assert shop.payment.captures == {}


def test_a_process_that_is_killed_and_started_again_leaves_its_old_work_undone() -> None:
    shop, log = Shop(), list[str]()

    async def nothing() -> None:
        pass

    async def main() -> list[str]:
        customer = asyncio.create_task(shop.place_order(sleeps_and_charges(shop, log)))
        await asyncio.sleep(0.5)
        shop.network.kill("orders")
        await shop.restart("orders", nothing())  # there is a living process of that name again
        await customer
        await asyncio.sleep(1000)
        return list(log)

    assert run(main()).result == []
    assert len(shop.network.calls) == 1


def sleeps_and_goes_on(shop: Shop, log: list[str]) -> OrderFunction:
    async def create_order(command: CreateOrder) -> None:
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(5)
        except TimeoutError:
            log.append("except TimeoutError")
        finally:
            log.append("finally")

    return create_order


@pytest.mark.parametrize("asleep", [sleeps_and_charges, sleeps_and_goes_on])
def test_a_process_that_is_killed_in_its_sleep_never_wakes(asleep: Any) -> None:
    _, _, seen = kill_at(0.5, asleep)
    assert seen == ["orders.create_order"]


def test_the_end_of_the_run_does_not_let_a_dead_process_send_anything() -> None:
    def reserves_at_last(shop: Shop, log: list[str]) -> OrderFunction:
        async def create_order(command: CreateOrder) -> None:
            try:
                await shop.payment.charge(command.total, "card")
            finally:
                await shop.inventory.reserve(command.items)

        return create_order

    shop, outcome, _ = kill_at(0.1, reserves_at_last)
    assert len(shop.network.calls) == 2
    assert "reserve" not in [m.what for m in outcome.trace.messages]


# A refusal is back after 40 ms; nobody waits any more at the later moments.
WAITING = [
    (moment, fault)
    for moment in (0.01, 0.1, 0.19)  # the request is on its way, at work, the reply on its way
    for fault in (None, Refused, Down, ReplyLost)
    if moment < 0.04 or fault is not Refused
]


@pytest.mark.parametrize(("moment", "fault"), WAITING)
def test_a_process_that_is_killed_while_it_waits_in_a_call_makes_no_further_one(
    moment: float, fault: type[Fault] | None
) -> None:
    def charges_and_reserves(shop: Shop, log: list[str]) -> OrderFunction:
        async def create_order(command: CreateOrder) -> None:
            try:
                async with asyncio.timeout(5):
                    await shop.payment.charge(command.total, "card")
                log.append("charged")
            except (ShopError, TimeoutError) as error:
                log.append(f"except {error}")
            finally:
                log.append("finally")
                await shop.inventory.reserve(command.items)

        return create_order

    faults = [] if fault is None else [fault("payment")]
    shop, outcome, seen = kill_at(moment, charges_and_reserves, *faults)
    assert seen == ["orders.create_order", "payment.charge"]
    assert shop.inventory.reservations == {}
    assert len(shop.payment.captures) == (fault in (None, ReplyLost))  # what was asked for is done
    replies = [m for m in outcome.trace.messages if m.what == "charge" and m.kind == Kind.REPLY]
    assert {m.fate for m in replies} <= {Fate.LOST}


@pytest.mark.parametrize("moment", [0.01, 0.1], ids=["on its way", "at work"])
def test_what_a_killed_service_was_asked_to_do_is_not_done(moment: float) -> None:
    shop = Shop()

    async def nothing() -> None:
        pass

    async def main() -> list[str]:
        charging = asyncio.create_task(charges(shop, 1))
        await asyncio.sleep(moment)
        shop.network.kill("payment")
        if moment == 0.1:  # a request on its way would find the new process
            await shop.restart("payment", nothing())
        return await charging

    outcome = run(main(), drain=math.inf)
    assert outcome.result == ["ServiceRefused" if moment == 0.01 else "NoReply"]
    assert shop.payment.captures == {}


def test_a_crash_strikes_after_a_failed_step_as_well() -> None:
    shop = Shop(faults=[Refused("inventory"), Crash("orders", after=1)])
    log: list[str] = []

    async def order() -> list[str]:
        answer = await shop.place_order(service(shop, log))
        assert answer.told is Told.NOTHING
        return list(log)

    assert run(order()).result == []


def test_what_was_on_its_way_when_its_sender_was_killed_still_has_its_effect() -> None:
    shop = Shop(faults=[Crash("orders", after=1)])

    async def create_order(command: CreateOrder) -> None:
        await asyncio.gather(
            shop.inventory.reserve(command.items),  # 100 ms: the first step
            shop.payment.charge(command.total, "card"),  # 200 ms: still on its way then
        )

    outcome = run(shop.place_order(create_order), drain=math.inf)
    assert outcome.elapsed == pytest.approx(0.1)
    assert len(shop.payment.captures) == 1
    charged = [m for m in outcome.trace.messages if m.what == "charge"]
    assert [m.fate for m in charged] == [Fate.DELIVERED, Fate.LOST]  # nobody is left to take it


def test_the_calls_after_a_crash_are_refused() -> None:
    shop = Shop(faults=[Crash("payment")])
    assert run(charges(shop, 3)).result == ["NoReply", "ServiceRefused", "ServiceRefused"]
    assert shop.payment.captures == {}


def test_a_timeout_does_not_wake_a_killed_service() -> None:
    shop, log = Shop(faults=[Crash("orders", after=1)]), list[str]()

    async def create_order(command: CreateOrder) -> None:
        try:
            async with asyncio.timeout(1):
                await shop.inventory.reserve(command.items)
                log.append("reserved")
        except TimeoutError:
            log.append("timeout")

    async def order() -> list[str]:
        await shop.place_order(create_order)
        await asyncio.sleep(10)
        return list(log)

    assert run(order()).result == []


# --- a fault changes nothing but what it strikes -------------------------------------------------


def durations_of(shop: Shop, name: str, count: int = 20) -> list[float]:
    """Call inventory, payment and mail in turn; how long the calls to one of them took."""
    took: list[float] = []

    async def timed(service: str, call: Callable[[], Any]) -> None:
        start = asyncio.get_running_loop().time()
        try:
            await call()
        except ShopError:
            pass
        finally:
            if service == name:
                took.append(round(asyncio.get_running_loop().time() - start, 6))

    async def main() -> None:
        for number in range(count):
            order = Order.create(an_order(number), "T-1")
            await timed("inventory", lambda: shop.inventory.reserve(an_order().items))
            await timed("payment", lambda: shop.payment.charge(1, "card"))
            await timed(
                "notification", lambda order=order: shop.notification.send_order_confirmation(order)
            )

    run(main())
    return took


RANDOM = {name: Exponential(0.2) for name in ("inventory", "payment", "notification")}


@pytest.mark.parametrize("fault", [kind("payment", call=3) for kind in FAULTS], ids=repr)
def test_a_fault_does_not_shift_the_latencies_of_the_others(fault: Fault) -> None:
    for name in ("inventory", "notification"):
        broken = Shop(latency=RANDOM, faults=[fault])
        assert durations_of(broken, name) == durations_of(Shop(latency=RANDOM), name)


@pytest.mark.parametrize("kind", [Down, ReplyLost, Flaky], ids=lambda kind: kind.__name__)
def test_a_fault_does_not_shift_its_own_service_latencies_either(kind: type[Fault]) -> None:
    fault = Flaky("payment", p=0.5, how=Failure.DOWN) if kind is Flaky else kind("payment")
    broken = Shop(latency=RANDOM, faults=[fault])
    assert durations_of(broken, "payment") == durations_of(Shop(latency=RANDOM), "payment")


def test_a_random_latency_of_one_service_does_not_shift_that_of_another() -> None:
    one = Shop(latency={"payment": Exponential(0.2)})
    both = Shop(latency={"payment": Exponential(0.2), "inventory": Exponential(0.1)})
    assert durations_of(one, "payment") == durations_of(both, "payment")
