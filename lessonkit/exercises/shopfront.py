"""What a program on trial gets of a shop: the operations of its services, and nothing else.

In a real shop each service is a program of its own, on another machine. Nobody else can read its
books or write there, and nobody learns from the network what is going to fail. So a program on
trial gets clients: objects that can ask, and know nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from inspect import iscoroutinefunction
from typing import Any, NoReturn, Self

from lessonkit.exercises.limits import end_check
from lessonkit.messages import _
from lessonkit.shop import Answer, CreateOrder, Keeper, Shop, ShopError
from lessonkit.shop.customer import OrderFunction
from lessonkit.shop.errors import in_words
from lessonkit.shop.network import Network

MOST_FAILURES = 5_000
"""So many times in a row an operation may fail, and be asked for again. (It takes a second.)"""


class NotYours(AttributeError):
    """A program has reached for something that belongs to another one."""


class Client:
    """Can ask one service for its operations. It does not hold what the service knows.

    Parameters
    ----------
    name
        The service's name.
    service
        The service itself. Its public coroutine functions are its operations.
    """

    def __init__(self, name: str, service: Any) -> None:
        operations = _operations(type(service))  # type: ignore[arg-type]
        asking = {one: _asking(f"{name}.{one}", getattr(service, one)) for one in operations}
        vars(self).update(_name=name, _operations=operations, **asking)

    def __getattr__(self, wanted: str) -> NoReturn:
        raise self._refusal(wanted)

    def __setattr__(self, wanted: str, value: object) -> NoReturn:
        raise self._refusal(wanted)

    def _refusal(self, wanted: str) -> NotYours:
        words = _(
            "{service}.{name}: what a service knows belongs to the service, and no other program"
            " can reach it. It can be asked to: {operations}"
        )
        operations = ", ".join(self._operations)
        return NotYours(words.format(service=self._name, name=wanted, operations=operations))


class Wire:
    """The network as a program sees it: it can call, and does not know what will go wrong.

    Attributes
    ----------
    processes
        Who runs where: an event bus starts each handler in the process of its service.
    """

    def __init__(self, network: Network, owned: tuple[str, ...]) -> None:
        self.processes = network.processes

        async def call(
            service: str, name: str, handler: Callable[..., Any | Awaitable[Any]], *args: Any
        ) -> Any:
            if service in owned:
                words = _("{service} has its own code; nobody else's runs in its name")
                raise NotYours(words.format(service=service))
            return await network.call(service, name, handler, *args)

        self.call = call

    def __getattr__(self, wanted: str) -> NoReturn:
        words = _("network.{name}: no program can know what the network does, or will do")
        raise NotYours(words.format(name=wanted))


class Keepers:
    """Whom the auditor asks what is still owed: an outbox or a log, but no program's own word."""

    def __init__(self, known: list[Keeper]) -> None:
        self._known = known

    def append(self, keeper: Keeper) -> None:
        """Let the auditor ask this one as well."""
        owes = getattr(type(keeper), "owes", None)
        if not getattr(owes, "__module__", "").startswith("lessonkit."):
            words = _(
                "shop.keepers: the auditor does not take the word of {name}. What is still owed"
                " must be written down in an outbox or a saga's log"
            )
            raise NotYours(words.format(name=type(keeper).__name__))
        self._known.append(keeper)

    def __iadd__(self, keepers: Iterable[Keeper]) -> Self:
        for keeper in keepers:
            self.append(keeper)
        return self


class ShopFront:
    """A shop as its own programs see it.

    What a notebook keeps in it by itself (``shop.bus = ...``) stays there.

    Parameters
    ----------
    shop
        Its network, its customer and its keepers.
    services
        Its services by their names.
    """

    def __init__(self, shop: Shop, services: Mapping[str, object]) -> None:
        vars(self).update({name: Client(name, one) for name, one in services.items()})
        self.network = Wire(shop.network, tuple(services))
        self.keepers = Keepers(shop.keepers)

        async def place_order(
            create_order: OrderFunction, command: CreateOrder | None = None
        ) -> Answer:
            return await shop.place_order(create_order, command)

        self.place_order = place_order

    def __getattr__(self, wanted: str) -> Any:
        words = _("shop.{name}: a program of this shop has no such thing")
        raise NotYours(words.format(name=wanted))


@cache
def _operations(kind: Any) -> tuple[str, ...]:
    return tuple(n for n, f in vars(kind).items() if iscoroutinefunction(f) and n[0] != "_")


def _asking(name: str, operation: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    failed = 0  # times in a row

    async def ask(*args: Any, **named: Any) -> Any:
        nonlocal failed
        try:
            answer = await operation(*args, **named)
        except ShopError as error:
            failed += 1
            if failed >= MOST_FAILURES:
                end_check(_never_gives_up(name, error))
            raise
        failed = 0
        return answer

    # So that Python can say which call was never awaited.
    ask.__name__ = ask.__qualname__ = name
    return ask


def _never_gives_up(operation: str, error: ShopError) -> str:
    words = _(
        "Stopped: `{operation}` has failed {number} times in a row ({error}), and your code"
        " asks again each time. If it stays like that, when does your code give up?"
    )
    said = in_words(f"{type(error).__name__}: {error}")
    return words.format(operation=operation, number=f"{MOST_FAILURES:,}", error=said)
