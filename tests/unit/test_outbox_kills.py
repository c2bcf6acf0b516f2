"""Two processes take orders and relay events, and are killed, fifty times both.

``SIGKILL`` takes a process away between two instructions: between a commit and the next one, in the
middle of publishing, before a mark. The consumers' databases are files of their own, so no
transaction spans the order and its effects. What holds all the same is counted here.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from lessonkit.faults import stream
from lessonkit.patterns.outbox.inbox import Inbox
from tests.unit.outbox_victim import Files

ROUNDS = 50
AT_ONCE = 2
VICTIM = Path(__file__).with_name("outbox_victim.py")
LONGEST = 0.06
"""Seconds of work before a process is killed."""


def start(folder: Path, seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(VICTIM), str(folder), seed],
        cwd=VICTIM.parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(victim: subprocess.Popen[str]) -> None:
    with victim:
        assert victim.stdout is not None
        assert victim.stderr is not None
        still_at_work = victim.poll() is None
        victim.kill()
        assert still_at_work, victim.stderr.read()


def work_and_die(folder: Path, number: int, pauses: list[float]) -> None:
    victims = [start(folder, f"{number}-{which}") for which in range(len(pauses))]
    for victim in victims:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "at work\n", victim.communicate()[1]
    waited = 0.0
    for pause, victim in sorted(zip(pauses, victims, strict=True), key=lambda pair: pair[0]):
        time.sleep(pause - waited)
        waited = pause
        kill(victim)


def check(files: Files) -> tuple[int, int]:
    """Look at the files, and return how many orders there are and how many are not published."""
    for database in files.databases.values():
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    orders = {order_id for (order_id,) in files.orders.execute("SELECT order_id FROM orders")}
    rows = files.orders.execute("SELECT id, body, aggregate, published_at FROM outbox").fetchall()
    told = {number: (json.loads(body)["data"]["order_id"], key) for number, body, key, _ in rows}
    published = {number for number, _, _, moment in rows if moment is not None}
    # No order without its event, no event without its order.
    assert len(rows) == len(orders)
    assert {order_id for order_id, _ in told.values()} == orders
    for inbox in files.inboxes:
        effects = inbox.database.execute("SELECT * FROM effects ORDER BY rowid").fetchall()
        handled = [message_id for message_id, _, _ in effects]
        # Every effect at most once, and what is marked as published has had its effect.
        assert len(set(handled)) == len(handled)
        assert published <= set(handled)
        assert {str(number) for number in handled} == {
            number for (number,) in inbox.database.execute("SELECT message_id FROM inbox")
        }
        assert all(told[number] == (order_id, key) for number, order_id, key in effects)
        for customer in {key for _, _, key in effects}:
            own = [number for number, _, key in effects if key == customer]
            in_order = sorted(number for number, (_, key) in told.items() if key == customer)
            assert own == in_order[: len(own)]
    return len(orders), len(rows) - len(published)


def count(inbox: Inbox, table: str) -> int:
    number: int = inbox.database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    return number


@pytest.mark.slow  # a hundred processes; notebook 05 kills five
def test_after_each_of_a_hundred_kills_every_order_has_its_event_and_no_effect_is_doubled(
    tmp_path: Path,
) -> None:
    rng = stream(2026, "kills")
    known = number = with_some_left = 0
    # On a slow machine a process comes less far before it is killed: then it takes more of them.
    while number < ROUNDS or known <= 10 * ROUNDS or with_some_left <= ROUNDS / 2:
        number += 1
        work_and_die(tmp_path, number, [rng.uniform(0, LONGEST) for _ in range(AT_ONCE)])
        with closing(Files(tmp_path)) as files:
            orders, pending = check(files)
            assert orders >= known  # what has been read once does not vanish
            known = orders
            with_some_left += pending > 0
    with closing(Files(tmp_path)) as files:
        asyncio.run(files.relay().drain(poll=0.01))
        assert check(files) == (known, 0)
        for inbox in files.inboxes:
            assert count(inbox, "effects") == known  # every effect once, for each consumer
            assert count(inbox, "deliveries") > known  # though some messages came twice


def test_this_would_notice_an_order_without_an_event_and_an_effect_that_is_doubled(
    tmp_path: Path,
) -> None:
    with closing(Files(tmp_path)) as files:
        files.order("O-1", "C-1")
        asyncio.run(files.relay().drain())
        assert check(files) == (1, 0)
        files.orders.execute("INSERT INTO orders VALUES ('O-2')")
        with pytest.raises(AssertionError):
            check(files)
        files.orders.execute("DELETE FROM orders WHERE order_id = 'O-2'")
        files.inboxes[0].database.execute("INSERT INTO effects SELECT * FROM effects")
        with pytest.raises(AssertionError):
            check(files)
