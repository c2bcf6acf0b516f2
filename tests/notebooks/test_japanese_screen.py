"""No English on a Japanese screen: the stored outputs hold no English words but names."""

from __future__ import annotations

import csv
import html
import re

import pytest

from tests.notebooks.parts import NAMES, NOTEBOOKS, cells

# Names of the lesson's code and of products: events, operations, fields, tables, files.
_NAMES = """
    OrderCreated OrderConfirmed OrderCancelled OrderShipped InventoryReserved PaymentCompleted
    PaymentFailed PaymentReceived NotificationSent StockTaken AttributeError
    create_order reserve charge save publish send_order_confirmation send_regret refund_by_key
    cancel_reservation give_points mail confirm note orders outbox body payload published items
    status total amount SHIPPED tracking_id order_id customer_id product_id quantity unit_price
    event_type aggregate_id id ms totl inventory payment database notification replay scenario
    Inventory Payment Email OrderEvents Apache Kafka RabbitMQ SQS SNS FIFO AWS ZooKeeper RPC
    Choreography Orchestration PDF UI T O P C E B p at least once cancel_by_key
    DBOS PostgreSQL SKIP LOCKED NOTIFY
"""
ALLOWED = set(_NAMES.split())
SAID = re.compile(
    r"'OrderCreated' object has no attribute 'totl'|replay\(.*?scenario\)|\bp\d\d\b"
    r"|data/brokers\.csv"
)


def shown(output: dict[str, object]) -> str:
    """What a reader sees of an output, each element on a line of its own."""
    data = output.get("data", {})
    assert isinstance(data, dict)
    text = "".join(data.get("text/html", output.get("text", "")))
    text = re.sub(r"<(style|script|code|pre)\b.*?</\1>|<!--.*?-->", "", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", "\n", text.replace("<wbr>", "")))


def products_and_terms() -> set[str]:
    with (NOTEBOOKS.parent / "data" / "glossary.csv").open(encoding="utf-8") as file:
        known = [row["in_practice"] + " " + row["term_en"] for row in csv.DictReader(file)]
    return set(re.findall(r"[A-Za-z][A-Za-z_]*", " ".join(known)))


def english(text: str, allowed: set[str]) -> list[str]:
    plain = SAID.sub("", text)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z_]*", plain) if word not in allowed]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_hold_no_english(name: str) -> None:
    allowed = ALLOWED | (products_and_terms() if name == "08-summary" else set())
    found = {
        (cell["id"], word)
        for cell in cells("ja", name)
        for output in cell.get("outputs", [])
        for word in english(shown(output), allowed)
    }
    assert not found, sorted(found)


def test_english_is_seen() -> None:
    assert english("✗ ServiceRefused: payment refused the request", ALLOWED) == [
        "ServiceRefused",
        "refused",
        "the",
        "request",
    ]
    assert english("payment.charge: 拒否(O-001、300 ms)", ALLOWED) == []
