"""The line of those who wait at a broker: nobody waits behind one who never moves."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest

from lessonkit import Shop, run
from lessonkit.patterns.brokers import Queue
from lessonkit.shop.process import here


@pytest.mark.parametrize("after", ["a send", "a return", "the same moment"])
def test_a_killed_process_that_waited_first_blocks_nobody(after: str) -> None:
    async def main() -> float:
        shop, queue = Shop(), Queue("q", visibility_timeout=30)
        loop, context = asyncio.get_running_loop(), copy_context()
        if after == "a return":
            queue.send("x")
            await queue.receive("gone")
        context.run(here.set, shop.network.processes["inventory"])
        killed = loop.create_task(queue.receive("killed", wait=None), context=context)
        await asyncio.sleep(1)
        other = asyncio.create_task(queue.receive("other", wait=None))
        await asyncio.sleep(1)
        if after == "the same moment":
            queue.send("x")  # the first one is called, and dies before it has moved
        shop.network.kill("inventory")
        if after == "a send":
            queue.send("x")
        (message,) = await asyncio.wait_for(other, 100)
        assert message.body == "x"
        assert not killed.done()
        killed.cancel()
        return loop.time()

    assert run(main()).result == (30 if after == "a return" else 2)


def test_a_killed_process_that_waited_keeps_no_newcomer_from_what_is_there() -> None:
    async def main() -> str:
        shop, queue = Shop(), Queue("q")
        context = copy_context()
        context.run(here.set, shop.network.processes["inventory"])
        loop = asyncio.get_running_loop()
        killed = loop.create_task(queue.receive("killed", wait=None), context=context)
        await asyncio.sleep(1)
        shop.network.kill("inventory")
        queue.send("x")
        await asyncio.sleep(1)
        (message,) = await queue.receive("newcomer", wait=0)
        killed.cancel()
        return message.body

    assert run(main()).result == "x"
