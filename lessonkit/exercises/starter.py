"""Has the learner changed anything yet? The starting cell is run again, and the two compared."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Sequence
from functools import partial
from inspect import get_annotations, getattr_static, iscoroutinefunction, isfunction
from types import CodeType, FunctionType, MethodType
from typing import Any, TypeVar

T = TypeVar("T")


def scope_of(answer: object) -> dict[str, Any]:
    """The global names that the code of ``answer`` sees: those of the notebook.

    Nothing of the learner's runs for that: ``isinstance`` could ask the object.
    """
    if type(answer) is FunctionType:
        return answer.__globals__
    if issubclass(type(answer), type):
        name = type.__getattribute__(answer, "__module__")
        return vars(sys.modules[name]) if type(name) is str and name in sys.modules else {}
    if type(answer) is MethodType:
        return scope_of(answer.__func__)
    if type(answer) is partial:
        return scope_of(answer.func)
    call = getattr_static(type(answer), "__call__", None)  # an object that can be called
    return call.__globals__ if type(call) is FunctionType else {}


def source_of(answer: object) -> str:
    """The text of a function or class that stands in a cell; nothing if it is not known."""
    methods = vars(answer).values() if isinstance(answer, type) else ()
    code = [one.__code__ for one in (answer, *methods) if isinstance(one, FunctionType)]
    lines = linecache.getlines(code[0].co_filename) if code else []
    try:
        parts = ast.parse("".join(lines)).body
    except SyntaxError:  # a cell with magic in it
        return ""
    for part in parts:
        decorators = getattr(part, "decorator_list", ())
        first = min(one.lineno for one in (part, *decorators))
        if first <= code[0].co_firstlineno <= (part.end_lineno or 0):
            return "".join(lines[first - 1 : part.end_lineno])
    return ""


def text_of(value: object) -> str:
    """What ``str(value)`` gives, whatever the learner's ``__str__`` does."""
    # (Joined, for a learner's kind of text has methods of its own, too.)
    return _safely(lambda: "".join((str(value), "")), "(its __str__ fails)")


def _safely(work: Callable[[], T], otherwise: T) -> T:
    """What comes of work that calls the learner's own ``__eq__``, ``__repr__`` or ``__str__``."""
    try:
        return work()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return otherwise


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
    if type(ours) is not type(theirs):
        return False
    # What cannot be compared is something else than what we began with.
    return _safely(lambda: bool(ours == theirs), False)


def wrong_kind(name: str, ours: object, theirs: object) -> str | None:
    """Why ``theirs`` cannot take the place of ``ours``; None if it can.

    In English, as Python's own errors are.
    """
    if isinstance(ours, type):
        fits, wanted = isinstance(theirs, type), "class"
    elif isfunction(ours):
        fits, wanted = callable(theirs), "function"
    else:
        fits, wanted = callable(ours) or isinstance(theirs, type(ours)), type(ours).__name__
    if not fits:
        return f"{name} must be a {wanted}, as in the starting cell; got {_short(theirs)}"
    if iscoroutinefunction(ours) and isfunction(theirs) and not iscoroutinefunction(theirs):
        return f"{name} must be declared with 'async def', as in the starting cell"
    if isfunction(ours) and not iscoroutinefunction(ours) and iscoroutinefunction(theirs):
        return f"{name} must be declared with 'def', as in the starting cell, without 'async'"
    return None


def _short(value: object) -> str:
    kind = type(value).__name__
    return _safely(lambda: f"{kind} {value!r:.60}", kind)


def _parts(kind: type) -> dict[str, object]:
    functions = {name: _plain(f.__code__) for name, f in vars(kind).items() if isfunction(f)}
    return {**functions, "__annotations__": list(get_annotations(kind))}


def _plain(code: CodeType) -> tuple[object, ...]:
    # Without its place: the starting cell is compiled elsewhere than the learner's.
    constants = [_plain(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts]
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, tuple(constants))
