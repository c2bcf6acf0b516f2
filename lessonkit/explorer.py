"""Try every fault at every call, one run each, and audit each run.

The calls are not listed by hand. A first run without any fault shows which calls there are; then
each call is refused, lost before its effect, loses its reply, and is slow, and the order service
is killed after each of its steps. For pairs, every such run shows the calls that the first fault
gave rise to (a retry, a compensation), and the second fault strikes one of those.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lessonkit.clock import BackgroundTaskError
from lessonkit.faults import AnyFault, Crash, Down, Refused, ReplyLost, Slow
from lessonkit.messages import N_, _
from lessonkit.runner import Run, run
from lessonkit.shop import Shop, ShopError, Violation, audit, books
from lessonkit.shop.customer import ORDER_OPERATION

if TYPE_CHECKING:
    import pandas as pd

Scenario = Callable[[Shop], Awaitable[object]]
"""Something that happens in a fresh shop, as in ``lambda shop: shop.place_order(create_order)``."""

Restart = Callable[[Shop], Coroutine[Any, Any, object]]
"""What a new process of a killed service does first: its relay, its saga log."""

NO_FAULT = N_("no fault")
FAULT_NAMES: dict[type[AnyFault], str] = {
    Refused: N_("{target}: refused"),
    Down: N_("{target}: down before the effect"),
    ReplyLost: N_("{target}: reply lost after the effect"),
    Slow: N_("{target}: slow"),
    Crash: N_("{target}: killed after step {after}"),
}


@dataclass(frozen=True)
class Case:
    """One run under its faults, and what the audit says about it."""

    faults: tuple[AnyFault, ...]
    shop: Shop = field(repr=False)
    run: Run[object] = field(repr=False)
    violations: tuple[Violation, ...]

    @property
    def survived(self) -> bool:
        """Whether the shop is honest after all."""
        return not self.violations

    @property
    def title(self) -> str:
        """The faults in words."""
        return " + ".join(map(_fault_name, self.faults)) or _(NO_FAULT)


@dataclass(frozen=True)
class Exploration:
    """All cases of a scenario, the one without a fault first."""

    cases: tuple[Case, ...]

    @property
    def counterexamples(self) -> tuple[Case, ...]:
        """The cases in which the audit finds something."""
        return tuple(case for case in self.cases if not case.survived)

    @property
    def survived(self) -> int:
        """How many faulty cases (the one without a fault does not count) end honestly."""
        return sum(case.survived for case in self.cases[1:])

    @property
    def tried(self) -> int:
        """How many faulty cases there are."""
        return len(self.cases) - 1

    def find(self, *faults: AnyFault) -> Case:
        """The case with exactly these faults.

        Raises
        ------
        KeyError
            If there is none.
        """
        for case in self.cases:
            if case.faults == faults:
                return case
        raise KeyError(f"no case with {faults!r}; there are {[case.title for case in self.cases]}")

    def to_frame(self) -> pd.DataFrame:
        """A table: one row per case, with what each side knows at the end (money in yen)."""
        import pandas as pd

        rows = []
        for case in self.cases:
            ledgers = books(case.shop)
            told = [answer.told for answer in case.shop.customer.answers]
            rows.append(
                {
                    _("fault"): case.title,
                    _("the customer was told"): ", ".join(_(answer) for answer in told),
                    _("orders"): sum(order.stands for order in ledgers),
                    _("pieces held"): sum(order.held for order in ledgers),
                    _("yen taken"): sum(order.money for order in ledgers),
                    _("mails"): sum(order.mails for order in ledgers),
                    _("what the audit says"): " ".join(v.sentence for v in case.violations) or "✓",
                }
            )
        return pd.DataFrame(rows)


def explore(
    scenario: Scenario,
    *,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
    pairs: bool = False,
    crashes: str | None = "orders",
    slow: float = 10.0,
) -> Exploration:
    """Run ``scenario`` without a fault, then once under every single fault, and audit each run.

    Parameters
    ----------
    scenario
        Called with a fresh shop for each run; returns the coroutine to run.
    shop
        Makes the shop; called with ``faults=...``; ``functools.partial(Shop, seed=1)`` will do.
    restart
        At a crash, a new process of the killed service starts and runs this.
    pairs
        Also try every second fault after every first.
    crashes
        The service whose process is killed after each of its steps; None for no crashes.
    slow
        How many times as long a slow call takes.

    Returns
    -------
    Exploration
        Its cases are in the order in which the calls were made.

    Raises
    ------
    TypeError
        If the scenario does not return a coroutine.
    Exception
        What the scenario raised in a case, unless it is a :class:`ShopError` or a timeout; a note
        says which case.
    """
    first = run_case(scenario, shop=shop, restart=restart)
    cases = [first]
    for fault in _faults_after(first, None, crashes, slow):
        case = run_case(scenario, fault, shop=shop, restart=restart)
        cases.append(case)
        if pairs:
            cases += [
                run_case(scenario, fault, second, shop=shop, restart=restart)
                for second in _faults_after(case, fault, crashes, slow)
            ]
    return Exploration(tuple(cases))


def run_case(
    scenario: Scenario,
    *faults: AnyFault,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
) -> Case:
    """Run ``scenario`` once, under these faults, and audit it. The arguments are as above."""
    ours = shop(faults=faults)
    restarts: list[asyncio.Task[object]] = []

    def start_again(service: str) -> None:
        if restart is not None:
            restarts.append(asyncio.create_task(ours.restart(service, restart(ours))))

    async def play() -> object:
        ours.network.on_kill = start_again
        return await scenario(ours)

    # What is on its way when the scenario ends arrives before the audit looks at the books.
    outcome = run(play(), keep_error=True, drain=math.inf)
    case = Case(faults, ours, outcome, tuple(audit(ours)))
    if outcome.error is not None and not _belongs_to_a_shop(outcome.error):
        words = _("(while exploring the case: {case})")
        outcome.error.add_note(words.format(case=case.title))
        raise outcome.error
    return case


def _belongs_to_a_shop(error: BaseException) -> bool:
    # A call that fails under a fault is what we are here for; a mistake in the program is not.
    if isinstance(error, BackgroundTaskError):
        return all(map(_belongs_to_a_shop, error.errors))
    return isinstance(error, ShopError | TimeoutError)


def _faults_after(
    case: Case, first: AnyFault | None, crashes: str | None, slow: float
) -> Iterator[AnyFault]:
    """Every fault at every call that was made in ``case`` after its fault struck."""
    calls = case.shop.network.calls
    struck = first is None
    steps = 0
    if crashes is not None and first is None:
        yield Crash(crashes, after=0)
    for caller, operation, number in calls:
        mine = crashes is not None and caller == crashes
        steps += mine
        # The customer's order itself is where the scenario begins, not a part of it.
        if struck and operation != ORDER_OPERATION:
            yield Refused(operation, call=number)
            yield Down(operation, call=number)
            yield ReplyLost(operation, call=number)
            yield Slow(operation, call=number, times=slow)
        struck = struck or _is_aimed_at(first, operation, number, steps)
        if struck and mine and not isinstance(first, Crash):
            yield Crash(crashes or "", after=steps)


def _is_aimed_at(fault: AnyFault | None, operation: str, number: int, steps: int) -> bool:
    if isinstance(fault, Crash):
        return steps >= fault.after
    return fault is not None and fault.concerns(operation, number)


def _fault_name(fault: AnyFault) -> str:
    words = _(FAULT_NAMES.get(type(fault), "{target}"))
    if isinstance(fault, Crash):
        return words.format(target=fault.service, after=fault.after)
    times = f" #{fault.call}" if fault.call is not None and fault.call > 1 else ""
    name = words.format(target=f"{fault.target}{times}")
    return name if fault.call is not None else _("{fault}, every time").format(fault=name)
