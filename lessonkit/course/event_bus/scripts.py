"""Who comes and who leaves: the scripts that a bus which can be left has to follow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lessonkit.files import toml_beside

CREATED, CANCELLED = "OrderCreated", "OrderCancelled"
"""The types of event that a step can be about."""


@dataclass(frozen=True)
class Step:
    """Something that happens to a bus.

    Attributes
    ----------
    do
        ``"subscribe"``, ``"unsubscribe"`` or ``"publish"``.
    who
        Whose handler; for ``"publish"`` empty.
    kind
        The type of event.
    during
        For ``"publish"``: what the handler of ``by`` does when it is told.
    by
        See ``during``.
    """

    do: str
    who: str = ""
    kind: str = CREATED
    during: Step | None = None
    by: str = ""


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


def _steps(words: str) -> tuple[Step, ...]:
    """Steps in short.

    ``+points`` subscribes, ``-points`` unsubscribes, and ``!`` publishes; ``!points-inventory``
    does so, too, and the handler of points then unsubscribes inventory. What ends with ``*`` is
    about the other type of event.
    """
    return tuple(map(_step, words.split()))


def _step(word: str) -> Step:
    kind = CANCELLED if word.endswith("*") else CREATED
    by, sign, who = re.fullmatch(r"!?(\w*)([+-]?)(\w*)\*?", word).groups()  # type: ignore[union-attr]
    change = Step("subscribe" if sign == "+" else "unsubscribe", who, kind) if sign else None
    if word.startswith("!"):
        return Step("publish", kind=kind, during=change, by=by)
    assert change is not None, word
    return change


_WRITTEN = toml_beside(__file__, "scripts.toml")
SCRIPTS = tuple(
    Script(**{**_WRITTEN["otherwise"], **told, "steps": _steps(told["steps"])})
    for told in _WRITTEN["script"]
)
