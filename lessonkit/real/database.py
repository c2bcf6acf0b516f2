"""PostgreSQL as a database of the patterns: many writers at a time, each in its transaction.

The patterns are the ones that run on SQLite, unchanged. What is different stands here: numbers
follow the order of the commits only because who gives them *holds* what they number, and after an
error nothing more can be done in the transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from lessonkit.checks import positive_number, some_text
from lessonkit.database.interface import DatabaseUnavailable, NotYourTransaction, SqlDatabase
from lessonkit.luck import touch
from lessonkit.real.extra import need
from lessonkit.real.postgres_errors import PlainWords
from lessonkit.real.server import shown

psycopg = need("psycopg")
OLDEST: Final = 140000
"""The version of the server that has CREATE OR REPLACE TRIGGER."""
VALUE: Final = re.compile(r"""('(?:[^']|'')*'|"[^"]*")|(\?)|(%)""")
ENDS: Final = re.compile(
    r"(?:\s|--.*?(?:\n|$)|/\*.*?\*/|;)*"
    r"(BEGIN|START|COMMIT|END|ROLLBACK(?!\s+TO\b)|ABORT|PREPARE\s+TRANSACTION)\b",
    re.I | re.S,
)
FUNCTION: Final = """
    CREATE OR REPLACE FUNCTION no_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{instead}'; END $$
"""
TRIGGER: Final = """
    CREATE OR REPLACE TRIGGER no_change_of_{table} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION no_change_of_{table}()
"""


