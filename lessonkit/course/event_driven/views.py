"""Notebook 02: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.lab.written import written_names
from lessonkit.messages import _
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.events.types import MissingField, NewerVersion
from lessonkit.patterns.eventstore.projections import Projection
from lessonkit.patterns.eventstore.store import Recorded, VersionConflict
from lessonkit.shop import Shop
from lessonkit.words import escape


def asked_back(shop: Shop, orders: int, stuck: int) -> str:
    """How many notices there were, how often somebody asked back, and who got no reply."""
    asked = sum(operation == "orders.get_order" for _caller, operation in shop.network.calls)
    return tiles(
        (_("event") if orders == 1 else _("events"), f"{orders}", "plain"),
        (_("questions to the order service"), f"{asked}", "plain"),
        (_("stuck subscribers"), f"{stuck}", "bad" if stuck else "good"),
    )


def packed(notice: Any, in_full: Any, asked: int) -> Picture:
    """What two warehouses pack: one that asks back, and one that reads the event."""
    # The ids of a second run are longer; what is compared is what an event carries.
    sent = [replace(event, event_id="E-1") for event in (notice, in_full)]
    rows: dict[str, Sequence[object]] = {
        _("pattern"): [_("Event notification"), _("Event-carried state transfer")],
        _("pieces"): [asked, in_full.lines[0].quantity],
        _("questions to the order service"): [1, 0],
        _("bytes of the event"): [len(event.to_json().encode()) for event in sent],
    }
    return Picture(table(rows).html, _label(in_full))


def _label(in_full: Any) -> str:
    """What is printed on the parcel: all of it stands in the event."""
    place = asdict(in_full.shipping_address)
    address = _("{line}, {city}, {prefecture} {postal_code}").format(**place)
    lines = [f"{line.product_name} × {line.quantity}" for line in in_full.lines]
    title = _("The label, from the event alone")
    inside = "".join(f"<div>{escape(words)}</div>" for words in [address, *lines])
    return (
        f"<div>{escape(title)}</div>"
        '<div style="border: 1px solid #8888; padding: 6px 14px; margin: 4px 0;'
        f' display: inline-block">{inside}</div>'
    )


def next_year(
    reader: EventTypes,
    event: Event,
    *,
    add: Mapping[str, object],
    rename: Mapping[str, str],
    version: int,
) -> Picture:
    """What a reader of this year makes of ``event``, after each of these changes to its text."""
    data = event.data()
    changes = {
        _("a field is added"): {"data": {**data, **add}},
        _("a field is renamed"): {"data": {rename.get(key, key): data[key] for key in data}},
        _("the version is counted up"): {"version": version},
    }
    found = [_read(reader, json.loads(event.to_json()) | change) for change in changes.values()]
    heads = _("what changes next year"), _("a subscriber of this year")
    return table(dict(zip(heads, (list(changes), found), strict=True)))


def _read(reader: EventTypes, envelope: Mapping[str, object]) -> str:
    try:
        event: Any = reader.from_json(json.dumps(envelope))
    except MissingField:
        return _("refused: a field is missing")
    except NewerVersion:
        return _("refused: the event is newer than the subscriber")
    return _("read: {total} yen").format(total=f"{event.total:,}")


def state_of_the_order(state: Mapping[str, object]) -> str:
    """What the events so far add up to."""
    labels = {
        "status": _("status"),
        "total": _("yen ordered"),
        "amount": _("yen paid"),
        "tracking_id": _("tracking number"),
    }
    shown = [
        (labels.get(key, key), f"{value:,}" if isinstance(value, int) else str(value), "plain")
        for key, value in state.items()
    ]
    return tiles(*(shown or [(_("status"), _("there is no order yet"), "plain")]))


def history(recorded: Sequence[Recorded], upto: int) -> str:
    """The events of an order, and which of them have been applied."""
    columns: dict[str, Sequence[object]] = {
        _("applied"): ["✓" if one.version <= upto else "" for one in recorded],
        _("version"): [one.version for one in recorded],
        _("time"): [_time_of_day(one.event.occurred_at) for one in recorded],
        _("event"): [one.event.type for one in recorded],
    }
    return table(columns).html


def _time_of_day(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours % 24:02}:{minutes:02}" + (" (+1)" if hours >= 24 else "")


def came_of_it(*stored: int | VersionConflict) -> Picture:
    """What each clerk is told who wanted to write: the new version, or what was in the way."""
    clerks = [_("first clerk"), _("second clerk")]
    return table({_("who"): clerks, _("the store says"): map(_outcome, stored)})


def _outcome(stored: int | VersionConflict) -> str:
    if isinstance(stored, VersionConflict):
        words = _("refused: expected version {expected}, found version {actual}")
        return words.format(expected=stored.expected, actual=stored.actual)
    return _("stored as version {n}").format(n=stored)


def behind(lags: Sequence[tuple[float, int]], not_found: Sequence[str]) -> tuple[str, str]:
    """How far the read model was behind at each event, and who did not find their order."""
    lost = len(not_found)
    numbers = [
        (_("events written"), f"{len(lags)}", "plain"),
        (_("largest lag, in events"), f"{max(lag for _time, lag in lags)}", "plain"),
        (_("did not find their own order"), f"{lost}", "bad" if lost else "good"),
    ]
    picture = charts.lines(
        [time * 1000 for time, _lag in lags],
        {_("events behind"): [lag for _time, lag in lags]},
        **written_names(__file__, "behind"),
    )
    return tiles(*numbers), picture


def sales(model: Projection) -> tuple[str, str]:
    """What a new read model knows of the pieces sold, and how much it has still to read."""
    with closing(model):
        numbers = [
            (_("events read"), f"{model.position}", "plain"),
            (_("events behind"), f"{model.lag}", "plain" if model.lag else "good"),
        ]
        sold = model.rows()
    columns = {
        _("product"): [row["product"] for row in sold],
        _("pieces"): [row["pieces"] for row in sold],
    }
    return tiles(*numbers), table(columns).html
