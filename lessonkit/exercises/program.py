"""A program that is killed and started again knows nothing but what it finds on the disk.

What a learner has written lives in the notebook's own process. So each start gives it a namespace
of its own: functions and classes made anew from the same code, global variables as they were in the
beginning, and another ``hash`` for all but numbers (as each Python has its own).
"""

from __future__ import annotations

import builtins
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import copy, deepcopy
from functools import lru_cache, partial, singledispatch
from numbers import Number
from types import (
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)
from typing import Any, Final
from zlib import crc32

from lessonkit.exercises.starter import scope_of

_CONTAINERS: Final = (list, dict, set, bytearray, deque, Counter, defaultdict)
_Cached: Final = type(lru_cache(lambda: None))
# The last one is what msgspec has found out about the old class.
_NOT_COPIED: Final = ("__dict__", "__weakref__", "__msgspec_cache__")

IsOwn = Callable[[object], bool]
"""Whether something is a function or a class that was written in the notebook."""


class Program:
    """The learner's code, to be started as often as one likes.

    Parameters
    ----------
    answers
        What was handed in: functions and classes.
    """

    def __init__(self, *answers: Any) -> None:
        self._answers = answers
        self._scope: dict[str, Any] = {}
        for answer in answers:
            self._scope |= scope_of(answer)
        places = {getattr(answer, "__module__", None) for answer in answers}

        def is_own(value: object) -> bool:  # and was not imported there
            if isinstance(value, FunctionType):
                return value.__globals__.get("__name__") in places
            return type(value) is type and value.__module__ in places

        self._is_own = is_own
        self._used = _names_used(answers, self._scope, is_own)
        # As they are now, before the first process has touched them.
        self._stored = {
            name: _copied(self._scope[name], {})
            for name in self._used
            if _is_memory(self._scope[name], is_own)
        }
        self._starts = 0

    def start(self) -> Any:
        """Start a process: what was handed in, in a namespace of its own.

        Returns
        -------
        object
            The function or class; a tuple of them if several were handed in.
        """
        made = self.start_all()
        return made[0] if len(made) == 1 else made

    def start_all(self) -> tuple[Any, ...]:
        """Start a process: a tuple of what was handed in, also if it is only one thing."""
        self._starts += 1
        anew = _Namespace(self._scope | self._stored, self._used, self._is_own, self._starts)
        made = tuple(map(anew.made, self._answers))
        anew.fill_cells()
        return made


class _Namespace:
    """The global names of one process, with the learner's code made anew in it."""

    def __init__(
        self, names: dict[str, Any], used: Iterable[str], is_own: IsOwn, number: int
    ) -> None:
        self._is_own = is_own
        self._made: dict[int, Any] = {}
        self._cells: dict[int, CellType] = {}
        self._unfilled: list[tuple[CellType, CellType]] = []

        def hash_of(value: object) -> int:
            own = builtins.hash(value)  # an error, if it has none
            if isinstance(value, Number):
                return own  # it is the same in each process
            return builtins.hash((number, crc32(repr(value).encode())))

        self._globals = names | {"__builtins__": {**vars(builtins), "hash": hash_of}}
        for name in used:
            self._globals[name] = self.made(names[name])

    def made(self, value: Any) -> Any:
        """Code and memory made anew; anything else as it is."""
        if id(value) in self._made:
            return self._made[id(value)]
        made: Any
        if self._is_own(value):
            made = (self._class if isinstance(value, type) else self._function)(value)
        elif isinstance(value, MethodType):
            made = MethodType(self.made(value.__func__), self.made(value.__self__))
        elif isinstance(value, partial):
            named = {name: self.made(part) for name, part in value.keywords.items()}
            made = partial(self.made(value.func), *map(self.made, value.args), **named)
        elif _is_dispatched(value):
            made = singledispatch(self.made(value.registry[object]))
            for kind, function in value.registry.items():
                made.register(self.made(kind), self.made(function))
        elif isinstance(value, _Cached) and self._is_own(value.__wrapped__):
            made = lru_cache(**value.cache_parameters())(self.made(value.__wrapped__))
        elif _is_memory(value, self._is_own):
            made = _copied(
                value, {id(code): self.made(code) for code in _code_in(value, self._is_own)}
            )
        else:
            return value
        self._made[id(value)] = made
        return made

    def fill_cells(self) -> None:
        """Put into the closures what was there: only now is everything made that may be in it."""
        for new, old in self._unfilled:  # which may grow meanwhile
            with suppress(ValueError):  # empty
                new.cell_contents = self.made(old.cell_contents)

    def _cell(self, old: CellType) -> CellType:
        if id(old) not in self._cells:
            self._cells[id(old)] = CellType()
            self._unfilled.append((self._cells[id(old)], old))
        return self._cells[id(old)]

    def _function(self, old: FunctionType) -> FunctionType:
        cells = old.__closure__ and tuple(map(self._cell, old.__closure__))
        new = FunctionType(old.__code__, self._globals, old.__name__, None, cells)
        self._made[id(old)] = new  # a function may hold itself
        new.__defaults__ = old.__defaults__ and tuple(map(self.made, old.__defaults__))
        if old.__kwdefaults__:
            new.__kwdefaults__ = {name: self.made(v) for name, v in old.__kwdefaults__.items()}
        new.__annotations__, new.__qualname__ = old.__annotations__, old.__qualname__
        new.__dict__.update({k: self.made(v) for k, v in vars(old).items()})
        return new

    def _class(self, old: type) -> type:
        body: dict[str, Any] = {}
        for name, value in vars(old).items():
            if name in _NOT_COPIED or isinstance(
                value, GetSetDescriptorType | MemberDescriptorType
            ):
                continue
            # What a dataclass has noted about its fields is no memory.
            body[name] = value if name.startswith("__dataclass_") else self._part(value)
        return type(old)(old.__name__, tuple(map(self.made, old.__bases__)), body)

    def _part(self, value: Any) -> Any:
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self._part(value.__func__))
        if isinstance(value, property):
            parts = (value.fget, value.fset, value.fdel)
            return property(*[part and self._part(part) for part in parts])
        return self.made(value)


