"""A program that is killed and started again knows nothing but what it finds on the disk.

What a learner has written lives in the notebook's own process. So each start gives it a namespace
of its own: functions and classes made anew from the same code, global variables as they were in the
beginning, and another ``hash`` for texts (as each Python has its own).
"""

from __future__ import annotations

import builtins
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from copy import copy, deepcopy
from numbers import Number
from types import CellType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final
from zlib import crc32

from lessonkit.exercises.starter import scope_of

_CONTAINERS: Final = (list, dict, set, bytearray, deque, Counter, defaultdict)
_NOT_COPIED: Final = ("__dict__", "__weakref__")


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
        # What was written in the notebook, and not what was imported there.
        places = {getattr(answer, "__module__", None) for answer in answers}
        own = {n: value for n, value in self._scope.items() if _is_own(value, places)}
        used = _names_used(answers, own)
        self._code = [own[name] for name in used if not isinstance(own[name], _CONTAINERS)]
        # As they are now, before the first process has touched them.
        self._stored = {n: _copied(own[n]) for n in used if isinstance(own[n], _CONTAINERS)}
        self._starts = 0

    def start(self) -> Any:
        """Start a process: what was handed in, in a namespace of its own.

        Returns
        -------
        object
            The function or class; a tuple of them if several were handed in.
        """
        self._starts += 1
        names = self._scope | {name: _copied(value) for name, value in self._stored.items()}
        anew = _Namespace(names, [*self._code, *self._answers], self._starts)
        made = tuple(anew.made(answer) for answer in self._answers)
        return made[0] if len(made) == 1 else made


class _Namespace:
    """The global names of one process, with the learner's code made anew in it."""

    def __init__(self, names: dict[str, Any], code: Iterable[Any], number: int) -> None:
        self._made: dict[int, Any] = {}
        self._learners = {
            id(value) for value in code if isinstance(value, FunctionType) or type(value) is type
        }

        def hash_of(value: object) -> int:
            own = builtins.hash(value)  # an error, if it has none
            if isinstance(value, Number):
                return own  # it is the same in each process
            return builtins.hash((number, crc32(repr(value).encode())))

        self._globals = names | {"__builtins__": {**vars(builtins), "hash": hash_of}}
        for name, value in names.items():
            if id(value) in self._learners:
                self._globals[name] = self.made(value)

    def made(self, value: Any) -> Any:
        """The function or class made anew; anything else as it is."""
        if id(value) not in self._learners:
            return value
        if id(value) not in self._made:
            make = self._class if isinstance(value, type) else self._function
            self._made[id(value)] = None  # a class may hold itself
            self._made[id(value)] = make(value)
        return self._made[id(value)]

    def _function(self, old: FunctionType, cells: dict[str, CellType] | None = None) -> Any:
        closure = None
        if old.__closure__ is not None:
            known = cells or {}
            names = old.__code__.co_freevars
            closure = tuple(
                known.get(name) or _copied_cell(cell)
                for name, cell in zip(names, old.__closure__, strict=True)
            )
        defaults = old.__defaults__ and tuple(map(_copied, old.__defaults__))
        new = FunctionType(old.__code__, self._globals, old.__name__, defaults, closure)
        if old.__kwdefaults__:
            new.__kwdefaults__ = {name: _copied(v) for name, v in old.__kwdefaults__.items()}
        new.__annotations__, new.__qualname__ = old.__annotations__, old.__qualname__
        new.__dict__.update({k: _copied(v) for k, v in vars(old).items()})
        return new

    def _class(self, old: type) -> type:
        cell = CellType()  # what super() without arguments looks into
        body: dict[str, Any] = {}
        for name, value in vars(old).items():
            if name in _NOT_COPIED or isinstance(
                value, GetSetDescriptorType | MemberDescriptorType
            ):
                continue
            # What a dataclass has noted about its fields is no memory.
            body[name] = value if name.startswith("__dataclass_") else self._part(value, cell)
        new = type(old)(old.__name__, tuple(map(self.made, old.__bases__)), body)
        cell.cell_contents = new
        return new

    def _part(self, value: Any, cell: CellType) -> Any:
        cells = {"__class__": cell}
        if isinstance(value, FunctionType):
            return self._function(value, cells)
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self._part(value.__func__, cell))
        if isinstance(value, property):
            parts = (value.fget, value.fset, value.fdel)
            return property(*[part and self._part(part, cell) for part in parts])
        return _copied(value)


def _is_own(value: object, places: set[object]) -> bool:
    """Whether it is memory, or a function or a class from one of these modules."""
    if isinstance(value, FunctionType) or type(value) is type:
        return value.__module__ in places
    return isinstance(value, _CONTAINERS)


def _names_used(answers: Iterable[Any], scope: dict[str, Any]) -> list[str]:
    """The global names that this code uses, and those that these use in turn."""
    found: dict[str, None] = {}
    left = [code for answer in answers for code in _codes_of(answer)]
    while left:
        code = left.pop()
        left += [part for part in code.co_consts if isinstance(part, CodeType)]
        for name in code.co_names:
            if name in scope and name not in found:
                found[name] = None
                left += _codes_of(scope[name])
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


def _copied(value: Any) -> Any:
    if not isinstance(value, _CONTAINERS):
        return value
    try:
        return deepcopy(value)
    except Exception:  # something in it cannot be copied
        return copy(value)


def _copied_cell(cell: CellType) -> CellType:
    try:
        return CellType(_copied(cell.cell_contents))
    except ValueError:  # empty
        return CellType()
