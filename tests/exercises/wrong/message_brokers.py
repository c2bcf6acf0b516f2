"""What people write instead, in notebook 03."""

from __future__ import annotations

from lessonkit.course.message_brokers import points_once
from tests.exercises.answers import Right, Wrong, changed

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
        Wrong("always the same", key_of('"parcels"'), "three rest"),
        Wrong("the customer", key_of("event.customer_id"), "cannot be divided"),
        Wrong("the event", key_of("event.event_id"), "a key of its own"),
        Wrong("the parcel", key_of("event.parcel_id"), "What do both parcels"),
        Wrong("none at all", key_of("None"), "take turns"),
        Wrong("the number as a number", key_of("int(event.parcel_id[2:6])"), "always a text"),
        Wrong("a few letters", key_of("event.parcel_id[:5]"), "more evenly"),
        Wrong(
            "the length of what has been seen",
            "seen = []\n\n\ndef key_of(event):\n    seen.append(event)\n"
            "    return str(len(seen) % 4)\n",
            "Only what has the same key",
        ),
        Wrong(
            "Python's hash",
            key_of('str(hash(event.parcel_id.split("/")[0]))'),
            "The warehouse was restarted",
        ),
        Wrong(
            "a number for each new order, from memory",
            "numbers = {}\n\n\ndef key_of(event):\n"
            '    order = event.parcel_id.split("/")[0]\n'
            "    return str(numbers.setdefault(order, len(numbers)))\n",
            "The warehouse was restarted",
        ),
        Wrong(
            "the big customer, and the order for all others",
            "def key_of(event):\n"
            '    big = event.customer_id == "C-1"\n'
            '    return event.customer_id if big else event.parcel_id.split("/")[0]\n',
            "The key C-1 has most",
        ),
        Wrong(
            "the order and what happened",
            key_of('event.parcel_id.split("/")[0] + event.type'),
            "a key of its own",
        ),
        Wrong(
            "the number of the parcel",
            key_of('event.parcel_id.split("/")[1]'),
            "Only what has the same key",
        ),
        Wrong(
            "a text for the first parcel only",
            "def key_of(event):\n"
            '    order, number = event.parcel_id.split("/")\n'
            '    if number == "1":\n'
            "        return order\n",
            "always a text",
        ),
        Wrong(
            "the order in bytes",
            key_of('event.parcel_id.split("/")[0].encode()'),
            "always a text",
        ),
        Wrong(
            "the last figure of the order",
            key_of('"even" if int(event.parcel_id[5]) % 2 == 0 else "odd"'),
            "the more evenly they spread",
        ),
    ],
    "points_once": [
        Wrong(
            "keeps the end of the id",
            points_once.answer.replace("[message.id]", "[message.id[-1]]"),
            "M-17 has brought nothing",
        ),
        Wrong(
            "looks at nothing",
            changed(STARTER, (LAST, LAST + "            print(message)\n")),
            "Where can it be kept",
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
            "What has survived the kill",
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
            "What has survived the kill",
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
            "must have brought its points",
        ),
        Wrong(
            "marks afterwards, in a second transaction",
            changed(ANSWER, (MARK, ""), (LAST, LAST + TRANSACTION + MARK)),
            "Why two commits",
        ),
        Wrong(
            "uses no transaction",
            changed(
                ANSWER,
                (TRANSACTION, "        tx = self.db\n        if True:\n"),
                (MARK, ""),
                (LAST, LAST + MARK),
            ),
            "Why two commits",
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
            "It looks like M-7",
        ),
        Wrong(
            "sets instead of adding",
            changed(STARTER, ("points = points + ?", "points = ?")),
            "adds its points",
        ),
        Wrong(
            "does nothing",
            changed(STARTER, (LAST, "")),
            "nobody had any points",
        ),
        Wrong(
            "lets the database refuse the second time",
            changed(ANSWER, (SELECT, "")),
            "a poison message",
        ),
        Wrong(
            "makes the table anew",
            changed(ANSWER, (TABLE, TABLE.replace("IF NOT EXISTS ", ""))),
            "tables are there already",
        ),
        Wrong(
            "keeps the ids in a temporary table",
            changed(ANSWER, (TABLE, TABLE.replace("TABLE IF", "TEMP TABLE IF"))),
            "What has survived the kill",
        ),
        Wrong(
            "empties the table of the ids when it starts",
            changed(ANSWER, (TABLE, TABLE + '        db.execute("DELETE FROM handled")\n')),
            "What has survived the kill",
        ),
        Wrong(
            "keeps Python's hash of the id",
            ANSWER.replace("[message.id]", "[hash(message.id)]"),
            "What has survived the kill",
        ),
        Wrong(
            "goes by the object, not by what is in it",
            ANSWER.replace("[message.id]", "[id(message)]"),
            "Where can it be kept",
        ),
        Wrong(
            "keeps the highest id only",
            changed(
                ANSWER,
                ("SELECT 1 FROM handled WHERE id = ?", "SELECT 1 FROM handled WHERE id >= ?"),
            ),
            "first row that differs",
        ),
        Wrong(
            "takes the customer for the message",
            ANSWER.replace("[message.id]", "[message.customer]"),
            "first row that differs",
        ),
        Wrong(
            "adds fifty for everybody",
            changed(STARTER, ("[message.points, message.customer]", "[50, message.customer]")),
            "first row that differs",
        ),
        Wrong(
            "stores nothing for good",
            changed(
                ANSWER,
                (
                    TRANSACTION,
                    "        tx = self.db\n        if not tx.connection.in_transaction:\n"
                    '            tx.execute("BEGIN")\n        if True:\n',
                ),
            ),
            "no commit",
        ),
        Wrong(
            "is never awaited",
            changed(ANSWER, ("def handle", "async def handle")),
            "without 'async'",
        ),
    ],
}

