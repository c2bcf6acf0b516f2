"""Notebook 04: a saga that outlives a lost reply, and points by events and by a saga."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, cast

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import Explain, every_single_fault, first_counterexample
from lessonkit.explorer import Case, run_case
from lessonkit.faults import Refused, ReplyLost
from lessonkit.lab import flow_view, table, tiles, timeline
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event
from lessonkit.patterns.saga import Saga
from lessonkit.runner import run
from lessonkit.shop import CreateOrder, Item, Shop, ShopError, Told, books
from lessonkit.shop.network import Network
from lessonkit.shop.process import here
from lessonkit.trace import Kind, current_trace

ORDER = CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),))
WITH_EXPIRED_CARD = replace(ORDER, payment_method="expired card")

# --- a compensation that does not need the reply -------------------------------------------------

UNDOING = {"payment": "payment.refund_by_key", "inventory": "inventory.cancel_by_key"}


def _judge_lost_reply(saga: type[Any]) -> Counterexample | None:
    def buy(shop: Shop, command: CreateOrder = ORDER) -> Awaitable[object]:
        return shop.place_order(saga(shop).execute, command)

    try:
        cases = every_single_fault(buy, crashes=None, for_good=True)
        declined = run_case(partial(buy, command=WITH_EXPIRED_CARD), shop=SealedShop)
    except NameError as error:
        if "is not defined" in str(error):  # a slip of the pen
            raise
        return _asked_too_early(buy, error)
    used = {operation for case in cases for operation in _operations(case)}
    explain = partial(_explain_lost_reply, used)
    return (
        first_counterexample(cases, explain)
        or _explain_declined(declined)
        or _undone_in_the_wrong_order(cases)
    )


def _operations(case: Case) -> list[str]:
    return [operation for _caller, operation, _number in case.shop.network.calls]


def _asked_too_early(buy: Callable[[Shop], Any], error: NameError) -> Counterexample:
    """Someone notes a compensation with an id that only the reply will bring."""
    picture = ""
    for faults in ([], [ReplyLost("inventory.reserve")], [ReplyLost("payment.charge")]):
        shop = SealedShop(faults=faults)
        outcome = run(buy(shop), keep_error=True, drain=math.inf)
        if isinstance(outcome.error, NameError):
            picture = timeline(outcome.trace)
            break
    sentence = _("Your code needs something that only the reply brings: {error}.")
    advice = _(
        "Before the call there is no reply, and so no id. What do you know already, before you ask,"
        " and does the service take it for undoing?"
    )
    return Counterexample(sentence.format(error=error), advice, picture)


def _explain_declined(case: Case) -> Counterexample | None:
    if case.survived and case.shop.customer.answers[0].told is Told.FAILED:
        return None
    sentence = _("The card has expired, and the order does not end as a failure.")
    advice = _(
        "A card that is declined raises no error: it is an answer. Look at `success`, as before."
    )
    return Counterexample(sentence, advice, case_view(case))


def _explain_lost_reply(used: set[str], case: Case) -> str | None:
    (answer,) = case.shop.customer.answers
    order = books(case.shop)[0]
    broken = {violation.rule for violation in case.violations}
    if not case.faults and not (answer.told is Told.CONFIRMED and order.stands and order.mails):
        return _(
            "On a normal day the order must go through: confirmed, paid, saved, with a mail. Undo"
            " only when something has failed."
        )
    if not broken:
        return None
    if "no order lost" in broken:
        return _(
            "Everything was undone, and still the customer was told that the order is confirmed:"
            " the error ended in your `except`. After the undoing it must be raised again."
        )
    if "no wrong amount" in broken:
        return _(
            "The money was taken more than once. Whoever asks again must send the same key again."
        )
    if case.title.startswith("notification"):
        return _(
            "Only the mail has failed, and the order was undone for it. The mail stands outside of"
            " what can be undone."
        )
    if order.stands:
        return _(
            "The saving did happen; only its reply was lost. So the order stands, while all the"
            " rest was undone. The saving needs a compensation as well, noted before it. An order"
            " can be saved once more, in another state."
        )
    return _left_behind("payment" if order.money else "inventory", case, used)


def _left_behind(service: str, case: Case, used: set[str]) -> str:
    """Why money or stock stays behind: by which key, noted when, or by no key at all."""
    undoing = UNDOING[service]
    if undoing in _operations(case):
        words = _(
            "`{undoing}` was sent, and found nothing: nothing was ever done under that key. The"
            " doing and the undoing must name the same key."
        )
    elif undoing in used:
        words = _(
            "`{undoing}` is the right way to undo it, but here it was never sent. The call raised"
            " its error, and the line below it, which notes the compensation, was not reached."
        )
    else:
        words = _(
            "It happened, and the reply with its id was lost. Without the id you cannot undo it."
            " With a key of your own you can: `{undoing}`."
        )
    return words.format(undoing=undoing)


def _undone_in_the_wrong_order(cases: list[Case]) -> Counterexample | None:
    # Only when the saving has lost its reply, all three were done and are undone.
    lost = [ReplyLost("database.save", call=1), ReplyLost("database.save")]
    for case in cases:
        undone = case.shop.customer.answers[0].told is Told.FAILED
        found = _order_of_the_undoing(case) if undone and case.faults[0] in lost else None
        if found is not None:
            return found
    return None


def _order_of_the_undoing(case: Case) -> Counterexample | None:
    sent: dict[str, float] = {}
    for message in case.run.trace.messages:
        if message.kind is not Kind.REQUEST:
            continue
        if message.receiver == "database" or message.what.startswith(("refund", "cancel")):
            sent[message.receiver] = message.sent
    order, money, stock = (sent.get(name, 0.0) for name in ("database", "payment", "inventory"))
    if order > min(money, stock):
        advice = _(
            "At {early} ms the giving back begins, and only at {late} ms the order is cancelled. In"
            " between an order stands that nobody has paid for. What was done last is undone first."
        ).format(early=f"{min(money, stock) * 1000:,.0f}", late=f"{order * 1000:,.0f}")
    elif money > stock:
        advice = _(
            "The stock goes back before the money. What was done last is undone first: the order,"
            " then the money, then the stock."
        )
    else:
        return None
    sentence = _("In the end everything is undone, but in the wrong order: {fault}")
    # Just before the last thing is undone, it shows what should have come before.
    picture = timeline(case.run.trace, at=max(order, money) - 0.001)
    return Counterexample(sentence.format(fault=case.title), advice, picture)


lost_reply = Exercise(
    name="lost_reply",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Undo it even if its reply was lost"),
    starter="""
