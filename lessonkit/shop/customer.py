"""The customer: orders, waits, and believes what the shop says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lessonkit.messages import N_
from lessonkit.shop.errors import NoReply, OutcomeUnknown, ShopError
from lessonkit.shop.network import Network
from lessonkit.shop.orders import CreateOrder, Told
from lessonkit.trace import correlation, current_trace

ORDER_OPERATION = "orders.create_order"
"""How the customer's call to the order service is named in faults."""

OrderFunction = Callable[[CreateOrder], Awaitable[Any]]
"""What the order service does with a command: returns the order, or raises an error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer was told, why, and the moments (seconds) of the question and the answer."""

    order_id: str
    told: Told
    reason: str
    asked: float
    answered: float
    customer_id: str = ""

    @property
    def wait(self) -> float:
        """How many seconds the customer waited."""
        return self.answered - self.asked

    @property
    def wait_ms(self) -> str:
        """The same in milliseconds, for the screen."""
        return f"{self.wait * 1000:,.0f}"


class Customer:
    """Everybody who orders, in one place.

    Attributes
    ----------
    placed
        What was ordered, in the order in which it was asked for. The audit goes by it.
    answers
        What was answered, in the order in which it was said.
    on_order
        Called with each command; returns what is ordered at the same moment as well, with the same
        function: a second click, or another customer's order.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.placed: list[CreateOrder] = []
        self.answers: list[Answer] = []
        self.on_order: Callable[[CreateOrder], Sequence[CreateOrder]] | None = None
        self._others: set[asyncio.Task[Answer]] = set()  # asyncio keeps only weak references

    async def order(self, create_order: OrderFunction, command: CreateOrder) -> Answer:
        """Send the command to the order service, which runs ``create_order`` with it; wait.

        The answer is "we do not know yet" if the order service raises :class:`OutcomeUnknown`, and
        "failed" if it raises another :class:`ShopError` or a timeout. Any other exception is a
        mistake in the program and is raised.
        """
        if self.on_order is not None:
            for other in self.on_order(command):
                task = asyncio.create_task(self._ask(create_order, other))
                self._others.add(task)
        return await self._ask(create_order, command)

    async def _ask(self, create_order: OrderFunction, command: CreateOrder) -> Answer:
        self.placed.append(command)
        token = correlation.set(command.order_id)
        asked = asyncio.get_running_loop().time()
        told, reason = Told.CONFIRMED, ""
        service, name = ORDER_OPERATION.split(".")
        try:
            await self._network.call(service, name, create_order, command)
        except OutcomeUnknown as error:
            told, reason = Told.UNKNOWN, str(error)
        except (ShopError, TimeoutError) as error:
            unanswered = isinstance(error, NoReply) and error.service == "orders"
            told, reason = Told.NOTHING if unanswered else Told.FAILED, str(error)
        finally:
            correlation.reset(token)
        now = asyncio.get_running_loop().time()
        answer = Answer(command.order_id, told, reason, asked, now, command.customer_id)
        self.answers.append(answer)
        current_trace().state("customer", N_("told"), told)
        return answer
