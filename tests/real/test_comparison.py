"""What notebook 03's table says of the brokers, where a run can show it: on the models.

The models are held to the real brokers by the other tests of this folder.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.real.driver_models import LogModel, SqsFifoModel, SqsModel, WorkQueueModel
from tests.real.scenarios import (
    Ack,
    GrowOld,
    Join,
    Make,
    Nack,
    Publish,
    Receive,
    Scenario,
    Seek,
    Step,
    play,
)

TABLE = Path(__file__).parents[2] / "data" / "brokers.csv"
A, B, X = Publish("A"), Publish("B"), Join("x", prefetch=9)
TWO = (A, A, X, Receive("x", 9))
READ = (A, X, Receive("x"), Ack("x"))


def bodies(model: Make, *steps: Step) -> Sequence[str]:
    """What the last step shows, without marks; the steps go on where the ones before ended."""
    driver = model(1.0)
    shown = driver.run(play(Scenario(steps, partitions=2), driver))
    return [one.partition(" ")[0] for one in shown[-1]]


#: The row, the broker, words of its cell, the model, what happens, what the last step shows.
RUNS: list[tuple[str, str, str, Make, Sequence[Step], Sequence[str]]] = [
    (
        "order",
        "kafka",
        "within a partition",
        LogModel,
        (A, A, A, *TWO),
        ["A1", "A2", "A3", "A4", "A5"],
    ),
    ("order", "rabbitmq", "within a queue", WorkQueueModel, (*TWO, A, Receive("x")), ["A3"]),
    (
        *("order", "rabbitmq", "while nothing comes back", WorkQueueModel),
        (*TWO, A, Nack("x", 0), Receive("x", 9)),
        ["A3", "A1"],  # that came back is behind
    ),
    ("order", "sqs_sns", "within a group", SqsFifoModel, (A, B, *TWO[:1], X, Receive("x")), ["A1"]),
    (
        *("order", "sqs_sns", "within a group", SqsFifoModel),
        (A, X, Receive("x"), A, B, Receive("x", 9)),
        ["B3"],  # A2 waits for A1, B does not
    ),
    (
        *("how long a message is kept", "kafka", "for a set time, read or not", LogModel),
        (*READ, A, GrowOld(), Seek("x", None), Receive("x", 9)),
        [],
    ),
    (
        *("how long a message is kept", "rabbitmq", "until it is acknowledged", WorkQueueModel),
        (*READ, Join("y"), Receive("y")),
        [],
    ),
    (
        *("how long a message is kept", "sqs_sns", "until it is deleted", SqsModel),
        (*READ, Receive("x", 9)),
        [],
    ),
    (
        *("how long a message is kept", "sqs_sns", "at most", SqsModel),
        (A, GrowOld(), X, Receive("x", 9)),
        [],
    ),
    (
        *("reading again", "kafka", "go back to an earlier offset", LogModel),
        (*READ, Seek("x", None), Receive("x")),
        ["A1"],
    ),
    (
        *("reading again", "rabbitmq", "what is acknowledged is gone", WorkQueueModel),
        (*READ, Receive("x")),
        [],
    ),
]


@pytest.mark.parametrize(("row", "broker", "words", "model", "steps", "shown"), RUNS)
def test_a_cell_says_what_a_run_shows(
    row: str, broker: str, words: str, model: Make, steps: Sequence[Step], shown: Sequence[str]
) -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        (found,) = (each for each in csv.DictReader(file) if each["property_en"] == row)
    assert words in found[f"{broker}_en"]
    assert bodies(model, *steps) == shown