class PreparedSaga(CreateOrderSaga):
    async def execute(self, command):
        compensations = []
        try:
            order = await self.reserve_pay_and_save(command, compensations)
        except Exception:
            for compensate in reversed(compensations):
                try:
                    await compensate()
                except ShopError:
                    current_trace().note("orders", "compensation failed")
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            current_trace().note("orders", "the mail failed")
        return order

    async def reserve_pay_and_save(self, command, compensations):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        undo = partial(self.inventory.cancel_reservation, reserved.reservation_id)
        compensations.append(undo)

        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            raise OrderFailed("card declined")
        compensations.append(partial(self.payment.refund, payment.transaction_id))

        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        return order
""",
    asks=("PreparedSaga",),
    judge=_judge_lost_reply,
    hints=(
        N_(
            "When a reply is lost, the call raises an error. Which line below it is then never"
            " reached? It would have to stand above the call."
        ),
        N_(
            "Above the call there is no id yet. But there is a key, the id of the order:"
            " `reserve(items, key)` and `charge(total, method, key)` take it, and `cancel_by_key`"
            " and `refund_by_key` undo whatever was done under it."
        ),
        N_(
            "The saving can lose its reply as well. Note its compensation before it, too: save"
            " `order.cancelled()`. It was noted last, so it is undone first."
        ),
    ),
    answer="""
