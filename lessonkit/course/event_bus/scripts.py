"""Who comes and who leaves: the scripts that a bus which can be left has to follow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lessonkit.files import toml_beside

CREATED, CANCELLED = "OrderCreated", "OrderCancelled"
"""The types of event that a step can be about."""


@dataclass(frozen=True)
class Step:
    """Something that happens to a bus: somebody comes or leaves, or an event is published.

    Attributes
    ----------
    publishes
        Whether an event is published.
    by
        Then, whose handler lets somebody come or leave when it is told; empty for nobody's.
    sign, who
        ``"+"`` for whoever comes, ``"-"`` for whoever leaves, and who that is.
    kind
        The type of event.
    """

    publishes: bool
    by: str
    sign: str
    who: str
    kind: str


@dataclass(frozen=True)
class Script:
    """Steps, and what to say to somebody with whose bus they go wrong.

    Attributes
    ----------
    title
        What it is about. English, as the others.
    steps
        In their order.
    missing, unwanted
        The advice if somebody does not hear an event, and if somebody hears one without right.
    raises
        The advice if ``unsubscribe`` raises an error.
    methods
        The handlers are methods: written twice, they are equal, but two objects.
    """

    title: str
    steps: tuple[Step, ...]
    missing: str
    unwanted: str
    raises: str = ""
    methods: bool = False


def _step(word: str) -> Step:
    """A step in short.

    ``+points`` subscribes, ``-points`` unsubscribes, and ``!`` publishes; ``!points-inventory``
    does so, too, and the handler of points then unsubscribes inventory. What ends with ``*`` is
    about the other type of event.
    """
    found = re.fullmatch(r"(!?)(\w*)([+-]?)(\w*)(\*?)", word)
    assert found is not None, word
    publishes, by, sign, who, other = found.groups()
    return Step(bool(publishes), by, sign, who, CANCELLED if other else CREATED)


_WRITTEN = toml_beside(__file__, "scripts.toml")
SCRIPTS = tuple(
    Script(**{**_WRITTEN["otherwise"], **told, "steps": tuple(map(_step, told["steps"].split()))})
    for told in _WRITTEN["script"]
)
