"""Notebook 05: the moments at which its order service is killed, and what they are called."""

from __future__ import annotations

from lessonkit.messages import _


def moments() -> dict[str, str]:
    """Each call of the order service, and what has just happened in it."""
    return {
        "database.save": _("the order is saved"),
        "inventory.reserve": _("the stock is taken"),
        "payment.charge": _("the card is charged"),
        "notification.send_order_confirmation": _("the mail is sent"),
    }
