"""The figures of the lesson's eight points, each from a run."""

from __future__ import annotations

import math
from collections.abc import Coroutine
from functools import partial
from typing import Any

from lessonkit.course.summary.styles import Ordering, Scenario, chain, choreography, event_driven
from lessonkit.course.summary.whole_order import ShopWithADisk, WholeOrder
from lessonkit.explorer import Exploration, explore
from lessonkit.records import Kind
from lessonkit.runner import Run, run
from lessonkit.shop import Answer

Figures = tuple[int, ...]


def whole_order(shop: Any) -> Ordering:
    """The order with all its three parts."""
    placed: Ordering = shop.place_order(WholeOrder(shop, True, True, True).create_order)
    return placed


def eight_points() -> list[Figures]:
    """For each of the eight points one figure; of three styles also the bad luck they survive."""
    told, asked = one_order(event_driven), one_order(partial(event_driven, ask_back=True))
    whole = one_order(whole_order)
    return [
        (wait(one_order(chain)), *luck(explore(chain))),
        (wait(told), *luck(explore(event_driven))),
        (questions(asked),),
        (questions(told),),
        (drivers(one_order(choreography)),),
        (drivers(whole),),
        (gap(told),),
        (wait(whole), *luck(explore(whole_order, shop=ShopWithADisk, restart=recover))),
    ]


def recover(shop: Any) -> Coroutine[Any, Any, None]:
    """What a new process does first."""
    return WholeOrder(shop, True, True, True).recover()


def one_order(scenario: Scenario) -> Run[Answer]:
    """One order without bad luck, to the end of all that comes of it."""
    return run(scenario(ShopWithADisk()), drain=math.inf)


def wait(order: Run[Answer]) -> int:
    """How long the customer waited, in milliseconds."""
    return round(order.result.wait * 1000)


def luck(found: Exploration) -> Figures:
    """How much bad luck was survived, and how much was tried."""
    return found.survived, found.tried


def questions(order: Run[Answer]) -> int:
    """How many times a subscriber asked the order service for the details."""
    sent = order.trace.messages
    return sum(one.what == "get_order" and one.kind is Kind.REQUEST for one in sent)


def drivers(order: Run[Answer]) -> int:
    """How many services drive the flow: they call another one, or publish an event."""
    pairs = order.trace.who_knows_whom()
    return len({one for one, other in pairs if one != other} - {"customer", "event bus"})


def gap(order: Run[Answer]) -> int:
    """From the confirmation until the stock is reduced, in milliseconds."""
    changes = {state.service: state.time for state in reversed(order.trace.states)}
    return round((changes["inventory"] - changes["database"]) * 1000)