class PreparedSaga(CreateOrderSaga):
    async def execute(self, command):
        compensations = []
        try:
            order = await self.reserve_pay_and_save(command, compensations)
        except Exception:
            for compensate in reversed(compensations):
                try:
                    await compensate()
                except ShopError:
                    current_trace().note("orders", "compensation failed")
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            current_trace().note("orders", "the mail failed")
        return order

    async def reserve_pay_and_save(self, command, compensations):
        key = command.order_id
        compensations.append(partial(self.inventory.cancel_by_key, key))
        reserved = await self.inventory.reserve(command.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")

        compensations.append(partial(self.payment.refund_by_key, key))
        payment = await self.payment.charge(command.total, command.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")

        order = Order.create(command, payment.transaction_id)
        compensations.append(partial(self.database.save, order.cancelled()))
        await self.database.save(order)
        return order
""",
)

# --- a shop that gives points --------------------------------------------------------------------

POINTS = ORDER.total // 100
"""What the order of all trials is worth."""


class PointsService:
    """A point for every hundred yen, by the id of the order: what comes twice is done once.

    Points that were taken back stay taken back, even if the request to give them comes late.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._given: dict[str, int] = {}

    @property
    def total(self) -> int:
        """How many points the customers have."""
        return sum(self._given.values())

    async def give(self, order: CreateOrder) -> None:
        """Give the points for this order."""
        await self._network.call("points", "give", self._give, order)

    async def take_back(self, order: CreateOrder) -> None:
        """Take the points of this order back. If none were given, none will be."""
        await self._network.call("points", "take_back", self._take_back, order)

    def _give(self, order: CreateOrder) -> None:
        self._given.setdefault(order.order_id, order.total // 100)
        self._show()

    def _take_back(self, order: CreateOrder) -> None:
        self._given[order.order_id] = 0
        self._show()

    def _show(self) -> None:
        current_trace().state("points", N_("points"), self.total)


class PointsShop(SealedShop):
    """A sealed shop with a points service.

    Attributes
    ----------
    bus, saga
        What directs it, put here by the notebook's ``choreography`` or ``order_saga``.
    """

    bus: InMemoryEventBus | None = None
    saga: Saga | None = None

    def __init__(self, **given: Any) -> None:
        super().__init__(more={"points": 0.05}, **given)
        self._points = PointsService(self.network)

    @property
    def points(self) -> PointsService:
        """Gives points and takes them back."""
        return self._points


def _shop_of(case: Case) -> PointsShop:
    return cast(PointsShop, case.shop)


def _first(cases: list[Case], explain: Explain, sentence: str = "") -> Counterexample | None:
    """As :func:`first_counterexample`, and the picture shows the points and the flow, too."""
    found = first_counterexample(cases, explain)
    if found is None:
        return None
    failing = next((case for case in cases if explain(case) == found.advice), cases[0])
    picture = _with_points(failing, found.picture)
    return replace(found, sentence=sentence or found.sentence, picture=picture)


def _with_points(case: Case, picture: str) -> str:
    shop = _shop_of(case)
    due = POINTS if books(shop)[0].stands else 0
    figures, flow = [(_("points at the end"), shop.points.total, due)], ""
    if shop.bus is not None:
        figures = [(_("points at the end"), shop.points.total, 0)]
        if isinstance(case.run.result, int):
            figures.insert(0, (_("points before the return"), case.run.result, due))
        flow = flow_view(shop.bus, ORDER.order_id)
    elif shop.saga is not None and shop.saga.log is not None:
        flow = table(shop.saga.log.to_frame(ORDER.order_id)).html
    shown = tiles((label, str(n), "good" if n == wanted else "bad") for label, n, wanted in figures)
    return f"{shown}{picture}{flow}"


# --- points by events ----------------------------------------------------------------------------

PAUSE, LONG_PAUSE = 1.0, 4.0
"""Seconds from the order to its return: so long the points may take, without and with faults."""

LONGEST_WAIT = 0.3
"""Seconds that stock and payment take: so long the customer has to wait in any case."""


def _judge_points_by_events(
    _service: object, sell: Callable[..., Awaitable[object]], returned: Callable[..., Event]
) -> Counterexample | None:
    async def buy_and_return(
        shop: Shop,
        command: CreateOrder = ORDER,
        pause: float = LONG_PAUSE,
        times: int = 1,
        returns: bool = True,
    ) -> int | None:
        ours = cast(PointsShop, shop)
        await sell(ours, command)
        await asyncio.sleep(pause)
        for _again in range(times - 1):
            paid = [e for _by, e in _bus_of(ours).published if e.type == "PaymentCompleted"]
            _publish(ours, *paid)
            await asyncio.sleep(pause)
        before = ours.points.total
        if not returns:
            return None
        _publish(ours, *[returned(command, correlation_id=command.order_id)] * times)
        return before

    def on_trial(*faults: Refused, **special: Any) -> Case:
        scenario = partial(buy_and_return, pause=PAUSE, **special)
        return run_case(scenario, *faults, shop=PointsShop)

    normal = on_trial()
    declined = on_trial(command=WITH_EXPIRED_CARD, returns=False)
    _raise_mistakes(normal, declined)
    took_back_at_once = "points.take_back" in _operations(declined)
    return (
        _first([normal], _explain_the_purchase)
        or _first([declined], _explain_no_purchase, _("Points for a card that has expired."))
        or _first([normal], partial(_explain_the_return, took_back_at_once))
        or _first([on_trial(times=2)], _explain_twice, _("An event may come twice."))
        or _first(
            [on_trial(Refused("notification"))],
            _explain_no_mail,
            _("Paid, and no points: the mail service takes nothing today."),
        )
        or _first(
            every_single_fault(buy_and_return, shop=PointsShop, crashes=None),
            _explain_points_by_events,
        )
    )


def _publish(shop: PointsShop, *events: Event) -> None:
    """Let the order service say it."""
    context = copy_context()
    context.run(here.set, shop.network.processes["orders"])
    for event in events:
        context.run(_bus_of(shop).publish_and_forget, event)


def _bus_of(shop: PointsShop) -> InMemoryEventBus:
    if shop.bus is None:
        raise ValueError("sell must put the bus into shop.bus, as choreography does; got None")
    return shop.bus


def _raise_mistakes(*cases: Case) -> None:
    # The bus keeps what a handler raises to itself. A mistake in the program is to be seen.
    for case in cases:
        for failure in getattr(_shop_of(case).bus, "failures", ()):
            if failure.error is not None and not isinstance(failure.error, ShopError):
                raise failure.error


def _explain_the_purchase(case: Case) -> str | None:
    shop = _shop_of(case)
    (answer,) = shop.customer.answers
    if answer.wait > LONGEST_WAIT + 0.001:
        words = _(
            "The customer now waits {ms} ms instead of 300: the points stand in the way of the"
            " order. Whoever only listens keeps nobody waiting."
        )
        return words.format(ms=f"{answer.wait * 1000:,.0f}")
    if not case.survived or answer.told is not Told.CONFIRMED:
        return _(
            "The order itself does not go through any more. The other services need no change;"
            " write only your own."
        )
    callers = [who for who, what, _number in shop.network.calls if what.startswith("points.")]
    if others := [who for who in callers if who != "points"]:
        words = _(
            "It is the process of another service that gives the points here: {service}. A handler"
            ' belongs to the service that it names: `service="points"`.'
        )
        return words.format(service=service_name(others[0]))
    if case.run.result != POINTS:
        words = _(
            "On a normal day the customer must have {points} points when the order is paid; now it"
            " is {given}. Which event says that the order is paid?"
        )
        return words.format(points=POINTS, given=case.run.result)
    return None


def _explain_no_purchase(case: Case) -> str | None:
    if _shop_of(case).points.total:
        return _(
            "The card has expired, nothing was bought, and the customer has points. Look at the"
            " tree below: which events does this order have as well, and which one does it lack?"
        )
    return None


def _explain_the_return(took_back_at_once: bool, case: Case) -> str | None:
    shop = _shop_of(case)
    if not shop.points.total:
        return None
    if _operations(case).count("points.give") > 1:
        return _(
            "When the order comes back, the points are given once more. The return needs the"
            " opposite: `take_back`."
        )
    if took_back_at_once:
        return _(
            "You take back when the payment fails; but then no points were given. They are to be"
            " taken back when the order is returned: that is another event."
        )
    return _(
        "The order came back, and the customer keeps the points. Look at the tree below: who heard"
        " `OrderReturned`?"
    )


def _explain_twice(case: Case) -> str | None:
    if case.run.result != POINTS or _shop_of(case).points.total:
        return _(
            "The points service does the same thing only once. So tell it the same thing both times"
            " that an event comes: do not remember, and do not count."
        )
    return None


def _explain_no_mail(case: Case) -> str | None:
    if case.run.result != POINTS:
        return _(
            "Only the mail fails, and the points fail with it: they hang on an event that comes"
            " after the mail. Points are given for the payment."
        )
    return None


def _explain_points_by_events(case: Case) -> str | None:
    shop = _shop_of(case)
    if not case.survived or shop.customer.answers[0].told is not Told.CONFIRMED:
        return _(
            "Under this fault the order itself is not what it was. The other services need no"
            " change, and they ask again only if `choreography` is told `ask=again`."
        )
    if case.run.result != POINTS:
        return _(
            "The points service failed once to answer, and the customer never gets the points. The"
            " handler gave up after one attempt. `ask` is handed to you for that."
        )
    if shop.points.total:
        return _(
            "The giving is asked for again, the taking back is not: it failed once, and the"
            " customer keeps the points of a returned order."
        )
    return None


points_by_events = Exercise(
    name="points_by_events",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Points by events, and taken back when the order is returned"),
    starter="""
class OrderReturned(OrderEvent): ...


def my_points(shop, bus, ask=once):
    @bus.subscribe(OrderCreated, service="points")
    async def give(event):
        await shop.points.give(event.command)


def sell(shop, command=None):
    return choreography(shop, release_on_failure, my_points, ask=again, command=command)
""",
    asks=("my_points", "sell", "OrderReturned"),
    judge=_judge_points_by_events,
    hints=(
        N_(
            "Three things are missing. The draft listens to the wrong event, it makes its call only"
            " once, and it does not hear when an order is returned."
        ),
        N_(
            "`OrderCreated` comes before anybody has looked at the card. And the others write"
            " `await ask(function, argument)`: with `ask=again`, that makes up to three attempts."
        ),
        N_(
            "A second handler, of the same form: it subscribes to `OrderReturned`, for the service"
            " points, and asks for `shop.points.take_back` with the event's command."
        ),
    ),
    answer="""
class OrderReturned(OrderEvent): ...


def my_points(shop, bus, ask=once):
    @bus.subscribe(PaymentCompleted, service="points")
    async def give(event):
        await ask(shop.points.give, event.command)

    @bus.subscribe(OrderReturned, service="points")
    async def take_back(event):
        await ask(shop.points.take_back, event.command)


def sell(shop, command=None):
    return choreography(shop, release_on_failure, my_points, ask=again, command=command)
""",
)

# --- points by a saga ----------------------------------------------------------------------------


def _judge_points_by_saga(
    _flow: object, direct: Callable[[Shop], Awaitable[object]]
) -> Counterexample | None:
    cases = every_single_fault(
        direct, shop=PointsShop, restart=_resume, crashes="orders", for_good=True
    )
    return _first(cases, _explain_points_by_saga)


async def _resume(shop: Shop) -> None:
    saga = _shop_saga(shop)
    if saga is not None and saga.log is not None:
        await saga.resume()


def _shop_saga(shop: Shop) -> Saga | None:
    return cast(PointsShop, shop).saga


def _explain_points_by_saga(case: Case) -> str | None:
    shop = _shop_of(case)
    (answer,) = shop.customer.answers
    order = books(shop)[0]
    points = shop.points.total
    if not case.faults and not (
        answer.told is Told.CONFIRMED and order.stands and order.mails and points == POINTS
    ):
        words = _(
            "On a normal day the order must go through, and bring {points} points; now it brings"
            " {given}."
        )
        return words.format(points=POINTS, given=points)
    if answer.told is Told.CONFIRMED and not order.stands:
        return _(
            "The customer was told that the order is confirmed, and it could not be saved. After"
            " the pivot nothing is undone any more, and the saving comes after it. What is the"
            " point of no return here: the points, or the saved order?"
        )
    if points and not order.stands:
        if _operations(case).count("points.give") > 1:
            return _(
                "The order was undone, and the points were given once more instead of taken"
                " back. The compensation is the opposite of the action."
            )
        return _(
            "The order was undone, and its points were not. Look at the log below: which steps are"
            " undone there, and which is not? That one has no compensation."
        )
    if order.stands and not points:
        if _is_optional(shop):
            return _(
                "The points failed at each attempt, and the saga went on without them: an"
                " `optional` step may be missing. A mail may be missing; these points are promised."
            )
        return _(
            "The order was saved, and then the points failed at each attempt. It was too late to go"
            " back: the saved order is the pivot. What must not be missing is done before it."
        )
    if not case.survived:
        return _(
            "The points are right, but the books are not. The other steps, and the choices of the"
            " saga, need no change."
        )
    return None


def _is_optional(shop: PointsShop) -> bool:
    return shop.saga is not None and any(
        step.optional for step in shop.saga.steps if step.name != "mail"
    )


points_by_saga = Exercise(
    name="points_by_saga",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Points by a saga: no order without them, and none without an order"),
    starter="""
def my_flow(do, pivot):
    points = do.shop.points
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge, do.refund),
        Step("save", do.save, do.cancel, pivot=pivot),
        Step("mail", do.mail, optional=True),
        Step("points", points.give),
    ]


def direct_with_points(shop):
    choices = ["keys", "first", "log", "pivot", "retries", "steadfast", "limits"]
    return shop.place_order(order_saga(shop, **dict.fromkeys(choices, True), flow=my_flow))
""",
    asks=("my_flow", "direct_with_points"),
    judge=_judge_points_by_saga,
    hints=(
        N_(
            "When the points fail for good, can the saga still go back? Up to the pivot it can."
            " Which step is the pivot, and where does yours stand?"
        ),
        N_(
            "Before the pivot, every step can be undone. The third argument of `Step` says how, and"
            " the points service has `take_back`."
        ),
        N_(
            "One line between `charge` and `save`: the name, the action, its compensation. Not"
            " optional, and the pivot stays where it is."
        ),
    ),
    answer="""
def my_flow(do, pivot):
    points = do.shop.points
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge, do.refund),
        Step("points", points.give, points.take_back),
        Step("save", do.save, do.cancel, pivot=pivot),
        Step("mail", do.mail, optional=True),
    ]


def direct_with_points(shop):
    choices = ["keys", "first", "log", "pivot", "retries", "steadfast", "limits"]
    return shop.place_order(order_saga(shop, **dict.fromkeys(choices, True), flow=my_flow))
""",
)
