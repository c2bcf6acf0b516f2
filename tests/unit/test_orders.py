"""The search for unlucky orders finds what brute force over all orders finds.

Brute force lets any event that can happen be the next one. The search holds back a message behind
those events only that touch what it touches. Both must find the same runs: equal ones, in which
every process saw the same events in the same order, counted once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lessonkit import Shop, explore, run
from lessonkit.explorer import case as case_module
from lessonkit.explorer.loop import ExploringLoop
from lessonkit.luck import touch
from lessonkit.runner import run_on
from lessonkit.shop.network import correlation

MOST_RUNS = 200
only_late = partial(explore, faults=False, late=9, twice=False, crashes=None, customers=False)

Program = list[list[list[tuple[str, float]]]]
"""For each customer its steps; a step is calls made at once: the service, and the patience."""


class LogShop(Shop):
    """Two services that only write down who came, and so depend on the order."""

    def __init__(self, program: Program, **given: Any) -> None:
        super().__init__(more={"ledger": 0.1, "diary": 0.0}, **given)
        self.program = program
        self.pages: dict[str, list[str]] = {"ledger": [], "diary": []}
        self.ends: list[str] = []

    async def buy(self, name: str, steps: list[list[tuple[str, float]]]) -> None:
        correlation.set(name)
        got = [await asyncio.gather(*[self.write(name, *part) for part in step]) for step in steps]
        self.ends.append(f"{name}: {got}")

    async def write(self, name: str, service: str, patience: float) -> int | None:
        def effect() -> int:
            self.pages[service].append(name)
            return len(self.pages[service])

        try:
            async with asyncio.timeout(patience or None):
                return await self.network.call(service, "write", effect)
        except TimeoutError:
            return None

    def state(self) -> str:
        """What has come of it all."""
        return f"{self.pages} {sorted(self.ends)}"


async def everybody(shop: Shop) -> None:
    assert isinstance(shop, LogShop)
    customers = enumerate(shop.program)
    await asyncio.gather(*[shop.buy(f"c{n}", steps) for n, steps in customers])


class ScriptedLoop(ExploringLoop):
    """Any event that can happen may be the next one: the script says which."""

    def __init__(self, script: list[int]) -> None:
        super().__init__()
        self.script = script
        self.choices: list[int] = []

    def _next(self) -> Any:
        waiting = sorted(self._waiting.values(), key=lambda one: (one.when, one.number))
        number = len(self.choices)
        self.choices.append(len(waiting))
        return waiting[self.script[number] if number < len(self.script) else 0]


def brute_force(program: Program) -> dict[str, str] | None:
    """What came of each different run; None if there are too many orders to try."""
    found: dict[str, str] = {}
    scripts: list[list[int]] = [[]]
    for _ in range(MOST_RUNS):
        script = scripts.pop()
        shop, loop = LogShop(program), ScriptedLoop(script)
        assert run_on(loop, everybody(shop), drain=math.inf).error is None
        # What is taken for the same run must have the same end: no order is overlooked.
        assert found.setdefault(case_module._key(loop), shop.state()) == shop.state()
        for number in range(len(script), len(loop.choices)):
            first = [*script, *[0] * (number - len(script))]
            scripts += [[*first, choice] for choice in range(1, loop.choices[number])]
        if not scripts:
            return found
    return None


def search(program: Program) -> dict[str, str]:
    """The same by the search."""

    def shop(faults: Any = ()) -> LogShop:
        return LogShop(program, faults=faults)

    exploration = only_late(everybody, shop=shop, limit=100_000)
    assert exploration.all_orders
    found = {}
    for case in exploration.cases:
        ended = case.shop
        assert isinstance(ended, LogShop)
        found[exploration.outcome(case.decisions).key] = ended.state()
    assert len(found) == len(exploration.cases)
    return found


step = st.lists(
    st.tuples(st.sampled_from(["ledger", "diary"]), st.sampled_from([0.0, 0.05, 0.3])),
    min_size=1,
    max_size=2,
)
programs = st.lists(st.lists(step, min_size=1, max_size=2), min_size=1, max_size=2)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@pytest.mark.slow  # all orders of events, by brute force
@given(programs)
def test_the_search_finds_what_brute_force_finds(program: Program) -> None:
    expected = brute_force(program)
    assume(expected is not None)
    assert search(program) == expected


@pytest.mark.parametrize(
    ("program", "orders"),
    [
        ([[[("ledger", 0.0)]]], 1),
        ([[[("ledger", 0.0)]], [[("diary", 0.0)]]], 2),  # who is through first
        ([[[("ledger", 0.0)]], [[("ledger", 0.0)]]], 4),  # and who comes first
        ([[[("ledger", 0.05)]]], 2),  # is given up; or is not
        ([[[("ledger", 0.0), ("diary", 0.0)]]], 2),  # which reply comes first
    ],
)
def test_the_orders_of_small_programs_are_counted(program: Program, orders: int) -> None:
    assert len(search(program)) == orders


def test_what_is_shared_in_the_open_is_not_overlooked() -> None:
    """Two processes that use one thing: with ``touch``, their order counts."""

    async def two_writers(shop: Shop, tell: bool) -> None:
        shared: list[str] = []
        shop.shared = shared  # type: ignore[attr-defined]

        def write(name: str) -> None:
            if tell:
                touch(shared)
            shared.append(name)

        def call(service: str) -> Awaitable[None]:
            return shop.network.call(service, "write", write, service)

        await asyncio.gather(call("inventory"), call("payment"))

    def ends(tell: bool) -> set[tuple[str, ...]]:
        cases = only_late(lambda shop: two_writers(shop, tell), limit=1_000).cases
        return {tuple(case.shop.shared) for case in cases}  # type: ignore[attr-defined]

    both = {("inventory", "payment"), ("payment", "inventory")}
    assert ends(tell=True) == both
    run(two_writers(Shop(), tell=True))  # in an ordinary run it does nothing
