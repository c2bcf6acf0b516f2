"""Notebook 09: its tables."""

from __future__ import annotations

from typing import Final

from lessonkit.course.real_parts.stored import Counted
from lessonkit.lab import table
from lessonkit.messages import N_, _

CASES: Final = (
    N_("commit, then publish"),
    N_("publish, then commit"),
    N_("outbox without inbox"),
    N_("outbox with inbox"),
    N_("without keys"),
    N_("with keys"),
    N_("SKIP LOCKED"),
    N_("a lease per order"),
    N_("asks every 500 ms"),
    N_("is told by NOTIFY"),
    N_("in memory"),
    N_("on the broker"),
    N_("the order"),
    N_("the step"),
    N_("no key"),
    N_("messages that overtake the first one"),
    N_("a delivery limit on a classic queue: code of the error"),
    N_("a quorum queue with limit 2: attempts of the poison"),
    N_("... messages in the dead-letter queue"),
    N_("killed: seconds until the message is there again"),
    N_("frozen, at a heartbeat of 2 s: seconds until then"),
)
"""What the cases are called on screen; a name that a learner has invented stays as it is."""

HEADS: Final[dict[str, dict[str, str]]] = {
    "styles": {
        "case": N_("way"),
        "kills": N_("kills"),
        "orders": N_("orders"),
        "lost": N_("orders without a mail"),
        "invented": N_("mails without an order"),
        "twice": N_("orders with two mails"),
    },
    "sagas": {
        "case": N_("the services"),
        "kills": N_("kills"),
        "orders": N_("orders"),
        "finished": N_("finished by the log"),
        "half": N_("left half done"),
        "twice": N_("with something done twice"),
    },
    "shared": {
        "case": N_("how they share"),
        "first": N_("published by relay 1"),
        "second": N_("published by relay 2"),
        "twice": N_("published twice"),
        "overtaken": N_("orders with an event overtaken"),
    },
    "waits": {
        "case": N_("the relay"),
        "mean_ms": N_("wait on average (ms)"),
        "longest_ms": N_("longest wait (ms)"),
    },
    "buses": {
        "case": N_("the bus"),
        "orders": N_("orders"),
        "confirmed": N_("confirmed"),
        "cancelled": N_("cancelled"),
        "events": N_("events"),
        "deliveries": N_("deliveries"),
        "failures": N_("failures"),
        "complaints": N_("complaints of the auditor"),
    },
    "disorder": {
        "case": N_("the key"),
        "orders": N_("orders"),
        "model": N_("in disorder on the model"),
        "broker": N_("in disorder on the broker"),
    },
    "rabbitmq": {"case": N_("what was tried"), "result": N_("result")},
}
"""For each part its columns: the name of the figure, and the words above it."""
HEADS["rabbitmq kills"] = HEADS["styles"]


def figures(part: str, counted: Counted) -> str:
    """The figures of a part, as a table."""
    columns = {
        _(words): [
            _(case) if name == "case" else f"{round(of[name], 2):,g}"
            for case, of in counted.items()
        ]
        for name, words in HEADS[part].items()
    }
    return table(columns).html
