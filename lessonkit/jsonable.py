"""Between Python's values and what JSON can carry, with an error that names the field.

The work is done by the library msgspec. It goes by the types that the fields of a dataclass are
declared with. A reader takes what it knows and passes over what it does not ("tolerant reader"):
that is why a sender may add a field without asking anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from lessonkit.clock.strangers import said


class Missing(ValueError):
    """A field without a default is missing."""


def as_text(value: object, where: str) -> str:
    """Turn ``value`` (a dataclass, an enum, a list and the like) into JSON text.

    Parameters
    ----------
    where
        How an error calls the value, as in ``"OrderCreated.items"``.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot carry what is in it (NaN, say), or it is nested too deeply.
    """
    try:
        return json.dumps(msgspec.to_builtins(value, order="deterministic"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        for name, part in _parts(value):
            as_text(part, f"{where}.{name}")  # which names the part that is to blame
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where} must be what JSON can carry; got {value!r} ({error})") from None


def _parts(value: object) -> Iterable[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    elif is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    return value.items() if isinstance(value, dict) else ()


def text_that_comes_back(value: object, where: str, read: Callable[[str], Any]) -> str:
    """``value`` as JSON text, if ``read`` gives it back equal.

    Raises
    ------
    TypeError, ValueError
        If it does not, or JSON cannot carry the value.
    """
    try:
        text = as_text(value, where)
        if (back := read(text)) == value:
            return text
    except (TypeError, ValueError):
        raise
    except Exception as error:  # nested too deeply, an == of somebody's that fails, ...
        raise ValueError(f"{where} cannot be stored: {said(error)}") from error
    raise ValueError(f"{where} must come back from JSON as it is; got {value!r}, not {back!r}")


def build(wanted: Any, value: Any, where: str) -> Any:
    """Make a ``wanted`` (a type, as a field is declared with it) of what came out of JSON.

    Raises
    ------
    Missing
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
    raise (Missing if "missing required field" in words else ValueError)(words)
