"""What people write instead, in notebook 03."""

from __future__ import annotations

from lessonkit.course.message_brokers import points_once
from tests.exercises.answers import Wrong, changed

NEEDS: dict[str, list[str]] = {"partition_key": [], "points_once": []}


def key_of(expression: str) -> str:
    return f"def key_of(event):\n    return {expression}\n"


ANSWER, STARTER = points_once.answer, points_once.starter

TABLE = '        db.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")\n'
TRANSACTION = "        with self.db.transaction() as tx:\n"
SELECT = (
    '            if tx.execute("SELECT 1 FROM handled WHERE id = ?", [message.id]).fetchone():\n'
    "                return\n"
)
MARK = '            tx.execute("INSERT INTO handled VALUES (?)", [message.id])\n'
LAST = "            tx.execute(add, [message.points, message.customer])\n"

WRONG = {
    "partition_key": [
        Wrong("the type, in small letters", key_of("event.type.lower()"), "one type are together"),
        Wrong("always the same", key_of('"parcels"'), "have nothing to do"),
        Wrong("the customer", key_of("event.customer_id"), "cannot be divided"),
        Wrong("the event", key_of("event.event_id"), "a key of its own"),
        Wrong("the parcel", key_of("event.parcel_id"), "has overtaken"),
        Wrong("none at all", key_of("None"), "take turns"),
        Wrong("the number as a number", key_of("int(event.parcel_id[2:6])"), "always a text"),
        Wrong("a few letters", key_of("event.parcel_id[:5]"), "more evenly"),
        Wrong(
            "the length of what has been seen",
            "seen = []\n\n\ndef key_of(event):\n    seen.append(event)\n"
            "    return str(len(seen) % 4)\n",
            "different keys",
        ),
    ],
    "points_once": [
        Wrong(
            "looks at nothing",
            changed(STARTER, (LAST, LAST + "            print(message)\n")),
            "Where could the consumer write it down",
        ),
        Wrong(
            "remembers the ids in memory",
            changed(
                STARTER,
                ("        self.db = db\n", "        self.db = db\n        self.seen = set()\n"),
                (
                    TRANSACTION,
                    "        if message.id in self.seen:\n            return\n" + TRANSACTION,
                ),
                (LAST, LAST + "        self.seen.add(message.id)\n"),
            ),
            "dies with the process",
        ),
        Wrong(
            "remembers the ids in the class",
            changed(
                STARTER,
                ("    def __init__", "    seen = set()\n\n    def __init__"),
                (
                    TRANSACTION,
                    "        if message.id in self.seen:\n            return\n" + TRANSACTION,
                ),
                (LAST, LAST + "        self.seen.add(message.id)\n"),
            ),
            "belongs to the whole program",
        ),
        Wrong(
            "remembers the last one only",
            changed(
                STARTER,
                ("        self.db = db\n", "        self.db = db\n        self.last = None\n"),
                (
                    TRANSACTION,
                    "        if message.id == self.last:\n            return\n"
                    "        self.last = message.id\n" + TRANSACTION,
                ),
            ),
            "remember the last one",
        ),
        Wrong(
            "marks first, in a transaction of its own",
            changed(ANSWER, (MARK, MARK + TRANSACTION)),
            "Points are lost",
        ),
        Wrong(
            "marks afterwards, in a second transaction",
            changed(ANSWER, (MARK, ""), (LAST, LAST + TRANSACTION + MARK)),
            "count twice",
        ),
        Wrong(
            "uses no transaction",
            changed(
                ANSWER,
                (TRANSACTION, "        tx = self.db\n        if True:\n"),
                (MARK, ""),
                (LAST, LAST + MARK),
            ),
            "count twice",
        ),
        Wrong(
            "goes by the content",
            changed(
                ANSWER,
                (
                    SELECT,
                    SELECT.replace("[message.id]", '[f"{message.customer} {message.points}"]'),
                ),
                (MARK, MARK.replace("[message.id]", '[f"{message.customer} {message.points}"]')),
            ),
            "look alike",
        ),
        Wrong(
            "sets instead of adding",
            changed(STARTER, ("points = points + ?", "points = ?")),
            "adds its points",
        ),
        Wrong(
            "does nothing",
            changed(STARTER, (LAST, "")),
            "Nobody has got any points",
        ),
        Wrong(
            "lets the database refuse the second time",
            changed(ANSWER, (SELECT, "")),
            "a poison message",
        ),
        Wrong(
            "makes the table anew",
            changed(ANSWER, (TABLE, TABLE.replace("IF NOT EXISTS ", ""))),
            "outlives the process",
        ),
    ],
}
