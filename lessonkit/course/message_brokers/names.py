"""Notebook 03: what its brokers, its keys and what befalls a worker are called."""

from __future__ import annotations

from functools import partial

from lessonkit.lab.written import written_names
from lessonkit.messages import _

KINDS = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "sqs": "SQS", "fifo": "SQS FIFO"}


def worker_name(n: int) -> str:
    """What a worker is called in the picture."""
    return _("worker {n}").format(n=n)


def keys() -> dict[str, str]:
    """What may decide which messages stay in order."""
    return {"order": _("the order"), "step": _("the event's type"), "none": _("no key")}


fates = partial(written_names, __file__, "fates")
"""What may befall worker 1."""
