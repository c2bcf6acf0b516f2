"""LISTEN and NOTIFY instead of polling: a relay sleeps until there is something to publish.

PostgreSQL tells whoever listens, when the transaction that has added a message is committed. Nobody
is told what he missed while he was away, so the relay looks once when it begins; and because a
lease expires and a retry falls due without anybody's telling, it looks again now and then.

https://www.postgresql.org/docs/current/sql-notify.html
"""

from __future__ import annotations

from typing import Any, Final

from lessonkit.patterns.outbox import PollingPublisher
from lessonkit.real.extra import need
from lessonkit.real.postgres_errors import PlainWords

psycopg = need("psycopg")

TELL: Final = (
    """
    CREATE OR REPLACE FUNCTION tell_of_outbox() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$
    """,
    """
    CREATE OR REPLACE TRIGGER tell_of_outbox AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_outbox()
    """,
)


async def run_on_notice(relay: PollingPublisher, url: str, *, at_most: float = 5.0) -> None:
    """Publish for ever, as ``relay.run()`` does, but at once, and without asking all the time.

    Parameters
    ----------
    relay
        A relay whose outbox is in a :class:`~lessonkit.real.database.PostgresDatabase`.
    url
        Of that database. Listening needs a connection of its own.
    at_most
        For how many seconds to sleep when nobody tells anything.

    Raises
    ------
    DatabaseUnavailable
        If the database cannot be used. Nothing is lost: start the relay again.
    """
    database: Any = relay.outbox.database
    with database.making("outbox", "an outbox"):
        for statement in TELL:
            database.execute(statement)
    with PlainWords(database.name):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as ears:
            await ears.execute("LISTEN outbox")  # before we look: in between nothing gets lost
            while True:
                while await relay.run_once():
                    pass
                async for _ in ears.notifies(timeout=at_most, stop_after=1):
                    pass
