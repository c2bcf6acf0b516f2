"""The flow of one order, put together again from what a bus has told.

In a choreography nobody holds the whole flow. Two ids are enough to rebuild it: the correlation id
says which events belong to the order, the causation id says which event led to which.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from lessonkit.lab.svg import AMBER, BLUE, RED
from lessonkit.messages import _, service_name
from lessonkit.patterns.events.event import id_in_run

if TYPE_CHECKING:
    from lessonkit.patterns.bus import Delivery, InMemoryEventBus
    from lessonkit.patterns.events import Event


def flow_view(bus: InMemoryEventBus, order_id: str) -> str:
    """The events of one order as a tree, as HTML.

    Below each event stands who handled it, and below each handler what it published.

    Parameters
    ----------
    bus
        After its run.
    order_id
        The correlation id of the events.

    Raises
    ------
    TypeError
        If ``order_id`` is no text.
    """
    if not isinstance(order_id, str):
        raise TypeError(f"order_id must be the id of an order; got {order_id!r}")
    flow = _Flow(bus, order_id)
    lines = "".join(flow.lines())
    if not lines:
        words = _("The bus has heard nothing of {order}.").format(order=order_id)
        return f"<div>{escape(words)}</div>"
    title = escape(_("The flow of {order}").format(order=order_id))
    return (
        f'<div class="lessonkit-flow" role="list" aria-label="{title}"'
        f' style="overflow-x: auto; margin: 6px 0; line-height: 1.6">{lines}</div>'
    )


class _Flow:
    def __init__(self, bus: InMemoryEventBus, order_id: str) -> None:
        self.events: dict[str, tuple[str, Event]] = {}
        for publisher, event in bus.published:
            if event.correlation_id == order_id:
                self.events.setdefault(event.event_id, (publisher, event))
        self.deliveries: dict[str, list[Delivery]] = {event_id: [] for event_id in self.events}
        for delivery in bus.log:
            if delivery.event.event_id in self.deliveries:
                self.deliveries[delivery.event.event_id].append(delivery)
        self.shown: set[str] = set()

    def lines(self) -> Iterator[str]:
        for event_id, (_publisher, event) in self.events.items():
            if event.causation_id not in self.events:
                yield from self.below_event(event_id, 0)
        # Ids that were set by hand may name each other as cause. They are shown all the same.
        for event_id in self.events:
            yield from self.below_event(event_id, 0)

    def below_event(self, event_id: str, depth: int) -> Iterator[str]:
        """The event, whom it was told, and what they published because of it."""
        if event_id in self.shown:
            return
        self.shown.add(event_id)
        publisher, event = self.events[event_id]
        by = _("{ms} ms, published by {service}").format(
            ms=f"{event.occurred_at * 1000:,.0f}", service=service_name(publisher)
        )
        name = f'<b style="color: {BLUE}">{escape(event.type)}</b>'
        yield _line(depth, f"{name} <small>{escape(f'{id_in_run(event.event_id)} · {by}')}</small>")
        led_to = [
            (who, caused) for caused, (who, e) in self.events.items() if e.causation_id == event_id
        ]
        if not self.deliveries[event_id]:
            yield _line(depth + 1, _coloured(AMBER, _("⚠ nobody has subscribed to it")))
        for delivery in self.deliveries[event_id]:
            yield _line(depth + 1, _came_of_it(delivery))
            for who, caused in led_to:
                if who == delivery.subscriber:
                    yield from self.below_event(caused, depth + 2)
        for _who, caused in led_to:  # published by somebody who was not told: a timer, a retry
            yield from self.below_event(caused, depth + 1)


def _came_of_it(delivery: Delivery) -> str:
    who = service_name(delivery.subscriber)
    if delivery.ended is None:
        return escape(_("… {service}: not done").format(service=who))
    ms = f"{delivery.ended * 1000:,.0f}"
    if delivery.error is None:
        return escape(_("✓ {service}: done at {ms} ms").format(service=who, ms=ms))
    error = f"{type(delivery.error).__name__}: {delivery.error}"
    words = _("✗ {service}: {error}, at {ms} ms").format(service=who, error=error, ms=ms)
    return _coloured(RED, words)


def _coloured(colour: str, words: str) -> str:
    return f'<span style="color: {colour}; font-weight: 600">{escape(words)}</span>'


def _line(depth: int, content: str) -> str:
    branch = '<span style="opacity: 0.5">└ </span>' if depth else ""
    look = f"padding-left: {depth * 1.6:g}em; white-space: nowrap"
    return f'<div role="listitem" style="{look}">{branch}{content}</div>'
