"""The customer: orders, waits, and believes what the shop says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lessonkit.messages import N_
from lessonkit.shop.errors import NoReply, ShopError
from lessonkit.shop.network import Network, correlation
from lessonkit.shop.orders import CreateOrder
from lessonkit.trace import current_trace

ORDER_OPERATION = "orders.create_order"
"""How the customer's call to the order service is named in faults."""

OrderFunction = Callable[[CreateOrder], Awaitable[Any]]
"""What the order service does with a command: returns the order, or raises an error."""


class Told(StrEnum):
    """What the customer was told about an order."""

    CONFIRMED = N_("confirmed")
    FAILED = N_("failed")
    NOTHING = N_("no answer")


@dataclass(frozen=True)
class Answer:
    """What the customer was told, why, and the moments (seconds) of the question and the answer."""

    order_id: str
    told: Told
    reason: str
    asked: float
    answered: float

    @property
    def wait(self) -> float:
        """How many seconds the customer waited."""
        return self.answered - self.asked


class Customer:
    """Everybody who orders, in one place."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.answers: list[Answer] = []

    async def order(self, create_order: OrderFunction, command: CreateOrder) -> Answer:
        """Send the command to the order service, which runs ``create_order`` with it; wait.

        A :class:`ShopError` or a timeout of the order service is an answer: the order failed. Any
        other exception is a mistake in the program and is raised.
        """
        token = correlation.set(command.order_id)
        asked = asyncio.get_running_loop().time()
        told, reason = Told.CONFIRMED, ""
        service, name = ORDER_OPERATION.split(".")
        try:
            await self._network.call(service, name, create_order, command)
        except (ShopError, TimeoutError) as error:
            unanswered = isinstance(error, NoReply) and error.service == "orders"
            told, reason = Told.NOTHING if unanswered else Told.FAILED, str(error)
        finally:
            correlation.reset(token)
        answer = Answer(command.order_id, told, reason, asked, asyncio.get_running_loop().time())
        self.answers.append(answer)
        current_trace().state("customer", N_("told"), told)
        return answer
