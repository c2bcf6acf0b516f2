"""SQLite's errors in plain words: why the database cannot be used, and what to do."""

from __future__ import annotations

import sqlite3
from typing import Final

from lessonkit.database.interface import (
    DatabaseLocked,
    DatabaseUnavailable,
    NotYourTransaction,
)

LOCKED: Final = (
    "somebody else has kept it locked for longer than the timeout; try again, or wait longer"
)
REASONS: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: "it is read-only; let this user write to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; its folder must exist, and be writable",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; choose another path, or move the file away",
    sqlite3.SQLITE_CORRUPT: "it is damaged; take a copy from before, or move the file away",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk does not work; use another one",
}
OTHER_REASONS: Final = {  # for these, SQLite has no number
    "Could not decode to UTF-8": REASONS[sqlite3.SQLITE_CORRUPT],
    "closed database": "it is closed; open it again",
    "same thread": "it was opened in another thread; open it in this one as well",
}


BROKEN: Final = (sqlite3.Error, MemoryError)
"""What a statement ends in if it fails. A damaged row may claim to be gigabytes long."""


class PlainWords:
    """Inside the ``with`` block, errors that mean that the database cannot be used say so.

    Other errors are those of the statement. Where the statement is ours, they mean ``otherwise``.
    ``who`` is at work there, if it is somebody else, whose lack of memory is his own.
    """

    def __init__(self, path: str, otherwise: str = "", who: str = "") -> None:
        self.path, self.otherwise, self.who = path, otherwise, who

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, sqlite3.Error if self.who else BROKEN):
            self.explain(error)

    def explain(self, error: Exception) -> None:
        """Raise in plain words why the database cannot be used, if that is what ``error`` means."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_AUTH:  # the authorizer of Database.guarding
            who = self.who or "whoever is called"
            raise NotYourTransaction(f"{who} must neither begin nor end a transaction")
        known = (why for words, why in OTHER_REASONS.items() if words in str(error))
        reason = REASONS.get(code) or next(known, "")
        if isinstance(error, MemoryError):
            reason = REASONS[sqlite3.SQLITE_CORRUPT]
        if not reason and self.otherwise:
            reason = f"{self.otherwise} ({error})"
        if reason:
            kind = DatabaseLocked if reason == LOCKED else DatabaseUnavailable
            raise kind(f"the database {self.path!r} cannot be used: {reason}") from error
