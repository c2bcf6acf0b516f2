"""A program that is started again: nothing of the process before is left."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any
from zlib import crc32

import pytest

from lessonkit.exercises.program import Program


def written(code: str, name: str = "answer") -> Any:
    """What a notebook's cell defines under this name."""
    module = sys.modules["a_notebook"] = ModuleType("a_notebook")
    exec(code, module.__dict__)
    return module.__dict__[name]


REMEMBERS = {
    "a global variable": """
seen = []
def answer():
    seen.append(1)
    return len(seen)
""",
    "a global number": """
number = 0
def answer():
    global number
    number += 1
    return number
""",
    "a default value": """
def answer(seen=[]):
    seen.append(1)
    return len(seen)
""",
    "an attribute of the function": """
def answer():
    answer.times = getattr(answer, "times", 0) + 1
    return answer.times
""",
    "a variable of a closure": """
def counting():
    seen = []
    def count():
        seen.append(1)
        return len(seen)
    return count
answer = counting()
""",
    "another function's memory": """
def helper(seen={}):
    seen[len(seen)] = 1
    return len(seen)
def answer():
    return helper()
""",
    "a class": """
class Memory:
    seen = []
def answer():
    Memory.seen.append(1)
    return len(Memory.seen)
""",
    "a class attribute that is set": """
class Memory:
    times = 0
    @classmethod
    def count(cls):
        cls.times += 1
        return cls.times
def answer():
    return Memory.count()
""",
}


@pytest.mark.parametrize("code", REMEMBERS.values(), ids=REMEMBERS)
def test_a_new_process_remembers_nothing(code: str) -> None:
    answer = written(code)
    program = Program(answer)
    first = program.start()
    assert [first(), first(), first()] == [1, 2, 3]
    second = program.start()
    assert [second(), second()] == [1, 2]
    assert answer() == 1  # and the notebook's own has not been touched


def test_a_class_is_made_anew_with_its_bases_and_super() -> None:
    code = """
class Base:
    seen = []
    def __init__(self, name):
        self.name = name
    def note(self):
        self.seen.append(self.name)
        return len(self.seen)
class answer(Base):
    def __init__(self, name):
        super().__init__(name.upper())
    @property
    def shouted(self):
        return self.name + "!"
    @staticmethod
    def plain():
        return Base
"""
    kind = written(code)
    program = Program(kind)
    first, second = program.start(), program.start()
    one = first("a")
    assert (one.note(), one.note(), one.shouted) == (1, 2, "A!")
    assert second("b").note() == 1
    assert issubclass(first, first.plain())
    assert first.plain() is not second.plain()
    assert kind.seen == []


def test_two_that_belong_together_share_their_process() -> None:
    code = """
seen = []
def put():
    seen.append(1)
def answer():
    return len(seen), put
"""
    count = written(code)
    put = count()[1]
    program = Program(count, put)
    ours, puts = program.start()
    puts()
    assert ours()[0] == 1
    assert program.start()[0]()[0] == 0


def test_each_process_has_its_own_hash_for_texts_and_keeps_it() -> None:
    program = Program(written("def answer(value):\n    return hash(value)\n"))
    first, second = program.start(), program.start()
    assert first("O-1") == first("O-1") != second("O-1")
    assert first(17) == second(17) == hash(17)
    assert first(("a", 1)) == first(("a", 1)) != second(("a", 1))
    with pytest.raises(TypeError, match="unhashable"):
        first([])


def test_what_a_process_has_as_a_hash_is_the_same_in_each_trial() -> None:
    code = "def answer(value):\n    return hash(value)\n"
    first, again = (Program(written(code)).start() for _trial in range(2))
    # Made of numbers only: Python's own of a text is another one whenever the tests run.
    assert first("a text") == again("a text") == hash((1, crc32(b"'a text'")))


def test_what_the_library_has_is_as_it_was() -> None:
    code = "from lessonkit import Shop\nimport json\ndef answer():\n    return Shop, json\n"
    answer = written(code)
    assert Program(answer).start()() == answer()


def test_a_dataclass_with_all_that_it_may_have_is_made_anew() -> None:
    code = """
from dataclasses import dataclass, field, fields
from lessonkit import Event

@dataclass(frozen=True)
class Line:
    product: str
    pieces: int = 1

NOTHING = object()

def one(wanted=NOTHING):
    return "nothing" if wanted is NOTHING else wanted

@dataclass(frozen=True)
class answer(Event):
    order_id: str
    lines: tuple[Line, ...] = field(default=(Line("P-1"),))
    notes: list = field(default_factory=list)

    def first(self):
        return one(), self.lines[0].pieces, [f.name for f in fields(self)][-3:]
"""
    kind = written(code)
    made = Program(kind).start()
    event = made("O-1", event_id="E-1", occurred_at=0.0)
    assert made is not kind
    assert event.first() == ("nothing", 1, ["order_id", "lines", "notes"])
    assert (event.event_id, event.notes, event) == (
        "E-1",
        [],
        made("O-1", event_id="E-1", occurred_at=0.0),
    )
    assert made("O-1").notes is not made("O-1").notes


def test_what_was_imported_stays_what_it_is() -> None:
    code = """
from dataclasses import replace
from enum import Enum
from json import dumps
from textwrap import dedent
import threading

class Colour(Enum):
    RED = 1

locks = {"one": threading.Lock()}

def answer():
    return dumps([1]), dedent(" a"), replace, Colour.RED, len(locks)
"""
    answer = written(code)
    assert Program(answer).start()() == answer()
