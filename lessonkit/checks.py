"""Checks at the door: each error names the argument, the value, and what is accepted."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from numbers import Real
from types import FunctionType
from typing import Any


def positive_number(
    name: str, value: object, *, zero: bool = False, infinite: bool = False
) -> float:
    """Return ``value`` as a float if it is a number above 0 (or 0, with ``zero``).

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is negative, NaN, 0 without ``zero``, or infinite without ``infinite``.
    """
    number = _number(name, value)
    if (number > 0 or (zero and number == 0)) and (infinite or number < math.inf):
        return number
    wanted = "a number of 0 or more" if zero else "a number above 0"
    raise ValueError(f"{name} must be {wanted}{'' if infinite else ', and finite'}; got {value!r}")


def probability(name: str, value: object) -> None:
    """Raise an error unless ``value`` is a number from 0 to 1 (both included)."""
    between(name, value, 0, 1, "a probability between 0 and 1")


def up_to(name: str, value: int | None, last: int, of_what: str) -> int:
    """Return ``value``, a whole number from 0 to ``last``, or ``last`` for None.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if value is not None and whole_number(name, value) > last:
        raise ValueError(f"{name} must be at most {last}, the end {of_what}; got {value}")
    return last if value is None else value


def whole_number(name: str, value: object, *, low: int = 0) -> int:
    """Return ``value`` if it is an int of at least ``low``.

    Raises
    ------
    TypeError, ValueError
        If it is not an int, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, got {type(value).__name__} {value!r}")
    if value < low:
        raise ValueError(f"{name} must be {low} or more; got {value!r}")
    return value


def one_of(name: str, value: object, accepted: Iterable[str]) -> str:
    """Return ``value`` if it is one of the ``accepted`` words.

    Raises
    ------
    ValueError
        If it is not.
    """
    words = list(accepted)
    if isinstance(value, str) and value in words:
        return value
    raise ValueError(f"{name} must be one of {', '.join(words)}; got {value!r}")


def some_text(name: str, value: object) -> str:
    """Return ``value`` if it is a text of at least one letter that UTF-8 can carry.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text of at least one letter; got {value!r}")
    return utf8_text(name, value)


def utf8_text(name: str, text: str) -> str:
    """Return ``text`` if UTF-8 can carry it: Python has texts with half of a surrogate pair.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise ValueError(f"{name} must be such that UTF-8 can carry it; got {half!r}") from None
    return text


@lru_cache
def _signature(function: FunctionType) -> inspect.Signature:
    # An exploration makes a hundred sagas of one class, each with eight such methods.
    return inspect.signature(function)


def async_function(name: str, value: Any, takes: str) -> None:
    """Raise a TypeError unless ``value`` is declared with async def, and takes one argument."""
    function(name, value)
    call = getattr(type(value), "__call__", None)  # noqa: B004 - that of an object
    if not (inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(call)):
        raise TypeError(f"{name} must be declared with async def; got {called(value)}")
    method = getattr(value, "__func__", None)
    try:
        if isinstance(method, FunctionType):
            _signature(method).bind(None, takes)
        else:
            inspect.signature(value).bind(takes)
    except TypeError as error:
        raise TypeError(
            f"{name} must take one argument, the {takes}; {called(value)} does not: {error}"
        ) from None


def between(name: str, value: object, low: float, high: float, words: str) -> None:
    """Raise an error unless ``value`` is a number from ``low`` to ``high``, as ``words`` say."""
    if not low <= _number(name, value) <= high:
        raise ValueError(f"{name} must be {words}; got {value!r}")


def called(something: object) -> str:
    """How an error calls a function: its name, and no address in memory."""
    return getattr(something, "__qualname__", None) or type(something).__name__


def function(name: str, value: object) -> None:
    """Raise a TypeError if ``value`` cannot be called."""
    instance_of(name, value, Callable, "a function")


def instance_of(name: str, value: object, kind: Any, wanted: str = "") -> None:
    """Raise a TypeError unless ``value`` is of this kind; ``wanted`` says it in other words."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {wanted or f'a {kind.__name__}'}; got {value!r}")


def plain_function(name: str, value: object) -> None:
    """Raise a TypeError if ``value`` cannot be called, or would have to be awaited."""
    if not callable(value) or inspect.iscoroutinefunction(value):
        raise TypeError(f"{name} must be a plain function, not declared async; got {value!r}")


def seconds_or_none(name: str, value: object) -> None:
    """Raise a TypeError or ValueError unless ``value`` is None, or a number above 0."""
    if value is not None:
        positive_number(name, value)


def sized_text(name: str, value: str, most: float = math.inf) -> int:
    """Return how many bytes ``value`` has in UTF-8, if it is a text of at most so many.

    Raises
    ------
    TypeError, ValueError
        If it is no text, or too long, or none that UTF-8 can carry.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text (str), got {type(value).__name__} {value!r}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be a text that UTF-8 can carry; {error}") from None
    if size > most:
        raise ValueError(f"{name} must have at most {most:,} bytes; got {size:,}")
    return size


def some_dict(name: str, value: object) -> None:
    """Raise a TypeError unless ``value`` is a dict, or something like it, or None."""
    if value is not None:
        instance_of(name, value, Mapping, "a dict, as in {'type': 'a'}")


def true_or_false(name: str, value: object) -> None:
    """Raise a TypeError if ``value`` is neither True nor False."""
    instance_of(name, value, bool, "True or False")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {type(value).__name__} {value!r}")
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
