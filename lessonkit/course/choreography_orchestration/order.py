"""The order that all trials of this notebook place, and the calls that it led to."""

from __future__ import annotations

from dataclasses import replace

from lessonkit.explorer import Case
from lessonkit.shop import CreateOrder, Item

ORDER = CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),))
"""What the customer orders: it goes through, if nothing fails."""

WITH_EXPIRED_CARD = replace(ORDER, payment_method="expired card")
"""The payment service declines it: no error, but an answer."""


def operations(case: Case) -> list[str]:
    """Which operations were called, such as ``"payment.charge"``, in their order."""
    return [operation for _caller, operation, _number in case.shop.network.calls]
