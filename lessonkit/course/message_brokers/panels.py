"""Notebook 03: its panels, as ``panels.toml`` has them."""

from __future__ import annotations

from functools import partial

from lessonkit.course.message_brokers.names import KINDS, fates, keys
from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel


def meet() -> PanelSpec:
    """What decides about the order."""
    return written_panel(__file__, "meet", kind=KINDS, key=keys())


# Whether a broken message is given up.
poison = partial(written_panel, __file__, "poison", kind=KINDS)


def death() -> PanelSpec:
    """What befalls a worker."""
    return written_panel(__file__, "death", kind=_some("kafka", "rabbitmq", "sqs"), fate=fates())


def busy() -> PanelSpec:
    """How much there is to do on a busy day, and for how many."""
    return written_panel(__file__, "busy", kind=_some("kafka", "rabbitmq"))


# Five questions about a system that needs a broker.
chooser = partial(written_panel, __file__, "chooser")


def _some(*kinds: str) -> dict[str, str]:
    return {kind: KINDS[kind] for kind in kinds}
