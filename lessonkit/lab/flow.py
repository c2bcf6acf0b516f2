"""The flow of one order, put together again from what a bus has told.

In a choreography nobody holds the whole flow. Two ids are enough to rebuild it: the correlation id
says which events belong to the order, the causation id says which event led to which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lessonkit.lab.picture import SCROLLED
from lessonkit.lab.said import in_ms
from lessonkit.lab.svg import AMBER, BLUE, RED
from lessonkit.messages import _, service_name
from lessonkit.shop.errors import in_words
from lessonkit.words import SMALL, error_words, escape, fit, id_in_run

if TYPE_CHECKING:
    from lessonkit.patterns.bus import Delivery, InMemoryEventBus
    from lessonkit.patterns.events import Event


def flow_view(bus: InMemoryEventBus, order_id: str) -> str:
    """The events of one order as a tree, as HTML.

    Below each event stands who handled it, and below each handler what it published.

    Parameters
    ----------
    bus
        After its run. It remembers the last 2,500 events.
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
        words = _("The bus has heard nothing of {order}.").format(order=fit(order_id))
        return f"<div>{escape(words)}</div>"
    title = escape(_("The flow of {order}").format(order=fit(order_id)))
    return (
        f'<div class="lessonkit-flow" role="list" aria-label="{title}"'
        f' style="{SCROLLED};margin:6px 0;line-height:1.6">{lines}</div>'
    )


class _Flow:
    def __init__(self, bus: InMemoryEventBus, order_id: str) -> None:
        self.events: dict[str, tuple[str, Event]] = {}
        for publisher, event in bus.published:
            if event.correlation_id == order_id:
                self.events.setdefault(event.event_id, (publisher, event))
        self.deliveries: defaultdict[str, list[Delivery]] = defaultdict(list)
        for delivery in bus.log:
            self.deliveries[delivery.event.event_id].append(delivery)
        self.roots: list[str] = []
        self.led_to: defaultdict[str | None, list[tuple[str, str]]] = defaultdict(list)
        for event_id, (publisher, event) in self.events.items():
            self.led_to[event.causation_id].append((publisher, event_id))
            if event.causation_id not in self.events:
                self.roots.append(event_id)

    def lines(self) -> Iterator[str]:
        # A stack, and no function that calls itself: a flow may be longer than Python calls deep.
        # Ids that were set by hand may name each other as cause. They are shown all the same.
        stack: list[tuple[int, str | Delivery]] = [
            (0, event_id) for event_id in reversed([*self.roots, *self.events])
        ]
        shown: set[str] = set()
        while stack:
            depth, item = stack.pop()
            if not isinstance(item, str):
                yield _line(depth, _came_of_it(item))
            elif item in shown:
                continue
            else:
                shown.add(item)
                yield _line(depth, self.heading(item))
                if not self.deliveries[item]:
                    yield _line(depth + 1, _coloured(AMBER, _("⚠ nobody has subscribed to it")))
                stack += reversed(list(self.below(item, depth)))

    def heading(self, event_id: str) -> str:
        publisher, event = self.events[event_id]
        by = _("{ms} ms, published by {service}").format(
            ms=in_ms(event.occurred_at), service=fit(service_name(publisher))
        )
        name = f'<b style="color: {BLUE}">{escape(event.type)}</b>'
        which = escape(f"{fit(id_in_run(event.event_id))} · {by}")
        return f'{name} <span style="{SMALL}">{which}</span>'

    def below(self, event_id: str, depth: int) -> Iterator[tuple[int, str | Delivery]]:
        """Whom the event was told, what they published because of it, and what others did."""
        of_subscribers: dict[str, list[str]] = {}
        for who, caused in self.led_to[event_id]:
            of_subscribers.setdefault(who, []).append(caused)
        for delivery in self.deliveries[event_id]:
            yield depth + 1, delivery
            for caused in of_subscribers.pop(delivery.subscriber, []):
                yield depth + 2, caused
        for _who, caused in self.led_to[event_id]:  # by who was not told: a timer, a retry
            yield depth + 1, caused


def _came_of_it(delivery: Delivery) -> str:
    who = fit(service_name(delivery.subscriber))
    if delivery.ended is None:
        return escape(_("… {service}: not done").format(service=who))
    ms = in_ms(delivery.ended)
    if delivery.error is None:
        return escape(_("✓ {service}: done at {ms} ms").format(service=who, ms=ms))
    words = _("✗ {service}: {error}, at {ms} ms")
    words = words.format(service=who, error=in_words(error_words(delivery.error)), ms=ms)
    return _coloured(RED, words)


def _coloured(colour: str, words: str) -> str:
    return f'<span style="color: {colour}; font-weight: 600">{escape(words)}</span>'


def _line(depth: int, content: str) -> str:
    branch = '<span style="opacity: 0.5">└ </span>' if depth else ""
    look = f"padding-left: {depth * 1.6:g}em; white-space: nowrap"
    return f'<div role="listitem" style="{look}">{branch}{content}</div>'
