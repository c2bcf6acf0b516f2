"""What people write instead, in notebook 05."""

from __future__ import annotations

from lessonkit.course.eventual_consistency import cancel_in_one, polite_polling, relay_safe
from tests.exercises.answers import Right, Wrong, changed

NEEDS = {
    "polite_polling": ["setup"],
    "cancel_in_one": ["setup"],
    "relay_safe": ["setup"],
}

POLITE = polite_polling.answer
DICE = "        wait = rng.uniform(0, delay)\n"
LOOK = (
    "        if clock() - start + wait > 60:  # nobody would ask after this wait\n"
    '            raise TimeoutError("the order is still pending after a minute")\n'
)

IN_ONE = cancel_in_one.answer
UPDATE = (
    "        disk.execute(\"UPDATE orders SET status = 'CANCELLED' WHERE id = ?\", (order_id,))\n"
)
INSERT = (
    "        disk.execute(\n"
    "            \"INSERT INTO outbox (event_type, order_id) VALUES ('OrderCancelled', ?)\","
    " (order_id,)\n"
    "        )\n"
)
STATUS = (
    '    row = disk.execute("SELECT status FROM orders WHERE id = ?", (order_id,)).fetchone()\n'
    '    if row == ("CANCELLED",):\n'
    "        return\n"
)
CANCEL = "def cancel_order(disk, order_id):\n"
WITH = "    with disk:\n"
SQLITE = "import sqlite3\n\n"

SAFE = relay_safe.answer
GIVE_WAY = "            return  # the next call begins with this event, and nothing overtakes it\n"
MARK = (
    "        with disk:\n"
    '            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))\n'
)
MARK_ALL = (
    "    with disk:\n        for id_, _ in rows:\n"
    '            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))\n'
)
PUBLISH = (
    "        try:\n            await publish(body)\n        except (ServiceRefused, NoReply):\n"
)

