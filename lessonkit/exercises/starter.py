"""Has the learner changed anything yet? The starting cell is run again, and the two compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from inspect import get_annotations, iscoroutinefunction, isfunction
from types import CodeType
from typing import Any


def scope_of(answer: object) -> dict[str, Any]:
    """The global names that the code of ``answer`` sees: those of the notebook."""
    if isfunction(answer):
        return answer.__globals__
    if isinstance(answer, type):
        return vars(sys.modules[answer.__module__])
    return {}


def started(starter: str, names: Sequence[str], answers: Sequence[object]) -> list[Any]:
    """What the starting cell defines under these names, beside what the notebook has defined.

    Parameters
    ----------
    starter
        Source text. It only defines things, so running it does nothing.
    names
        What it defines.
    answers
        What the learner has handed in: their global names are the notebook's.

    Raises
    ------
    NameError
        If the starter needs something that the notebook has not defined yet.
    """
    scope: dict[str, Any] = dict(vars(sys.modules["__main__"]))  # in a kernel: the notebook
    for answer in answers:
        scope |= scope_of(answer)
    exec(compile(starter, "<starting cell>", "exec", dont_inherit=True), scope)
    return [scope[name] for name in names]


def is_same(ours: Any, theirs: Any) -> bool:
    """Whether two functions or classes have the same code, or two values are equal."""
    if isfunction(ours) and isfunction(theirs):
        return _plain(ours.__code__) == _plain(theirs.__code__)
    if isinstance(ours, type) and isinstance(theirs, type):
        return _parts(ours) == _parts(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


def wrong_kind(name: str, ours: object, theirs: object) -> str | None:
    """Why ``theirs`` cannot take the place of ``ours``; None if it can.

    In English, as Python's own errors are.
    """
    if isinstance(ours, type) and not isinstance(theirs, type):
        return f"{name} must be a class, as in the starting cell; got {_short(theirs)}"
    if isfunction(ours) and not callable(theirs):
        return f"{name} must be a function, as in the starting cell; got {_short(theirs)}"
    if iscoroutinefunction(ours) and isfunction(theirs) and not iscoroutinefunction(theirs):
        return f"{name} must be declared with 'async def', as in the starting cell"
    if isfunction(ours) and not iscoroutinefunction(ours) and iscoroutinefunction(theirs):
        return f"{name} must be declared with 'def', as in the starting cell, without 'async'"
    if not callable(ours) and not isinstance(theirs, type(ours)):
        wanted = type(ours).__name__
        return f"{name} must be a {wanted}, as in the starting cell; got {_short(theirs)}"
    return None


def _short(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}"


def _parts(kind: type) -> dict[str, object]:
    functions = {name: _plain(f.__code__) for name, f in vars(kind).items() if isfunction(f)}
    return {**functions, "__annotations__": list(get_annotations(kind))}


def _plain(code: CodeType) -> tuple[object, ...]:
    # Without its place: the starting cell is compiled elsewhere than the learner's.
    constants = [_plain(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts]
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, tuple(constants))
