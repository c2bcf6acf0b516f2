"""Between dataclasses and what JSON can carry, with an error that names the field.

``plain`` takes dataclasses apart; ``build`` puts them together again and goes by the types that
their fields are declared with. A reader takes what it knows and passes over what it does not
("tolerant reader"): that is why a sender may add a field without asking anybody.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

ATOMS = frozenset({str, int, bool, type(None)})
"""What goes into JSON, and comes out of it, as it is."""


def plain(value: object, where: str) -> Any:
    """Turn ``value`` into dicts, lists, texts and numbers.

    Parameters
    ----------
    value
        A dataclass, an enum, a list, a tuple, a dict with texts as keys, or what JSON knows.
    where
        How an error calls the value, as in ``"OrderCreated.items"``.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot carry it: another type, NaN, infinity.
    """
    if type(value) in ATOMS:
        return value
    if isinstance(value, str | int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where} must be a finite number; got {value!r}")
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return plain(value.value, where)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: plain(getattr(value, name), f"{where}.{name}")
            for name in field_names(type(value))
        }
    if isinstance(value, list | tuple):
        return [plain(part, f"{where}[{number}]") for number, part in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(part, f"{where}[{key!r}]") for key, part in value.items()}
    raise TypeError(
        f"{where} must be a text, a number, True, False, None, a dataclass, or a list, tuple or"
        f" dict of those; got {type(value).__name__} {value!r}"
    )


def build(wanted: Any, value: Any, where: str) -> Any:
    """Make a ``wanted`` (a type, as a field is declared with it) of what came out of JSON.

    Raises
    ------
    KeyError
        If a field without a default is missing; the message names it.
    TypeError, ValueError
        If the value does not fit.
    """
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return value
    if origin in (Union, types.UnionType):
        return _build_one_of(inner, value, where)
    if origin in (list, tuple) and isinstance(value, list):
        # tuple[Item, ...] and list[Item]: as many as there are; tuple[str, int]: each its own type.
        kinds = [inner[0]] * len(value) if origin is list or inner[-1] is ... else list(inner)
        if len(kinds) != len(value):
            raise ValueError(f"{where} must have {len(kinds)} parts; got {len(value)}")
        parts = [
            build(kind, part, f"{where}[{number}]")
            for number, (kind, part) in enumerate(zip(kinds, value, strict=True))
        ]
        return origin(parts)
    if origin is dict and isinstance(value, dict):
        return {key: build(inner[1], part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(wanted, type):
        if is_dataclass(wanted) and isinstance(value, dict):
            return wanted(**build_fields(wanted, value, where))
        if issubclass(wanted, Enum):
            return wanted(value)
        if _is_a(wanted, value):
            return float(value) if wanted is float else value
    raise TypeError(f"{where} must be {_name(wanted)}; got {type(value).__name__} {value!r}")


def build_fields(kind: type, data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The arguments for the dataclass ``kind``, made of ``data``. What it does not know is left."""
    hints = _hints(kind)
    arguments = {}
    for f in fields(kind):
        if f.name in data:
            arguments[f.name] = build(hints[f.name], data[f.name], f"{where}.{f.name}")
        elif f.default is MISSING and f.default_factory is MISSING:
            raise KeyError(f"{where}.{f.name} is missing; there are {', '.join(data) or 'none'}")
    return arguments


def _build_one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        if value is None and kind is type(None):
            return None
        try:
            return build(kind, value, where)
        except (TypeError, ValueError, KeyError):
            continue  # perhaps it is the next one
    names = " or ".join(map(_name, kinds))
    raise TypeError(f"{where} must be {names}; got {type(value).__name__} {value!r}")


def _is_a(wanted: type, value: object) -> bool:
    # For Python, True is a number; in JSON it is not.
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _name(wanted: Any) -> str:
    return wanted.__name__ if isinstance(wanted, type) else str(wanted)


@cache
def field_names(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields."""
    return tuple(f.name for f in fields(kind))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
