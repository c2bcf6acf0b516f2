"""PostgreSQL's errors in plain words: why the database cannot be used, and what to do."""

from __future__ import annotations

from typing import Final

from lessonkit.database.interface import DatabaseLocked, DatabaseUnavailable
from lessonkit.real.extra import need

psycopg = need("psycopg")

GONE: Final = "the server does not answer, or has gone; start it again, and connect again"
# Keys are SQLSTATEs, or the beginnings of some: https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCKED: Final = {
    "55P03": "somebody else has kept it locked for longer than the timeout; try again, or wait"
    " longer",
    "40P01": "two transactions have waited for each other, and this one was ended; try again",
    "40001": "another transaction has changed the same rows; try again",
}
REASONS: Final = {
    "53100": "the disk is full; make room",
    "53200": "the server has no memory left; close something",
    "53300": "too many are connected; close some connections",
    "25006": "it is read-only; connect to the server that may write",
    "42501": "this user may not do that; connect as one who may",
    "57P": GONE,
    "08": GONE,
    "XX": "it is damaged; take a copy from before",
}


class PlainWords:
    """Inside the ``with`` block, errors that mean that the database cannot be used say so.

    Other errors are those of the statement. Where the statement is ours, they mean ``otherwise``.
    """

    def __init__(self, name: str, otherwise: str = "") -> None:
        self.name, self.otherwise = name, otherwise

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, psycopg.Error):
            self.explain(error)

    def explain(self, error: Exception) -> None:
        """Raise in plain words why the database cannot be used, if that is what ``error`` means."""
        state = getattr(error, "sqlstate", None) or ""
        if state in LOCKED:
            raise DatabaseLocked(self._cannot_be_used(LOCKED[state])) from error
        reason = next((why for code, why in REASONS.items() if state.startswith(code)), "")
        if not reason and not state and "connection is closed" in str(error):
            reason = "it is closed; open it again"
        elif not reason and not state and isinstance(error, psycopg.OperationalError):
            reason = f"{GONE} ({str(error).strip().splitlines()[-1]})"
        # A value that no text of PostgreSQL can hold is the caller's mistake.
        elif not reason and self.otherwise and not isinstance(error, psycopg.DataError):
            reason = f"{self.otherwise} ({str(error).splitlines()[0]})"
        if reason:
            raise DatabaseUnavailable(self._cannot_be_used(reason)) from error

    def _cannot_be_used(self, reason: str) -> str:
        return f"the database {self.name!r} cannot be used: {reason}"
