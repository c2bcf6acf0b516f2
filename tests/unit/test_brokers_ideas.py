"""The file that a learner opens is the idea: it works alone, and knows nothing of what is added."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from lessonkit import run
from lessonkit.patterns import brokers
from lessonkit.patterns.brokers import PartitionedLog, Queue, Topic, WorkQueue
from lessonkit.patterns.brokers.partitioned_log import Log, Reader
from lessonkit.patterns.brokers.sqs_queue import StandardQueue
from lessonkit.patterns.brokers.work_queue import BasicQueue

HOME = Path(brokers.__file__).parent
COMMON = {"message", "line"}


def neighbours(file: Path) -> set[str]:
    """Which other files of the package a file imports."""
    nodes = [
        node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)
    ]
    inside = [node for node in nodes if (node.module or "").startswith(brokers.__name__)]
    found = {(node.module or "").removeprefix(brokers.__name__).strip(".") for node in inside}
    found |= {alias.name for node in inside for alias in node.names}
    return found & {other.stem for other in HOME.glob("*.py")}


@pytest.mark.parametrize(
    ("idea", "its_message"),
    [("work_queue", "work_message"), ("partitioned_log", ""), ("sqs_queue", "sqs_message")],
)
def test_an_idea_imports_nothing_of_what_stands_beside_it(idea: str, its_message: str) -> None:
    assert neighbours(HOME / f"{idea}.py") <= COMMON | {its_message}


def test_no_two_files_import_each_other() -> None:
    uses = {file.stem: neighbours(file) for file in HOME.glob("*.py")}
    pairs = [(a, b) for a in uses for b in uses[a] if a in uses[b] and a < b]
    assert (pairs, len(uses)) == ([], len(list(HOME.glob("*.py"))))


def test_a_work_queue_forgets_what_is_acknowledged_and_takes_back_what_is_not() -> None:
    async def main() -> tuple[str, bool, int]:
        queue: Any = BasicQueue("mail")
        for text in "ab":
            queue.publish(text)
        first = queue.consume("1", prefetch=2)
        done, _ = await first.get(), await first.get()
        first.ack(done)
        first.die()
        again = await queue.consume("2").get()
        return again.body, again.redelivered, queue.ready + queue.unacked

    assert run(main()).result == ("b", True, 1)


def test_two_readers_of_a_log_each_have_their_own_place() -> None:
    log = Log("orders", partitions=2)
    one, two = Reader(log), Reader(log)
    for text in "abc":
        log.append(None, text)
    assert [record.value for record in one.read(2)] == ["a", "c"]
    assert [record.value for record in one.read(2)] == ["b"]
    assert [record.value for record in two.read(10)] == ["a", "c", "b"]
    one.positions[0] = 1  # read again
    assert [record.value for record in one.read(10)] == ["c"]


def test_a_queue_hides_what_is_received_until_it_is_deleted_or_comes_back() -> None:
    async def main() -> tuple[list[int], int]:
        queue = StandardQueue("q", visibility_timeout=10)
        queue.send("x", {"type": "Mail"})
        (first,) = await queue.receive("1")
        (again,) = await queue.receive("2")
        assert not queue.delete(first)
        assert queue.delete(again)
        return [first.receives, again.receives], queue.depth + queue.in_flight

    assert run(main()).result == ([1, 2], 0)


@pytest.mark.parametrize("make", [PartitionedLog, Queue, Topic, WorkQueue])
def test_a_name_that_no_picture_can_show_is_refused(make: type) -> None:
    with pytest.raises(ValueError, match="a name must be such that UTF-8 can carry it"):
        make("\ud800")
