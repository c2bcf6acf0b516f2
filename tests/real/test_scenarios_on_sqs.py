"""The models of SNS and SQS, held to an emulator of the two in a process of its own.

Where the emulator does something else than AWS writes, that is a known difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from tests.real.installed import need_or_skip

need_or_skip("boto3", "ministack", "psutil")

import psutil  # noqa: E402

from tests.real.driver_models import SqsFifoModel, SqsModel  # noqa: E402
from tests.real.driver_sqs import Sqs, SqsFifo, client, emulator  # noqa: E402
from tests.real.scenarios import (  # noqa: E402
    Ack,
    DeadLetters,
    Die,
    Difference,
    Extend,
    GrowOld,
    Join,
    Known,
    Leave,
    Look,
    Make,
    Nack,
    Publish,
    Receive,
    Scenario,
    Step,
    TimeOut,
    check,
    check_known,
    difference,
    play,
    scenarios,
)

pytestmark = pytest.mark.slow
A, B = Publish("A"), Publish("B")
A_1 = Publish("A", id="1")
X, Y = Join("x"), Join("y")
SAME: list[Step] = [Publish("A", "same"), Publish("B", "same"), Publish("A", "same")]
FAILS: list[Step] = [Receive("x"), Nack("x")]
LATE: list[Step] = [Receive("x"), TimeOut()]
NEXT: list[Step] = [Ack("x"), Receive("y")]
MAIL = Join("m", "mail")

# --- fixed scenarios -----------------------------------------------------------------------------

BOTH = {
    "what is received is hidden, and what is deleted is gone": Scenario(
        [X, Y, A, B, Receive("x"), Receive("y"), Receive("y"), Look(), Ack("x"), Ack("y"), Look()]
    ),
    "what a dead consumer had comes back": Scenario(
        [X, Y, A, Receive("x"), Die("x"), Receive("y"), TimeOut(), Receive("y"), Ack("y"), Look()]
    ),
    "a slow consumer is taken for a dead one": Scenario(
        [X, Y, A, Receive("x"), TimeOut(), Receive("y"), Look(), Ack("y"), Look()]
    ),
    "who asks for more time keeps it": Scenario(
        [X, Y, A, Receive("x"), Extend("x"), TimeOut(), Receive("y"), Look(), Ack("x"), Look()]
    ),
    "what is given back is there at once": Scenario(
        [X, Y, A, Receive("x"), Nack("x"), Receive("y"), Ack("y"), Look()]
    ),
    "what was received too often is a dead letter": Scenario(
        [X, A, B, *FAILS, *FAILS, Receive("x"), Look(), DeadLetters()], failures=2
    ),
    "so is what nobody deletes in time": Scenario(
        [X, A, *LATE, *LATE, Receive("x"), Look(), DeadLetters()], failures=2
    ),
    "each group has all, and each consumer some": Scenario(
        [
            X,
            Y,
            MAIL,
            A,
            B,
            Receive("x"),
            Receive("y"),
            Ack("x"),
            Receive("m"),
            Look(),
            Look("mail"),
        ],
        groups=("work", "mail"),
    ),
    "a group gets what it wants": Scenario(
        [X, MAIL, A, B, A, B, Look(), Look("mail"), Receive("m"), Ack("m"), Receive("m")],
        groups=("work", "mail"),
        wants={"mail": ["B"]},
    ),
}
STANDARD = BOTH | {
    "a late delete works if nobody has it meanwhile": Scenario(
        [X, A, Receive("x"), TimeOut(), Ack("x"), Look(), Receive("x")]
    ),
    "a late delete has no effect if somebody has it": Scenario(
        [X, Y, A, Receive("x"), TimeOut(), Receive("y"), Ack("x"), Look(), Ack("y"), Look()]
    ),
    "who works is overtaken": Scenario([X, Y, A, A, Receive("x"), Receive("y"), Nack("x"), Look()]),
    "what is sent twice is there twice": Scenario([X, *SAME, Receive("x", 3), Look()]),
}
FIFO = BOTH | {
    "a group waits for who works, another one does not": Scenario(
        [X, Y, A, A, B, Receive("x"), Receive("y"), Receive("y"), Ack("x"), Receive("y"), Look()]
    ),
    "a receive may take several of one group": Scenario(
        [X, Y, A, A, A, Receive("x", 2), Receive("y"), *NEXT, *NEXT, Look()]
    ),
    "what comes back comes before what is behind it": Scenario(
        [X, Y, A, A, Receive("x"), TimeOut(), Receive("y", 2), Ack("y"), Ack("y"), Look()]
    ),
    "a dead letter is overtaken": Scenario(
        [X, A, A, B, Receive("x"), Nack("x"), Receive("x"), Receive("x"), DeadLetters()], failures=1
    ),
    "who is late deletes nothing any more": Scenario(
        [X, Y, A, Receive("x"), TimeOut(), Receive("y"), Ack("y"), Ack("x"), Look()]
    ),
    "who is late deletes no dead letter": Scenario(
        [X, A, *LATE, Receive("x"), Ack("x"), Look(), DeadLetters()], failures=1
    ),
    "the same body is the same message, in whichever group": Scenario(
        [X, *SAME, Receive("x"), Ack("x"), Look(), *SAME, Look()]
    ),
    "the same id is the same message, also when it is deleted": Scenario(
        [
            X,
            A_1,
            Publish("B", id="1"),
            Receive("x"),
            Ack("x"),
            A_1,
            Look(),
            Publish("A", id="2"),
            Look(),
        ]
    ),
    "a topic knows it again as well": Scenario(
        [X, MAIL, A_1, A_1, *SAME, Look(), Look("mail")],
        groups=("work", "mail"),
    ),
}
OLD = Scenario([X, A, A, Receive("x"), Extend("x"), GrowOld(), Look(), Receive("x"), A, Look()])

# --- known differences ---------------------------------------------------------------------------


def accepted_late(found: Difference) -> bool:
    return (found.model, found.real) == (("refused",), ())


LATE_CHANGE = Known(
    "A receipt whose time is over changes nothing: MessageNotInflight, says the API Reference of"
    " ChangeMessageVisibility. The emulator does not look at the time.",
    Scenario([X, A, Receive("x"), TimeOut(), Extend("x")]),
    lambda found: isinstance(found.step, Nack | Extend) and accepted_late(found),
)
LATE_DELETE = Known(
    "In a FIFO queue AWS refuses a delete when the receipt's time is over, says its Knowledge"
    " Center (ReceiptHandleIsInvalid). The emulator takes it as in a standard queue.",
    Scenario([X, A, Receive("x"), TimeOut(), Ack("x")]),
    lambda found: isinstance(found.step, Ack) and accepted_late(found),
)
BATCHES = Known(
    "A receive takes as many as it can of one group before the next, says the Developer Guide"
    " (FIFO queue delivery logic). The emulator goes by age alone.",
    Scenario([X, A, B, A, Receive("x", 2)]),
    lambda found: (
        isinstance(found.step, Receive)
        and found.step.most > 1
        and found.model[:1] == found.real[:1]
    ),
)
KNOWN = {"standard": [LATE_CHANGE], "FIFO": [LATE_CHANGE, LATE_DELETE, BATCHES]}
FIXED = {"standard": STANDARD, "FIFO": FIFO}
MODELS: dict[str, Make] = {"standard": SqsModel, "FIFO": SqsFifoModel}


@pytest.fixture(scope="module")
def reals() -> Iterator[dict[str, Make]]:
    """What makes a real queue of either kind."""
    with emulator() as url:
        clients = client("sqs", url), client("sns", url)
        yield {
            "standard": lambda pace: Sqs(pace, clients),
            "FIFO": lambda pace: SqsFifo(pace, clients),
        }


@pytest.fixture(scope="module", autouse=True)
def old(reals: dict[str, Make]) -> Iterator[dict[str, Future[Difference | None]]]:
    """Differences after a minute, in which the other tests go on."""
    with ThreadPoolExecutor() as pool:
        yield {
            kind: pool.submit(difference, OLD, MODELS[kind], make) for kind, make in reals.items()
        }


def test_the_emulator_listens_on_127_0_0_1_alone(reals: dict[str, Make]) -> None:
    listening = [
        connection.laddr.ip
        for child in psutil.Process().children(recursive=True)
        for connection in child.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in FIXED for name in FIXED[kind]])
def test_the_model_shows_what_sqs_shows(kind: str, name: str, reals: dict[str, Make]) -> None:
    scenario = FIXED[kind][name]
    model = MODELS[kind](1.0)
    shown = model.run(play(scenario, model))
    assert not {("nobody",), ("was there",), ("holds none",)}.intersection(shown), name
    check(scenario, MODELS[kind], reals[kind])


@pytest.mark.parametrize(
    ("kind", "known"), [(kind, each) for kind in KNOWN for each in KNOWN[kind]]
)
def test_a_known_difference_still_shows(kind: str, known: Known, reals: dict[str, Make]) -> None:
    check_known(known, MODELS[kind], reals[kind])


def given_back(scenario: Scenario) -> Scenario:
    """Without what SQS does not know: it never takes a message back for good."""
    return with_each(scenario, Nack, requeue=True)


def one_at_a_time(scenario: Scenario) -> Scenario:
    """Otherwise the known difference of the batches would end most of the scenarios early."""
    return with_each(given_back(scenario), Receive, most=1)


def with_each(scenario: Scenario, kind: type, **changes: object) -> Scenario:
    def changed(step: Any) -> Any:
        return replace(step, **changes) if isinstance(step, kind) else step

    return replace(scenario, steps=[changed(step) for step in scenario.steps])


CHANGE = {"standard": given_back, "FIFO": one_at_a_time}
STEPS = [Publish, Publish, Publish, Join, Receive, Receive, Receive, Ack, Ack, Nack, Extend]
STEPS += [Leave, Die, Look, DeadLetters]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("timeouts", [0, 2])
@pytest.mark.parametrize("groups", [("work",), ("work", "mail")], ids=len)
def test_random_scenarios(
    kind: str, timeouts: int, groups: tuple[str, ...], reals: dict[str, Make]
) -> None:
    steps = [*STEPS, *[TimeOut] * timeouts]

    @given(scenarios(*steps, groups=groups, failures=2).map(CHANGE[kind]))
    @settings(
        max_examples=6 if timeouts else 15,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        # (To shrink one that waits for timeouts takes many minutes.)
        phases=[Phase.generate] if timeouts else [Phase.generate, Phase.shrink],
    )
    def play_them(scenario: Scenario) -> None:
        check(scenario, MODELS[kind], reals[kind], KNOWN[kind])

    play_them()


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_too_old_is_gone(kind: str, old: dict[str, Future[Difference | None]]) -> None:
    assert old[kind].result() is None