class Transaction:
    """What code from outside gets: it can execute statements, and neither begin nor end."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.execute = database.execute


class PostgresDatabase(SqlDatabase):
    """One connection to a PostgreSQL database.

    Parameters
    ----------
    url
        ``postgresql://user:password@127.0.0.1:5432/name``, such as ``Postgres().url``.
    timeout
        How many seconds to wait for a lock that somebody else has.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If there is no such server, or it is too old.
    """

    NUMBERED = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        some_text("url", url)
        positive_number("timeout", timeout)
        self.name = shown(url)
        self._theirs = PlainWords(self.name)
        self._ours = PlainWords(self.name, "its tables are not as they were made")
        self._tx: Transaction | None = None
        self._guarded = ""
        with self._theirs:
            # autocommit: psycopg begins no transaction behind our back. No statement is prepared
            # behind it either: those of others may return other columns tomorrow.
            self.connection = psycopg.connect(
                url, autocommit=True, prepare_threshold=None, connect_timeout=10
            )
            self.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            milliseconds = max(1, round(timeout * 1000))
            self.connection.execute(f"SET lock_timeout = {milliseconds}")
        if self.connection.info.server_version < OLDEST:
            version = self.connection.info.server_version // 10000
            self.close()
            raise DatabaseUnavailable(
                f"the database {self.name!r} cannot be used: it is of PostgreSQL {version};"
                f" use {OLDEST // 10000} or later"
            )

    # --- transactions ----------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Store everything that the ``with`` block writes, or (if it raises) nothing of it.

        Raises
        ------
        RuntimeError
            If a transaction is under way on this connection; or if a statement in it has failed,
            whoever called has caught that, and now nothing can be stored.
        DatabaseUnavailable
            If the database cannot be used.
        """
        touch(self)
        if self._tx is not None or self._status is psycopg.pq.TransactionStatus.INTRANS:
            raise RuntimeError("a transaction is under way; nothing can be stored beside it")
        with self._theirs, self.connection.transaction():
            self._tx = Transaction(self)
            try:
                yield self._tx
                if self._status is psycopg.pq.TransactionStatus.INERROR:
                    # PostgreSQL would answer COMMIT with ROLLBACK, and raise nothing.
                    raise RuntimeError(
                        "a statement of the transaction has failed, so nothing of it can be stored;"
                        " let its error pass"
                    )
            finally:
                self._tx = None

    @property
    def _status(self) -> Any:
        return self.connection.info.transaction_status

    def is_under_way(self, tx: object) -> bool:
        """Whether ``tx`` is a transaction of this database that has begun and not ended."""
        if self.connection.closed:
            self._theirs.explain(psycopg.OperationalError("the connection is closed"))
        return tx is not None and tx is self._tx

    def hold(self, what: str) -> None:
        """From here to the end of the transaction nobody else holds ``what``.

        Everybody else waits for that very name, and for nothing else: whoever only reads the table,
        or changes rows that are there, does not.
        """
        self.change("SELECT pg_advisory_xact_lock(hashtext(?))", (what,))

    @contextmanager
    def guarding(self, what: str) -> Iterator[None]:
        """Inside the ``with`` block, ``what`` may neither begin nor end a transaction."""
        self._guarded = what
        try:
            yield
        finally:
            self._guarded = ""
        # It may have gone past our eyes, to the connection itself.
        if self._status is psycopg.pq.TransactionStatus.IDLE:
            raise NotYourTransaction(f"{what} must neither begin nor end a transaction")

    # --- statements ------------------------------------------------------------------------------

    @contextmanager
    def making(self, table: str, of_what: str) -> Iterator[None]:
        """Inside the ``with`` block, what fails does because ``table`` is not one ``of_what``."""
        words = PlainWords(self.name, f"its table {table} is not one of {of_what}")
        with self._alone_with_the_tables(), words:
            yield

    @contextmanager
    def _alone_with_the_tables(self) -> Iterator[None]:
        # IF NOT EXISTS and OR REPLACE look first and make then: two at once, and one of them fails.
        with self.transaction() if self._tx is None else nullcontext():
            self.hold("tables")
            yield

    def append_only(self, table: str, instead: str) -> None:
        """From now on, who changes or deletes a row of it is told what to do instead."""
        with self._alone_with_the_tables():
            for statement in (FUNCTION, TRIGGER):
                self.execute(statement.format(table=table, instead=instead))

    def add(self, sql: str, values: Sequence[Any]) -> int:
        """Execute an INSERT of one row, and return the number that it gets."""
        return int(self.change(f"{sql} RETURNING id", values).fetchone()[0])

    def change(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute a statement of ours: if it is refused, the tables are not ours any more."""
        touch(self)
        with self._ours:
            return self.connection.execute(in_its_style(sql), values)

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> Any:
        """Execute it for each of the rows."""
        touch(self)
        with self._ours:
            cursor = self.connection.cursor()
            cursor.executemany(in_its_style(sql), rows)
            return cursor

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a question of ours finds."""
        rows: list[Any] = self.change(sql, values).fetchall()
        return rows

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Execute one statement of the caller's.

        Raises
        ------
        NotYourTransaction
            If it would end a transaction that is not the caller's.
        DatabaseUnavailable
            If the database cannot be used.
        psycopg.Error
            If the statement is wrong.
        """
        touch(self)
        if self._guarded and ENDS.match(sql):
            raise NotYourTransaction(f"{self._guarded} must neither begin nor end a transaction")
        with self._theirs:
            # binary: in that protocol a statement is one, and cannot have another one behind it.
            return self.connection.execute(in_its_style(sql), values, binary=True)

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The answer to somebody else's question: a dict per row."""
        cursor = self.execute(sql, values)
        cursor.row_factory = psycopg.rows.dict_row
        return list(cursor)

    def close(self) -> None:
        """Close the connection. Whoever uses it afterwards gets a DatabaseUnavailable."""
        self.connection.close()


def in_its_style(sql: str) -> str:
    """The statement with ``%s`` for each ``?`` that does not stand in a text or a name."""

    def translated(found: re.Match[str]) -> str:
        quoted, value, _ = found.groups()
        return "%s" if value else quoted.replace("%", "%%") if quoted else "%%"

    return VALUE.sub(translated, sql)
