"""The quick way from a value to what JSON can carry, for values that are just what their type says.

``jsonable.plain`` looks at each piece to see what it is, and can name the piece in an error. Most
values need neither: for each type a function is put together once, which only looks whether each
piece is what its type says. ``jsonable.build`` will then give an equal value back. A value
that is anything else goes the slow way.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from lessonkit.patterns.events.jsonable import ATOMS

encode = json.JSONEncoder(ensure_ascii=False).encode
"""As ``json.dumps``, which makes a new encoder for each text."""


class NotQuick(Exception):
    """The value must go the slow way."""


@cache
def quickly(wanted: Any, keeps_values: bool = False) -> Callable[[Any], Any]:
    """A function that does what ``plain`` does, for values of the type ``wanted``.

    It raises :class:`NotQuick` for all others.

    Parameters
    ----------
    keeps_values
        Whether the ``__post_init__`` of the dataclass is known to change nothing. Any other may
        make another value of what it is given.
    """
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted in ATOMS:
        return _as_it_is(frozenset({wanted}))
    if origin in (Union, types.UnionType) and ATOMS.issuperset(inner):
        return _as_it_is(frozenset(inner))
    if wanted is float:
        return _finite
    if origin is list or (origin is tuple and inner[-1] is ...):
        return _sequence(origin, quickly(inner[0]))
    as_given = keeps_values or not hasattr(wanted, "__post_init__")
    is_class = isinstance(wanted, type) and is_dataclass(wanted)
    if is_class and as_given and all(f.init for f in fields(wanted)):
        hints = get_type_hints(wanted)
        return _dataclass(wanted, [(f.name, quickly(hints[f.name])) for f in fields(wanted)])
    return _never


def _as_it_is(accepted: frozenset[Any]) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if type(value) in accepted:
            return value
        raise NotQuick

    return same


def _finite(value: Any) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    raise NotQuick


def _sequence(kind: Any, part: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def parts(value: Any) -> list[Any]:
        if type(value) is kind:
            return [part(one) for one in value]
        raise NotQuick

    return parts


def _dataclass(kind: Any, parts: list[tuple[str, Callable[[Any], Any]]]) -> Callable[[Any], Any]:
    def as_dict(value: Any) -> dict[str, Any]:
        if type(value) is kind:
            return {name: part(getattr(value, name)) for name, part in parts}
        raise NotQuick

    return as_dict


def _never(value: Any) -> Any:
    raise NotQuick
