"""What a picture of a run says: its records in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lessonkit.messages import _, service_name
from lessonkit.records import Kind, Message, StateChange
from lessonkit.trace import Trace
from lessonkit.words import fit

MOST_SENTENCES = 30
"""Nobody listens to more of them."""


def sentences(trace: Trace, messages: Iterable[Message]) -> Iterator[str]:
    """The run in words, for those who listen instead of looking."""
    yield from map(sentence, list(messages)[:MOST_SENTENCES])
    for note in trace.notes[:MOST_SENTENCES]:
        yield _("{service}, {ms} ms: {note}.").format(
            service=fit(service_name(note.service)), ms=in_ms(note.time), note=fit(_(note.text))
        )
    if (left_out := len(trace.messages) - MOST_SENTENCES) > 0:
        yield _("... and {number} more messages").format(number=f"{left_out:,}")


def sentence(message: Message) -> str:
    """One message in words: from whom to whom, what, when, and what became of it."""
    words = _("{sender} to {receiver}, {what}: sent at {sent} ms, {fate}.")
    if message.kind is Kind.REPLY:
        words = _("{sender} replies to {receiver}, {what}: sent at {sent} ms, {fate}.")
    fates = [_("error")] if message.error else []
    fates.append(_(message.fate))
    return words.format(
        sender=fit(service_name(message.sender)),
        receiver=fit(service_name(message.receiver)),
        what=fit(message.what),
        sent=in_ms(message.sent),
        fate=_(", ").join(fates),
    )


def told(change: StateChange) -> str:
    """What a service has got to know."""
    return state(change.key, change.value)


def state(key: str, value: str) -> str:
    """What a service knows; the value may be a list such as that of the pieces in stock."""
    listed = _(", ").join(map(_, value.split(", ")))
    return f"{_(key)}: {listed}"


def in_ms(seconds: float) -> str:
    """A moment, without its unit."""
    return f"{seconds * 1000:,.0f}"