WRONG = {
    "polite_polling": [
        Wrong(
            "has jitter and a deadline, but no cap",
            changed(POLITE, ("min(2 * delay, 10.0)", "2 * delay")),
            "needs a cap",
        ),
        Wrong(
            "has a cap, but no deadline",
            changed(POLITE, (LOOK, "")),
            "waits for ever",
        ),
        Wrong(
            "looks at the real clock",
            "import time\n" + changed(POLITE, ("get_running_loop().time\n", "time.monotonic\n")),
            "a real clock",
        ),
        Wrong(
            "has a cap, but no jitter",
            changed(POLITE, (DICE, "        wait = delay\n")),
            "Let `rng` decide",
        ),
        Wrong(
            "has jitter of ten per cent",
            changed(POLITE, (DICE, "        wait = delay * rng.uniform(0.9, 1.0)\n")),
            "by too little",
        ),
        Wrong(
            "asks every 50 ms",
            changed(POLITE, (DICE, "        wait = 0.05\n")),
            "hammering",
        ),
        Wrong(
            "takes the module's dice",
            "import random\n"
            + changed(POLITE, (DICE, "        wait = random.uniform(0, delay)\n")),
            "Take all chance from there",
        ),
        Wrong(
            "gives everybody the same dice",
            "import random\n"
            + changed(
                POLITE,
                ("    delay = 1.0\n", "    delay = 1.0\n    rng = random.Random(42)\n"),
            ),
            "Let `rng` decide",
        ),
        Wrong(
            "returns PENDING in the end",
            changed(
                POLITE,
                (
                    'raise TimeoutError("the order is still pending after a minute")',
                    "return status",
                ),
            ),
            "is no status",
        ),
        Wrong(
            "is interrupted in its last wait",
            "import asyncio\n"
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    delay = 1.0\n"
            "    async with asyncio.timeout(60):\n"
            "        while (status := await client.get_status(order_id)) == 'PENDING':\n"
            "            await sleep(rng.uniform(0, delay))\n"
            "            delay = min(2 * delay, 10.0)\n"
            "    return status\n",
            "for nothing",
        ),
        Wrong(
            "limits the attempts, not the time",
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    for i in range(10):\n"
            "        status = await client.get_status(order_id)\n"
            "        if status != 'PENDING':\n"
            "            return status\n"
            "        await sleep(min(2**i, 10.0))\n"
            "    raise TimeoutError\n",
            "is none of time",
        ),
        Wrong(
            "gives up after eight questions",
            changed(
                POLITE,
                ("while True:", "for _ in range(8):"),
                ("2 * delay, 10.0)\n", "2 * delay, 10.0)\n    raise TimeoutError\n"),
            ),
            "too early",
        ),
        Wrong(
            "counts the minute from the beginning of the run",
            changed(POLITE, ("clock() - start + wait > 60", "clock() + wait > 60")),
            "at which this wait begins",
        ),
        Wrong(
            "counts the minute from the first wait of all",
            "START = []\n"
            + changed(
                POLITE,
                ("    start = clock()\n", "    START.append(clock())\n"),
                ("clock() - start + wait", "clock() - START[0] + wait"),
            ),
            "at which this wait begins",
        ),
        Wrong(
            "asks for an order that it knows from somewhere",
            changed(POLITE, ("client.get_status(order_id)", "client.get_status('O-001')")),
            "in `order_id`",
        ),
        Wrong(
            "knows of one end only",
            changed(POLITE, ('if status != "PENDING":', 'if status == "CONFIRMED":')),
            "whatever it is",
        ),
        Wrong(
            "returns only whether it is over",
            changed(POLITE, ("            return status\n", "            return True\n")),
            "whatever it is",
        ),
        Wrong(
            "takes a rest before it says so",
            changed(
                POLITE,
                (
                    "            return status\n",
                    "            await sleep(20)\n            return status\n",
                ),
            ),
            "As soon as",
        ),
        Wrong(
            "makes dice of the order's id",
            "import random\n"
            + changed(
                POLITE,
                ("    delay = 1.0\n", "    delay = 1.0\n    rng = random.Random(order_id)\n"),
            ),
            "Let `rng` decide",
        ),
        Wrong(
            "reads when it will be over",
            changed(POLITE, ("        wait = rng", "        client.decided\n        wait = rng")),
            "what a service knows belongs to the service",
        ),
        Wrong(
            "asks once only",
            changed(
                POLITE,
                (
                    "        status = await",
                    "        if clock() == start:\n            status = await",
                ),
            ),
            "nobody asked after that",
        ),
    ],
    "cancel_in_one": [
        Wrong(
            "looks at all changes of the connection",
            changed(cancel_in_one.answer, ("changed.rowcount:", "disk.total_changes:")),
            "There was nothing to cancel",
        ),
        Wrong(
            "two transactions, though only once",
            CANCEL + STATUS + WITH + UPDATE + WITH + INSERT,
            "there is always a gap",
        ),
        Wrong(
            "two transactions the other way around",
            CANCEL + STATUS + WITH + INSERT + WITH + UPDATE,
            "there is always a gap",
        ),
        Wrong(
            "does not look whether it was cancelled before",
            CANCEL + WITH + UPDATE + INSERT,
            "got a second event",
        ),
        Wrong(
            "an event for an order that does not exist",
            CANCEL + STATUS + WITH + UPDATE + INSERT,
            "how many rows did it change",
        ),
        Wrong(
            "catches the error inside the transaction",
            SQLITE
            + CANCEL
            + STATUS
            + WITH
            + UPDATE
            + "        try:\n"
            + "".join(f"    {line}\n" for line in INSERT.splitlines())
            + "        except sqlite3.Error:\n            pass\n",
            "which then rolls back",
        ),
        Wrong(
            "catches the error outside, and says nothing",
            SQLITE
            + changed(
                CANCEL
                + "    try:\n"
                + "".join(f"    {line}\n" for line in (WITH + UPDATE + INSERT).splitlines())
                + "    except sqlite3.Error:\n        pass\n",
                (CANCEL, CANCEL + STATUS),
            ),
            "the caller was told nothing",
        ),
        Wrong(
            "forgets to commit",
            CANCEL + (STATUS + UPDATE + INSERT).replace("        disk", "    disk"),
            "Never committed",
        ),
        Wrong(
            "commits by hand and does not roll back",
            CANCEL
            + STATUS
            + (UPDATE + INSERT).replace("        disk", "    disk")
            + "    disk.commit()\n",
            "left a transaction open",
        ),
        Wrong(
            "cancels everything",
            changed(IN_ONE, ("WHERE id = ? AND status", "WHERE 'x' <> ? AND status")),
            "`WHERE`",
        ),
        Wrong("does nothing", CANCEL + "    pass\n", "is to become CANCELLED"),
        Wrong(
            "cancels the order that it knows",
            IN_ONE.replace("(order_id,)", "('O-1',)"),
            "is to become CANCELLED",
        ),
        Wrong(
            "writes down that it failed, as an event",
            SQLITE
            + CANCEL
            + "    try:\n"
            + "".join(f"    {line}\n" for line in IN_ONE.splitlines()[1:])
            + "    except sqlite3.Error:\n"
            + "        with disk:\n"
            + "            disk.execute(\"INSERT INTO outbox VALUES (NULL, 'NotCancelled', ?)\","
            + " (order_id,))\n"
            + "        raise\n",
            "Nothing else changes",
        ),
        Wrong(
            "cancels confirmed orders only",
            changed(IN_ONE, ("status <> 'CANCELLED'", "status = 'CONFIRMED'")),
            "whatever it was before",
        ),
        Wrong(
            "looks first, outside of the transaction",
            CANCEL
            + STATUS.replace('row == ("CANCELLED",)', "row is None or row[0] == 'CANCELLED'")
            + WITH
            + UPDATE
            + INSERT,
            "Can the UPDATE itself look",
        ),
        Wrong(
            "looks first, in the transaction, which begins only when something is written",
            CANCEL
            + WITH
            + "".join(
                f"    {line}\n"
                for line in STATUS.replace(
                    'row == ("CANCELLED",)', "row is None or row[0] == 'CANCELLED'"
                ).splitlines()
            )
            + UPDATE
            + INSERT,
            "Can the UPDATE itself look",
        ),
        Wrong(
            "remembers whom it was called for",
            "CALLED = set()\n"
            + changed(
                IN_ONE,
                (
                    CANCEL,
                    f"{CANCEL}    if order_id in CALLED:\n        return\n   "
                    f" CALLED.add(order_id)\n",
                ),
            ),
            "no proof",
        ),
        Wrong(
            "remembers in a temporary table",
            CANCEL
            + "    disk.execute('CREATE TEMP TABLE IF NOT EXISTS done (id TEXT)')\n"
            + WITH
            + "        if disk.execute('SELECT 1 FROM done WHERE id = ?',"
            + " (order_id,)).fetchone():\n"
            + "            return\n"
            + "        disk.execute('INSERT INTO done VALUES (?)', (order_id,))\n"
            + UPDATE
            + INSERT,
            "Cancelled already",
        ),
        Wrong(
            "goes by the events that are still in the outbox",
            CANCEL
            + WITH
            + UPDATE
            + "        disk.execute(\n"
            + "            \"INSERT INTO outbox (event_type, order_id) SELECT 'OrderCancelled',"
            + ' id"\n'
            + '            " FROM orders WHERE id = ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE"\n'
            + "            \" event_type = 'OrderCancelled' AND order_id = orders.id)\","
            + " (order_id,)\n"
            + "        )\n",
            "There was nothing to cancel",
        ),
        Wrong(
            "takes any event for this one",
            CANCEL
            + "    found = disk.execute('SELECT 1 FROM outbox WHERE order_id = ?', (order_id,))\n"
            + "    if found.fetchone():\n"
            + "        return\n"
            + WITH
            + UPDATE
            + INSERT,
            "is to become CANCELLED",
        ),
        Wrong(
            "has each statement commit itself",
            changed(IN_ONE, (CANCEL, f"{CANCEL}    disk.isolation_level = None\n")),
            "there is always a gap",
        ),
    ],
    "relay_safe": [
        Wrong(
            "one of each body",
            """\
async def relay_batch(disk, publish):
    rows = disk.execute(
        "SELECT MIN(id), body FROM outbox WHERE NOT published GROUP BY body ORDER BY 1 LIMIT 10"
    ).fetchall()
    for id_, body in rows:
        try:
            await publish(body)
        except (ServiceRefused, NoReply):
            return
        with disk:
            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))
""",
            "Only the `id`",
        ),
        Wrong(
            "marks each one first",
            changed(SAFE, (MARK, ""), (PUBLISH, MARK + PUBLISH)),
            "never went out",
        ),
        Wrong(
            "marks the batch in the end",
            changed(
                relay_safe.starter,
                (MARK_ALL, ""),
                (
                    "        with suppress(ServiceRefused, NoReply):\n            await",
                    "        await",
                ),
            )
            + MARK_ALL,
            "before the next goes out",
        ),
        Wrong(
            "skips the one that failed",
            changed(SAFE, (GIVE_WAY, "            continue\n")),
            "overtaken",
        ),
        Wrong(
            "swallows the error and marks",
            changed(SAFE, (GIVE_WAY, "            pass\n")),
            "marked all the same",
        ),
        Wrong("reads in any order", changed(SAFE, (" ORDER BY id", "")), "Without `ORDER BY`"),
        Wrong("does not commit", changed(SAFE, ("with disk:", "if True:")), "not on the disk"),
        Wrong("does not mark", changed(SAFE, (MARK, "")), "A mark says what is done"),
        Wrong(
            "goes on until nothing is left",
            "async def relay_batch(disk, publish):\n"
            '    to_do = "SELECT id, body FROM outbox WHERE NOT published ORDER BY id"\n'
            "    while row := disk.execute(to_do).fetchone():\n"
            "        await publish(row[1])\n"
            "        with disk:\n"
            '            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", row[:1])\n',
            "the first ten",
        ),
        Wrong(
            "publishes all at once",
            changed(
                SAFE,
                (
                    PUBLISH + GIVE_WAY,
                    "        pass\n"
                    "    await gather(*[publish(b) for _, b in rows])\n"
                    "    for id_, body in rows:\n",
                ),
            ),
            "before the next goes out",
        ),
        Wrong(
            "publishes nothing",
            "async def relay_batch(disk, publish):\n"
            "    with disk:\n"
            '        disk.execute("UPDATE outbox SET published = 1")\n',
            "Nothing is published",
        ),
        Wrong(
            "marks by the body",
            changed(SAFE, ("WHERE id = ?", "WHERE body = ?"), ("(id_,)", "(body,)")),
            "Only the `id` is their own",
        ),
        Wrong(
            "takes no reply for a yes",
            changed(
                SAFE,
                (
                    "except (ServiceRefused, NoReply):\n",
                    "except NoReply:\n            pass\n        except ServiceRefused:\n",
                ),
            ),
            "marked all the same",
        ),
        Wrong(
            "gives an event up after three attempts",
            "from collections import Counter\n\nTRIED = Counter()\n"
            + changed(
                SAFE,
                (
                    GIVE_WAY,
                    "            TRIED[id_] += 1\n"
                    "            if TRIED[id_] < 3:\n                return\n",
                ),
            ),
            "marked all the same",
        ),
        Wrong(
            "never touches again what has failed",
            "FAILED = []\n"
            + changed(
                SAFE,
                (PUBLISH, "        if id_ in FAILED:\n            return\n" + PUBLISH),
                (GIVE_WAY, "            FAILED.append(id_)\n            return\n"),
            ),
            "It is not so",
        ),
        Wrong(
            "remembers what is out, and marks the batch in the end",
            "OUT = set()\n"
            "async def relay_batch(disk, publish):\n"
            "    rows = disk.execute(\n"
            '        "SELECT id, body FROM outbox WHERE NOT published ORDER BY id LIMIT 10"\n'
            "    ).fetchall()\n"
            "    for id_, body in rows:\n"
            "        if id_ not in OUT:\n"
            "            await publish(body)\n"
            "            OUT.add(id_)\n" + MARK_ALL,
            "before the next goes out",
        ),
        Wrong(
            "marks in a temporary table",
            "async def relay_batch(disk, publish):\n"
            '    disk.execute("CREATE TEMP TABLE IF NOT EXISTS out (id INTEGER)")\n'
            "    rows = disk.execute(\n"
            '        "SELECT id, body FROM outbox WHERE NOT published AND id NOT IN"\n'
            '        " (SELECT id FROM out) ORDER BY id LIMIT 10"\n'
            "    ).fetchall()\n"
            "    for id_, body in rows:\n"
            "        await publish(body)\n"
            "        with disk:\n"
            '            disk.execute("INSERT INTO out VALUES (?)", (id_,))\n',
            "not on the disk",
        ),
        Wrong("goes by the body", changed(SAFE, ("ORDER BY id", "ORDER BY body")), "order of `id`"),
        Wrong("takes one at a time", changed(SAFE, ("LIMIT 10", "LIMIT 1")), "the first ten"),
        Wrong(
            "marks all that there are",
            changed(SAFE, ('SET published = 1 WHERE id = ?", (id_,)', 'SET published = 1"')),
            "Which rows does your `UPDATE` concern?",
        ),
    ],
}