IN_FRONT = "class PointsConsumer:\n    def __init__(self, db):\n        self.db = db\n"

RIGHT = {
    "partition_key": [
        Right("partition", key_of('event.parcel_id.partition("/")[0]')),
        Right(
            "rsplit, and names",
            "def key_of(event):\n    order, _ = event.parcel_id.rsplit('/', 1)\n    return order\n",
        ),
        Right("without the last two letters", key_of("event.parcel_id[:-2]")),
        Right("the first six letters", key_of("event.parcel_id[:6]")),
        Right(
            "a regular expression",
            "import re\n\nORDER = re.compile(r'O-[0-9]+')\n\n\n"
            + key_of("ORDER.match(event.parcel_id).group()"),
        ),
        Right(
            "the customer and the order, by a helper",
            "def order_of(parcel):\n    return parcel[: parcel.index('/')]\n\n\n"
            + key_of("f'{event.customer_id} {order_of(event.parcel_id)}'"),
        ),
        Right(
            "remembered, but only so as to be quick",
            "known = {}\n\n\ndef key_of(event):\n"
            "    if event.parcel_id not in known:\n"
            "        known[event.parcel_id] = event.parcel_id.split('/')[0]\n"
            "    return known[event.parcel_id]\n",
        ),
    ],
    "points_once": [
        Right(
            "a row for each message",
            IN_FRONT + "        db.execute(\n"
            "            'CREATE TABLE IF NOT EXISTS points'\n"
            "            ' (message TEXT PRIMARY KEY, customer TEXT, points INTEGER)')\n"
            "    def handle(self, message):\n"
            "        row = [message.id, message.customer, message.points]\n"
            "        self.db.execute('INSERT OR IGNORE INTO points VALUES (?, ?, ?)', row)\n",
        ),
        Right(
            "an error of the database says that it was handled",
            "import sqlite3\n\n"
            + changed(ANSWER, (SELECT, "")).replace(
                "    def handle(self, message):\n",
                "    def handle(self, message):\n"
                "        try:\n            self.count(message)\n"
                "        except sqlite3.IntegrityError:\n            pass\n\n"
                "    def count(self, message):\n",
            ),
        ),
        Right(
            "the number of rows says whether it is new",
            "ADD = (\n"
            "    'INSERT INTO points VALUES (:customer, :points)'\n"
            "    ' ON CONFLICT (customer) DO UPDATE SET points = points + excluded.points'\n"
            ")\n"
            + IN_FRONT
            + "        for table in ('points (customer PRIMARY KEY, points)', 'seen (id"
            + " UNIQUE)'):\n"
            "            db.execute(f'CREATE TABLE IF NOT EXISTS {table}')\n"
            "    def handle(self, message):\n"
            "        with self.db.transaction() as tx:\n"
            "            new = tx.execute('INSERT OR IGNORE INTO seen VALUES (?)', (message.id,))\n"
            "            if new.rowcount == 1:\n"
            "                tx.execute(ADD, {'customer': message.customer, 'points':"
            " message.points})\n",
        ),
        Right(
            "begins and ends the transaction itself",
            changed(ANSWER, (TRANSACTION, "        tx = self.db\n        if True:\n")).replace(
                "    def handle(self, message):\n",
                "    def handle(self, message):\n"
                "        self.db.execute('BEGIN')\n"
                "        try:\n            self.count(message)\n"
                "            self.db.execute('COMMIT')\n"
                "        except BaseException:\n"
                "            self.db.execute('ROLLBACK')\n            raise\n\n"
                "    def count(self, message):\n",
            ),
        ),
        Right(
            "remembers, too, but asks the database if it does not know",
            changed(
                ANSWER,
                ("        self.db = db\n", "        self.db, self.seen = db, set()\n"),
                (
                    TRANSACTION,
                    "        if message.id in self.seen:\n            return\n" + TRANSACTION,
                ),
                (LAST, LAST + "        self.seen.add(message.id)\n"),
            ),
        ),
        Right(
            "marks last, in the same transaction",
            changed(ANSWER, (MARK, ""), (LAST, LAST + MARK)),
        ),
    ],
}
