"""Between Python's values and what JSON can carry, with an error that names the field.

The work is done by the library msgspec. It goes by the types that the fields of a dataclass are
declared with. A reader takes what it knows and passes over what it does not ("tolerant reader"):
that is why a sender may add a field without asking anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_type_hints

import msgspec

as_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""As ``json.dumps``, which makes a new encoder for each text."""


def plain(value: object, where: str) -> Any:
    """Turn ``value`` (a dataclass, an enum, a list and the like) into what JSON knows.

    Parameters
    ----------
    where
        How an error calls the value, as in ``"OrderCreated.items"``.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot carry it: another type, NaN, infinity.
    """
    if type(value) in (str, int, bool):
        return value
    try:
        found = msgspec.to_builtins(value, order="deterministic")
        as_text(found)
    except (TypeError, ValueError, RecursionError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where} must be what JSON can carry; got {value!r} ({error})") from None
    return found


def build(wanted: Any, value: Any, where: str) -> Any:
    """Make a ``wanted`` (a type, as a field is declared with it) of what came out of JSON.

    Raises
    ------
    KeyError
        If a field without a default is missing; the message names it.
    TypeError, ValueError
        If the value does not fit.
    """
    try:
        return msgspec.convert(value, wanted, str_keys=True)
    except msgspec.ValidationError as error:
        words = str(error)
    place = f"`{where}"
    words = words.replace("`$", place) if "`$" in words else f"{words} - at {place}`"
    raise (KeyError if "missing required field" in words else ValueError)(words)


def build_fields(kind: type, data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The arguments for the dataclass ``kind``, made of ``data``. What it does not know is left."""
    arguments = {}
    for name, (wanted, needed) in declared_fields(kind).items():
        if name in data:
            arguments[name] = build(wanted, data[name], f"{where}.{name}")
        elif needed:
            raise KeyError(f"{where}.{name} is missing; there are {', '.join(data) or 'none'}")
    return arguments


@cache
def declared_fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """For each field of a dataclass its type, and whether it has no default."""
    hints = get_type_hints(kind)
    return {
        f.name: (hints[f.name], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    }
