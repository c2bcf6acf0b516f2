"""Who comes and who leaves: the scripts that a bus which can be left has to follow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lessonkit.messages import N_

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
        What it is about. English, marked with ``N_``, as the others.
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
    missing: str = ""
    unwanted: str = ""
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


_NOT_UNDERWAY = N_(
    "Whoever was subscribed when the event was published hears it. Settle at the beginning of"
    " `publish` who will be told, and stick to that."
)

SCRIPTS = (
    Script(
        N_("One of three unsubscribes"),
        _steps("+inventory +notification +points ! -inventory !"),
    ),
    Script(
        N_("A handler that is a method: `page.show`"),
        _steps("+inventory +notification -inventory !"),
        unwanted=N_(
            "A method such as `page.show` is a new object each time that it is written. The two are"
            " equal, but not the same: compare with `==`, not with `is`."
        ),
        methods=True,
    ),
    Script(
        N_("The same handler unsubscribes twice"),
        _steps("+inventory +notification -inventory -inventory !"),
        raises=N_(
            "The second time there is nothing left to end. That is no mistake of the caller:"
            " look first whether the handler is there."
        ),
    ),
    Script(
        N_("Somebody unsubscribes who never subscribed"),
        _steps("+notification -inventory -inventory* !"),
        raises=N_(
            "Perhaps nobody has ever subscribed to this type of event: then there is not even a"
            " list of handlers for it. `get` with a default helps."
        ),
    ),
    Script(
        N_("A handler that hears two types of events leaves one of them"),
        _steps("+inventory +notification +inventory* -inventory ! !*"),
        missing=N_("`unsubscribe` names a type of event. A subscription to another one stands."),
    ),
    Script(
        N_("A handler that has subscribed twice unsubscribes once"),
        _steps("+inventory +notification +inventory ! -inventory !"),
        missing=N_(
            "All subscriptions of this handler are gone. One `unsubscribe` ends one of them: it was"
            " made twice, so it has to be ended twice."
        ),
    ),
    Script(
        N_("A handler unsubscribes and subscribes again"),
        _steps("+inventory +notification -inventory +inventory !"),
        missing=N_(
            "Whoever comes back wants to hear again. A list of those who have left never forgets"
            " them; the list of those who are there is enough."
        ),
    ),
    Script(
        N_("A handler that hears two types of events leaves the other one of them"),
        _steps("+inventory +notification +inventory* -inventory* ! !*"),
        missing=N_("`unsubscribe` names a type of event. A subscription to another one stands."),
    ),
    Script(
        N_("Somebody unsubscribes who never subscribed, and subscribes later"),
        _steps("+notification -inventory +inventory !"),
        missing=N_(
            "There was nothing to end, so nothing happens: not later either. Whoever subscribes"
            " after that wants to hear."
        ),
    ),
    Script(
        N_("A handler unsubscribes itself while it is being told"),
        _steps("+inventory +notification +points !inventory-inventory !"),
        missing=N_(
            "The list became shorter while the loop was walking through it. Everybody behind moved"
            " up by one, and the loop stepped over the next. What could it walk through instead?"
        ),
    ),
    Script(
        N_("A handler unsubscribes another one that has not been told yet"),
        _steps("+points +inventory +notification !points-inventory !"),
        missing=_NOT_UNDERWAY,
    ),
    Script(
        N_("Somebody new subscribes while an event is being told"),
        _steps("+inventory +notification !inventory+points !"),
        unwanted=_NOT_UNDERWAY,
    ),
)
"""In the order in which a bus is tried; it stops at the first one that goes wrong."""
