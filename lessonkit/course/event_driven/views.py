"""Notebook 02: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lessonkit.lab import charts, table, tiles
from lessonkit.messages import _
from lessonkit.patterns.eventstore.projections import Projection
from lessonkit.patterns.eventstore.store import Recorded, VersionConflict


def waits(in_ms: Sequence[int]) -> pd.DataFrame:
    """How long the customer waits: for calls in a row, with ``publish``, and without waiting."""
    styles = [_("calls in a row"), _("publish and wait"), _("publish and forget")]
    return pd.DataFrame({_("waiting time (ms)"): in_ms}, index=styles)


def doorbell(orders: int, asked: int, stuck: int) -> str:
    """How often the bell rang, how often somebody asked back, and who got no answer."""
    return tiles(
        [
            (_("events"), f"{orders}", "plain"),
            (_("calls back to the order service"), f"{asked}", "plain"),
            (_("stuck listeners"), f"{stuck}", "bad" if stuck else "good"),
        ]
    )


def pieces_heard(pieces: Sequence[int]) -> pd.DataFrame:
    """What a listener hears that asks at once, and one that asks late."""
    return pd.DataFrame({_("pieces"): pieces}, index=[_("asks at once"), _("asks 100 ms later")])


def bytes_on_the_wire(bell: int, answer: int, parcel: int, listeners: int) -> tuple[str, str]:
    """What one order sends: a bell and its answers, or a parcel, to so many listeners."""
    numbers = tiles(
        [
            (_("bell: bytes in events"), f"{bell * listeners:,}", "plain"),
            (_("bell: calls back"), f"{listeners}", "plain"),
            (_("bell: bytes in answers"), f"{answer * listeners:,}", "plain"),
            (_("parcel: bytes in events"), f"{parcel * listeners:,}", "plain"),
            (_("parcel: calls back"), "0", "plain"),
        ]
    )
    who = list(range(1, 11))
    picture = charts.lines(
        who,
        {
            _("bell, with the answers"): [(bell + answer) * n for n in who],
            _("parcel"): [parcel * n for n in who],
        },
        mark=(listeners, parcel * listeners, _("now")),
        title=_("Bytes on the wire for one order"),
        xlabel=_("listeners"),
        ylabel=_("bytes"),
    )
    return numbers, picture


def next_year(*read: int | Exception) -> pd.DataFrame:
    """What a listener of this year reads in three events of next year: the yen, or an error."""
    changes = [
        _("a field is added"),
        _("a field is renamed"),
        _("the version is counted up"),
    ]
    words = _("read: {total} yen")
    found = [
        type(one).__name__ if isinstance(one, Exception) else words.format(total=one)
        for one in read
    ]
    return pd.DataFrame({_("a listener of this year"): found}, index=changes)


def state_of_the_order(state: Mapping[str, object]) -> str:
    """What the events so far add up to."""
    nothing = [("status", _("there is no order yet"), "plain")]
    return tiles([(key, str(value), "plain") for key, value in state.items()] or nothing)


def history(recorded: Sequence[Recorded], upto: int) -> str:
    """The events of an order, and which of them have been applied."""
    return table(
        pd.DataFrame(
            {
                _("applied"): ["✓" if one.version <= upto else "" for one in recorded],
                _("version"): [one.version for one in recorded],
                _("time"): [_time_of_day(one.event.occurred_at) for one in recorded],
                _("event"): [one.event.type for one in recorded],
            }
        )
    ).html


def _time_of_day(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours % 24:02}:{minutes:02}" + (" (+1)" if hours >= 24 else "")


def came_of_it(stored: int | VersionConflict) -> str:
    """What a clerk is told who wanted to write: the new version, or what was in the way."""
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
        title=_("How far the read model is behind"),
        xlabel=_("time (ms)"),
        ylabel=_("events"),
    )
    return tiles(numbers), picture


def sales(model: Projection) -> tuple[str, str]:
    """What a new read model knows of the pieces sold, and how much it has still to read."""
    numbers = [
        (_("events read"), f"{model.position}", "plain"),
        (_("events behind"), f"{model.lag}", "plain" if model.lag else "good"),
    ]
    rows = pd.DataFrame(model.rows(), columns=["product", "pieces"])
    rows.columns = [_("product"), _("pieces")]
    return tiles(numbers), table(rows).html


def sizes(**in_bytes: int) -> pd.Series[int]:
    """How long each kind of event is."""
    return pd.Series(in_bytes, name=_("bytes"))
