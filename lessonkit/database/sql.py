"""What somebody hands in as a piece of SQL: the name of a table, a question."""

from __future__ import annotations

import re
from typing import Final

# SQLite keeps names that begin with sqlite_ for itself.
NAME: Final = re.compile(r"(?!sqlite_)[a-z_]\w*", re.A | re.I)
QUESTION: Final = re.compile(
    r"\s*(SELECT|WITH(?!.*\b(INSERT|UPDATE|DELETE|REPLACE\s+INTO)\b))\b", re.I | re.S
)


def table_name(name: str, value: object, *taken: str) -> str:
    """Return ``value``, the name of a table, in small letters: in SQL, they are all the same.

    Raises
    ------
    ValueError
        If no table can have this name, or it is one of ``taken``.
    """
    if not isinstance(value, str) or not NAME.fullmatch(value) or value.lower() in taken:
        raise ValueError(
            f"{name} must be the name of a table (ASCII letters, digits, _), but none of"
            f" {', '.join(taken)}; got {value!r}"
        )
    return value.lower()


def only_reads(sql: str) -> str:
    """Return ``sql`` if it is one question, that is, changes nothing.

    Raises
    ------
    ValueError
        If it would change something.
    """
    if not QUESTION.match(sql):
        raise ValueError(f"sql must only read, as SELECT does; got {sql!r}")
    return sql
