"""Notebook 03: what its panels are called, and what to try in them."""

from __future__ import annotations

from lessonkit.course.message_brokers.names import KINDS, fates, keys
from lessonkit.lab import PanelSpec, choice, milliseconds, seed, spec, toggle, whole
from lessonkit.messages import _


def meet() -> PanelSpec:
    """What decides about the order."""
    return spec(
        choice("kind", _("Broker"), KINDS, "rabbitmq"),
        choice("key", _("Key"), keys(), "order"),
        whole("workers", _("Consumers"), 3, low=1, high=6),
        seed(),
        presets={
            _("A log, with the order as its key"): {"kind": "kafka", "key": "order"},
            _("The wrong key"): {"kind": "kafka", "key": "step"},
            _("One consumer"): {"workers": 1},
        },
        hint=_("Find a setting without disorder in which more than one consumer works."),
    )


def poison() -> PanelSpec:
    """Whether a broken message is given up."""
    return spec(
        choice("kind", _("Broker"), KINDS, "sqs"),
        toggle("give_up", _("Give up after three attempts")),
        hint=_("Which broker lets the others pass? Then give up: where does the broken one go?"),
    )


def death() -> PanelSpec:
    """What befalls a worker."""
    return spec(
        choice("kind", _("Broker"), _some("kafka", "rabbitmq", "sqs"), "sqs"),
        milliseconds("timeout", _("Taken for dead after"), 30.0, low=5, high=60, step=5),
        choice("fate", _("Worker 1"), fates(), "killed"),
        presets={_("Slow, not dead"): {"kind": "sqs", "fate": "slow"}},
        hint=_("SQS, and worker 1 is only slow: what helps, other than a longer timeout?"),
    )


def busy() -> PanelSpec:
    """How much there is to do on a busy day, and for how many."""
    return spec(
        choice("kind", _("Broker"), _some("kafka", "rabbitmq"), "rabbitmq"),
        whole("workers", _("Consumers"), 1, low=1, high=8),
        milliseconds("seconds", _("Work per order"), 2.0, low=0.5, high=4, step=0.1),
        toggle("limited", _("The RabbitMQ queue takes 600 orders at most")),
        presets={_("Five consumers, four partitions"): {"kind": "kafka", "workers": 5}},
        hint=_("How many consumers does it take so that nobody waits for more than half an hour?"),
    )


def chooser() -> PanelSpec:
    """Five questions about a system that needs a broker."""
    return spec(
        toggle("again", _("Old messages will be read again"), True),
        toggle("own_retry", _("Each message needs a retry of its own")),
        toggle("huge", _("Hundreds of thousands a second")),
        toggle("nobody", _("There is nobody to run servers")),
        toggle("elsewhere", _("It must run outside AWS")),
        presets={
            _("Mail jobs of a small shop on AWS"): _answers("own_retry", "nobody"),
            _("Clicks for the analysts"): _answers("again", "huge"),
            _("Jobs in our own data centre"): _answers("own_retry", "elsewhere"),
        },
        hint=_(
            "Answer for your own system. What would have to change so that another broker fits?"
        ),
    )


def _some(*kinds: str) -> dict[str, str]:
    return {kind: KINDS[kind] for kind in kinds}


def _answers(*yes: str) -> dict[str, bool]:
    names = ["again", "own_retry", "huge", "nobody", "elsewhere"]
    return {name: name in yes for name in names}