RIGHT = {
    "polite_polling": [
        Right(
            "sets a deadline, and rolls half of the delay",
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    loop = get_running_loop()\n"
            "    deadline, longest = loop.time() + 60, 1\n"
            "    while (found := await client.get_status(order_id)) == 'PENDING':\n"
            "        pause = longest / 2 + rng.random() * longest / 2\n"
            "        if loop.time() + pause > deadline:\n"
            "            raise TimeoutError\n"
            "        await sleep(pause)\n"
            "        longest = min(longest * 2, 10)\n"
            "    return found\n",
        ),
        Right(
            "has a generator of delays",
            "from itertools import count\n"
            "\n"
            "def delays(rng):\n"
            "    for number in count():\n"
            "        yield rng.uniform(0, min(2**number, 10))\n"
            "\n"
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    now = get_running_loop().time\n"
            "    began = now()\n"
            "    for delay in delays(rng):\n"
            "        status = await client.get_status(order_id)\n"
            "        if status in ('CONFIRMED', 'CANCELLED'):\n"
            "            return status\n"
            "        if now() + delay - began > 60:\n"
            "            break\n"
            "        await sleep(delay)\n"
            "    raise TimeoutError(order_id)\n",
        ),
        Right(
            "calls itself",
            "async def wait_for_confirmation(client, order_id, rng, delay=1.0, left=60.0):\n"
            "    began = get_running_loop().time()\n"
            "    status = await client.get_status(order_id)\n"
            "    if status != 'PENDING':\n"
            "        return status\n"
            "    wait = rng.uniform(0, delay)\n"
            "    left -= get_running_loop().time() - began + wait\n"
            "    if left < 0:\n"
            "        raise TimeoutError\n"
            "    await sleep(wait)\n"
            "    return await wait_for_confirmation(client, order_id, rng, min(10, 2 * delay),"
            " left)\n",
        ),
        Right(
            "has a class for the clock",
            "from dataclasses import dataclass\n"
            "\n"
            "@dataclass\n"
            "class Deadline:\n"
            "    end: float\n"
            "    def allows(self, pause):\n"
            "        return get_running_loop().time() + pause <= self.end\n"
            "\n"
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    deadline = Deadline(get_running_loop().time() + 60)\n"
            "    pause = rng.uniform(0, 1)\n"
            "    status = await client.get_status(order_id)\n"
            "    cap = 1\n"
            "    while status == 'PENDING' and deadline.allows(pause):\n"
            "        await sleep(pause)\n"
            "        cap = min(10, cap * 2)\n"
            "        pause = rng.uniform(0, cap)\n"
            "        status = await client.get_status(order_id)\n"
            "    if status == 'PENDING':\n"
            "        raise TimeoutError\n"
            "    return status\n",
        ),
        Right(
            "always waits between 0 and 8 seconds",
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    start = get_running_loop().time()\n"
            "    while True:\n"
            "        status = await client.get_status(order_id)\n"
            "        if status != 'PENDING':\n"
            "            return status\n"
            "        wait = rng.triangular(0, 8, 3)\n"
            "        if get_running_loop().time() - start + wait > 60:\n"
            "            raise TimeoutError\n"
            "        await sleep(wait)\n",
        ),
        Right(
            "takes the course's own",
            "async def wait_for_confirmation(client, order_id, rng):\n"
            "    return await poll_until(\n"
            "        lambda: client.get_status(order_id), lambda status: status != 'PENDING',\n"
            "        attempts=100, backoff=Backoff(base=1, cap=10), deadline=60, rng=rng,\n"
            "    )\n",
        ),
    ],
    "cancel_in_one": [
        Right(
            "writes the event first, with one SELECT",
            CANCEL
            + "    still = \"id = ? AND status <> 'CANCELLED'\"\n"
            + "    with disk:\n"
            + "        disk.execute(\n"
            + "            \"INSERT INTO outbox (event_type, order_id) SELECT 'OrderCancelled',"
            + ' id FROM"\n'
            + '            f" orders WHERE {still}", [order_id])\n'
            + "        disk.execute(f\"UPDATE orders SET status = 'CANCELLED' WHERE {still}\","
            + " [order_id])\n",
        ),
        Right(
            "begins and ends the transaction itself",
            CANCEL
            + "    disk.isolation_level = None\n"
            + "    disk.execute('BEGIN IMMEDIATE')\n"
            + "    try:\n"
            + "        found = disk.execute('SELECT status FROM orders WHERE id = ?',"
            + " (order_id,)).fetchone()\n"
            + "        if found and found[0] != 'CANCELLED':\n"
            + "    "
            + UPDATE.strip(" ").join(["        ", ""])
            + "".join(f"    {line}\n" for line in INSERT.splitlines())
            + "        disk.execute('COMMIT')\n"
            + "    except BaseException:\n"
            + "        disk.execute('ROLLBACK')\n"
            + "        raise\n",
        ),
        Right(
            "has the ids returned",
            CANCEL
            + WITH
            + "        rows = disk.execute(\n"
            + "            \"UPDATE orders SET status = 'CANCELLED' WHERE id = :id\"\n"
            + "            \" AND status != 'CANCELLED' RETURNING 'OrderCancelled', id\", {'id':"
            + " order_id}\n"
            + "        ).fetchall()\n"
            + "        disk.executemany('INSERT INTO outbox (event_type, order_id) VALUES (?,"
            + " ?)', rows)\n",
        ),
        Right(
            "commits and rolls back by hand, and says if there was nothing to do",
            "from contextlib import closing\n"
            "\n"
            "CANCELLED = 'CANCELLED'\n"
            "def mark(cursor, order_id):\n"
            "    cursor.execute(\n"
            "        'UPDATE orders SET status = ? WHERE id = ? AND NOT status = ?',\n"
            "        (CANCELLED, order_id, CANCELLED),\n"
            "    )\n"
            "    if cursor.rowcount != 1:\n"
            "        raise LookupError(order_id)\n"
            + CANCEL
            + "    with closing(disk.cursor()) as cursor:\n"
            + "        try:\n"
            + "            mark(cursor, order_id)\n"
            + "            event = ('OrderCancelled', order_id)\n"
            + "            cursor.execute('INSERT INTO outbox VALUES (NULL, ?, ?)', event)\n"
            + "            disk.commit()\n"
            + "        except Exception:\n"
            + "            disk.rollback()\n"
            + "            raise\n",
        ),
        Right(
            "tries three times, and returns whether it has changed anything",
            SQLITE
            + "ADD = \"INSERT INTO outbox (event_type, order_id) VALUES ('OrderCancelled', ?)\"\n"
            "def cancel_order(disk, order_id, tries=3):\n"
            "    try:\n"
            "        with disk:\n"
            "            disk.execute(\"UPDATE orders SET status = 'CANCELLED' WHERE id = ?\"\n"
            "                         \" AND status IN ('PENDING', 'CONFIRMED')\", (order_id,))\n"
            "            (changed,) = disk.execute('SELECT changes()').fetchone()\n"
            "            for _ in range(changed):\n"
            "                disk.execute(ADD, (order_id,))\n"
            "        return bool(changed)\n"
            "    except sqlite3.OperationalError:\n"
            "        if tries == 1:\n"
            "            raise\n"
            "        return cancel_order(disk, order_id, tries - 1)\n",
        ),
        Right(
            "has a trigger write the event",
            CANCEL
            + WITH
            + "        disk.execute(\n"
            + '            "CREATE TEMP TRIGGER IF NOT EXISTS said AFTER UPDATE ON main.orders'
            + ' BEGIN INSERT"\n'
            + "            \" INTO outbox (event_type, order_id) VALUES ('OrderCancelled',"
            + ' new.id); END"\n'
            + "        )\n"
            + "        disk.execute(\"UPDATE orders SET status = 'CANCELLED' WHERE id = ? AND"
            + ' status <>"\n'
            + "                     \" 'CANCELLED'\", (order_id,))\n",
        ),
    ],
    "relay_safe": [
        Right(
            "fetches one by one, up to ten",
            "async def relay_batch(disk, publish):\n"
            "    for _ in range(10):\n"
            "        row = disk.execute(\n"
            "            'SELECT * FROM outbox WHERE published = 0 ORDER BY id ASC LIMIT"
            " 1').fetchone()\n"
            "        if row is None:\n"
            "            break\n"
            "        await publish(row[1])\n"
            "        disk.execute('UPDATE outbox SET published = TRUE WHERE id = ?', row[:1])\n"
            "        disk.commit()\n",
        ),
        Right(
            "deletes what is out",
            changed(
                SAFE,
                ("UPDATE outbox SET published = 1 WHERE id = ?", "DELETE FROM outbox WHERE id = ?"),
            ),
        ),
        Right(
            "tries each three times in a call",
            "async def attempt(publish, body):\n"
            "    for pause in (0.1, 0.2, None):\n"
            "        try:\n"
            "            await publish(body)\n"
            "            return True\n"
            "        except (ServiceRefused, NoReply):\n"
            "            if pause:\n"
            "                await sleep(pause)\n"
            "    return False\n"
            "\n"
            "async def relay_batch(disk, publish):\n"
            "    select = 'SELECT id, body FROM outbox WHERE published IS NOT 1 ORDER BY 1 LIMIT"
            " 10'\n"
            "    for number, text in list(disk.execute(select)):\n"
            "        if not await attempt(publish, text):\n"
            "            return\n"
            "        with disk:\n"
            "            disk.execute('UPDATE outbox SET published = 1 WHERE id = ?', [number])\n",
        ),
        Right(
            "suppresses and looks",
            "from contextlib import closing\n"
            "from dataclasses import dataclass\n"
            "\n"
            "@dataclass\n"
            "class Row:\n"
            "    id: int\n"
            "    body: str\n"
            "\n"
            "async def relay_batch(disk, publish):\n"
            "    found = disk.execute('SELECT id, body FROM outbox WHERE NOT published ORDER BY"
            " id')\n"
            "    for row in [Row(*columns) for columns in found.fetchmany(10)]:\n"
            "        is_out = False\n"
            "        with suppress(ServiceRefused, NoReply):\n"
            "            await publish(row.body)\n"
            "            is_out = True\n"
            "        if not is_out:\n"
            "            break\n"
            "        with closing(disk.cursor()) as cursor:\n"
            "            cursor.execute('UPDATE outbox SET published = 1 WHERE id = ?',"
            " (row.id,))\n"
            "            disk.commit()\n",
        ),
        Right(
            "awaits a task, and goes on in an else",
            "from asyncio import create_task\n"
            "\n"
            "async def relay_batch(disk, publish):\n"
            "    cursor = disk.cursor()\n"
            "    cursor.execute('SELECT id, body FROM outbox WHERE NOT published ORDER BY id"
            " LIMIT 10')\n"
            "    waiting = cursor.fetchall()\n"
            "    while waiting:\n"
            "        id_, body = waiting.pop(0)\n"
            "        try:\n"
            "            await create_task(publish(body))\n"
            "        except ServiceRefused:\n"
            "            return\n"
            "        except NoReply:\n"
            "            return\n"
            "        else:\n"
            "            with disk:\n"
            "                disk.execute('UPDATE outbox SET published = 1 WHERE id = ?',"
            " (id_,))\n",
        ),
    ],
}