def _is_dispatched(value: object) -> bool:
    """Whether it is a function of ``functools.singledispatch``."""
    return isinstance(value, FunctionType) and {"registry", "dispatch"} <= vars(value).keys()


def _is_memory(value: object, is_own: IsOwn) -> bool:
    return isinstance(value, _CONTAINERS) or is_own(type(value))


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    try:
        return deepcopy(value, memo)
    except Exception:  # something in it cannot be copied
        return copy(value)


def _code_in(value: Any, is_own: IsOwn, seen: set[int] | None = None) -> Iterator[Any]:
    """The learner's functions and classes in it: in a container, an object, a closure, a type."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    parts: Iterable[Any] = getattr(value, "__args__", None) or ()  # of tuple[Line, ...]
    if is_own(value):
        yield value
        parts = _closed_over(value)
    elif is_own(type(value)):
        parts = [type(value), *getattr(value, "__dict__", {}).values()]
    elif isinstance(value, _Cached):
        parts = [value.__wrapped__]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, partial):
        parts = [value.func, *value.args, *value.keywords.values()]
    elif _is_dispatched(value):
        parts = [*value.registry, *value.registry.values()]
    elif isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, (*_CONTAINERS, tuple)) and not isinstance(value, bytearray):
        parts = value
    for part in parts:
        yield from _code_in(part, is_own, seen)


def _closed_over(function: Any) -> Iterator[Any]:
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # empty
            yield cell.cell_contents


def _names_used(answers: Iterable[Any], scope: dict[str, Any], is_own: IsOwn) -> list[str]:
    """The global names that this code uses, and those that these use in turn."""
    found: dict[str, None] = {}
    left = [code for own in _code_in(list(answers), is_own) for code in _codes_of(own)]
    while left:
        code = left.pop()
        left += [part for part in code.co_consts if isinstance(part, CodeType)]
        for name in code.co_names:
            if name in scope and name not in found:
                found[name] = None
                for own in _code_in(scope[name], is_own):
                    left += _codes_of(own)
    return list(found)


def _codes_of(value: Any) -> list[CodeType]:
    if isinstance(value, FunctionType):
        return [value.__code__]
    if isinstance(value, staticmethod | classmethod):
        return _codes_of(value.__func__)
    if isinstance(value, property):
        return [code for part in (value.fget, value.fset, value.fdel) for code in _codes_of(part)]
    if type(value) is type:
        parts = [*vars(value).values(), *value.__bases__]
        return [code for part in parts for code in _codes_of(part)]
    return []
