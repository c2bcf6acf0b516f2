"""What one move of a slider costs the kernel: at most 50 ms, or 200 ms with a thousand orders."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pandas as pd
from pytest_benchmark.fixture import BenchmarkFixture

from lessonkit import Order, Shop, an_order, explore, run
from lessonkit.faults import LogNormal
from lessonkit.lab import charts, milliseconds, panel, shop_view, spec, tiles, timeline
from lessonkit.shop import Answer, CreateOrder

ONE_ORDER = 0.050
A_THOUSAND_ORDERS = 0.200


class OrderService:
    """As in 01-request-response."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def create_order(self, command: CreateOrder) -> Order:
        await self.shop.inventory.reserve(command.items)
        payment = await self.shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, str(payment.transaction_id))
        await self.shop.database.save(order)
        await self.shop.notification.send_order_confirmation(order)
        return order


def one_order(mail: float) -> list[str]:
    shop = Shop(latency={"notification": mail})
    outcome = run(shop.place_order(OrderService(shop).create_order))
    return [shop_view(shop), timeline(outcome.trace, at=outcome.elapsed / 2)]


async def a_thousand(shop: Shop) -> Sequence[Answer]:
    service = OrderService(shop)
    orders = [shop.place_order(service.create_order, an_order(n)) for n in range(1000)]
    return await asyncio.gather(*orders)


def a_thousand_orders(mean: float) -> list[str]:
    shop = Shop(latency={"payment": LogNormal(mean, 1.5)}, stock={"P-1": 2000})
    waits = pd.Series([answer.wait for answer in run(a_thousand(shop)).result])
    p50, p99 = waits.quantile(0.5), waits.quantile(0.99)
    return [tiles([("p50", f"{p50:.3f}", "plain"), ("p99", f"{p99:.3f}", "plain")])]


def test_one_order_with_its_timeline(benchmark: BenchmarkFixture) -> None:
    made = panel(one_order, spec(milliseconds("mail", "Mail", 0.5, high=5)))
    slider = made.controls["mail"].widget

    def move() -> None:
        slider.value = 600 + slider.value % 1000

    benchmark(move)
    assert benchmark.stats.stats.min < ONE_ORDER


def test_a_thousand_orders_with_percentiles(benchmark: BenchmarkFixture) -> None:
    made = panel(a_thousand_orders, spec(milliseconds("mean", "Mean", 0.2, low=0.15, high=0.5)))
    slider = made.controls["mean"].widget

    def move() -> None:
        slider.value = 150 + (slider.value - 140) % 300

    benchmark.pedantic(move, rounds=20, warmup_rounds=2)
    # The best round: on a machine that others use too, the rest measures them.
    assert benchmark.stats.stats.min < A_THOUSAND_ORDERS


def test_a_chart_of_a_thousand_waits(benchmark: BenchmarkFixture) -> None:
    waits = [0.6 + 0.001 * n for n in range(1000)]
    benchmark(charts.histogram, waits, marks={"p50": 1.1, "p99": 1.59}, title="t", xlabel="x")


def test_exploring_every_single_fault(benchmark: BenchmarkFixture) -> None:
    found = benchmark(explore, lambda shop: shop.place_order(OrderService(shop).create_order))
    assert found.tried == 21
