"""What people write instead, in notebook 05."""

from __future__ import annotations

from lessonkit.course.eventual_consistency import cancel_in_one, polite_polling, relay_safe
from tests.exercises.answers import Wrong, changed

NEEDS = {
    "polite_polling": ["setup"],
    "cancel_in_one": ["setup"],
    "relay_safe": ["setup"],
}

POLITE = polite_polling.answer
DICE = "        wait = rng.uniform(0, delay)\n"
LOOK = (
    "        if clock() - start + wait > 60:  # nobody would ask after this wait\n"
    '            raise TimeoutError("the order was not confirmed within a minute")\n'
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
            changed(POLITE, ("get_running_loop().time\n", "time.monotonic\n")),
            "a real clock",
        ),
        Wrong(
            "has a cap, but no jitter",
            changed(POLITE, (DICE, "        wait = delay\n")),
            "the jitter",
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
            "from nowhere else",
        ),
        Wrong(
            "gives everybody the same dice",
            "import random\n"
            + changed(
                POLITE,
                ("    delay = 1.0\n", "    delay = 1.0\n    rng = random.Random(42)\n"),
            ),
            "dice of its own",
        ),
        Wrong(
            "returns PENDING in the end",
            changed(
                POLITE,
                (
                    'raise TimeoutError("the order was not confirmed within a minute")',
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
            "does not limit the time",
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
    ],
    "cancel_in_one": [
        Wrong(
            "two transactions, though only once",
            CANCEL + STATUS + WITH + UPDATE + WITH + INSERT,
            "transaction of its own",
        ),
        Wrong(
            "two transactions the other way around",
            CANCEL + STATUS + WITH + INSERT + WITH + UPDATE,
            "turns the mistake around",
        ),
        Wrong(
            "does not look whether it was cancelled before",
            CANCEL + WITH + UPDATE + INSERT,
            "second event",
        ),
        Wrong(
            "an event for an order that does not exist",
            CANCEL + STATUS + WITH + UPDATE + INSERT,
            "does not exist",
        ),
        Wrong(
            "catches the error inside the transaction",
            CANCEL
            + STATUS
            + WITH
            + UPDATE
            + "        try:\n"
            + "".join(f"    {line}\n" for line in INSERT.splitlines())
            + "        except sqlite3.Error:\n            pass\n",
            "caught inside",
        ),
        Wrong(
            "catches the error outside, and says nothing",
            changed(
                CANCEL
                + "    try:\n"
                + "".join(f"    {line}\n" for line in (WITH + UPDATE + INSERT).splitlines())
                + "    except sqlite3.Error:\n        pass\n",
                (CANCEL, CANCEL + STATUS),
            ),
            "told nothing",
        ),
        Wrong(
            "forgets to commit",
            CANCEL + (STATUS + UPDATE + INSERT).replace("        disk", "    disk"),
            "nothing was committed",
        ),
        Wrong(
            "commits by hand and does not roll back",
            CANCEL
            + STATUS
            + (UPDATE + INSERT).replace("        disk", "    disk")
            + "    disk.commit()\n",
            "still open",
        ),
        Wrong(
            "cancels everything",
            changed(IN_ONE, ("WHERE id = ? AND status", "WHERE 'x' <> ? AND status")),
            "`WHERE`",
        ),
        Wrong("does nothing", CANCEL + "    pass\n", "On a normal day"),
    ],
    "relay_safe": [
        Wrong(
            "marks each one first",
            changed(SAFE, (MARK, ""), (PUBLISH, MARK + PUBLISH)),
            "nobody will look at it again",
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
        Wrong("reads in any order", changed(SAFE, (" ORDER BY id", "")), "newest first"),
        Wrong("does not commit", changed(SAFE, ("with disk:", "if True:")), "not committed"),
        Wrong("does not mark", changed(SAFE, (MARK, "")), "needs a mark"),
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
    ],
}
