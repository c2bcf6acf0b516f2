"""What a caller can be told instead of a result."""

from __future__ import annotations

import re
from typing import Final

from lessonkit.messages import N_, _, service_name


class ShopError(Exception):
    """Something that happened in the shop, as against a mistake in the program."""


class ServiceRefused(ShopError):
    """The service turned the request away: nothing happened there."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(f"{service} refused the request")


class NoReply(ShopError):
    """No reply came. Whether the request had its effect, the caller cannot know."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(f"no reply from {service}")


class NotFound(ShopError):
    """The service knows nothing by that id."""


class KeyReused(ShopError):
    """An idempotency key, or the id of an order, came a second time with another request."""


class OrderFailed(ShopError):
    """The order service gives up and says why. The customer is told that the order failed."""


class OutcomeUnknown(ShopError):
    """The order service cannot say yet how it ends. The customer is told just that.

    No reply in time is not a failure: what was asked for may still happen. Whoever says so owes the
    customer the end of it later, as by a mail.
    """


# The kind of an error and what it says, as they stand in a log.
_KNOWN: Final = {
    re.compile(re.escape(text).replace(r"\{service\}", "(?P<service>.+)")): text
    for text in (
        N_("ServiceRefused: {service} refused the request"),
        N_("NoReply: no reply from {service}"),
        N_("OrderFailed: out of stock"),
        N_("OrderFailed: card declined"),
    )
}


def in_words(said: str) -> str:
    """An error of the shop in the learner's language; any other text stays as it is.

    It takes text, because text is all that a log keeps of an error.
    """
    for pattern, text in _KNOWN.items():
        if found := pattern.fullmatch(said):
            names = {gap: service_name(name) for gap, name in found.groupdict().items()}
            return _(text).format(**names)
    return said
