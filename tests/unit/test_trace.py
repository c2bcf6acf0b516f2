"""The trace: what is written into it, and what can be read from it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Shop, current_trace, run
from lessonkit.faults import ReplyLost
from lessonkit.records import Fate, Kind, Message, Note, StateChange, columns
from lessonkit.trace import Trace, recording

COLUMNS = columns(Message)


class HandClock:
    """A clock that a test sets by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_trace() -> tuple[Trace, HandClock]:
    clock = HandClock()
    return Trace(clock), clock


def a_filled_trace(
    *,
    what: str = "charge",
    receiver: str = "payment",
    latency: float = 0.2,
    fate: Fate = Fate.DELIVERED,
    error: bool = False,
    order: str | None = "O-001",
    state: object = 5000,
    note: str = "crash",
) -> Trace:
    trace, clock = a_trace()
    request = trace.send("orders", receiver, what, correlation=order)
    clock.now = latency
    trace.end(request, fate)
    trace.send(receiver, "orders", what, Kind.REPLY, reply_to=request, error=error)
    trace.state(receiver, "yen taken", state)
    trace.note("orders", note)
    return trace


# --- writing -------------------------------------------------------------------------------------


def test_messages_are_numbered_in_the_order_in_which_they_are_sent() -> None:
    trace, _ = a_trace()
    sent = [trace.send("a", "b", f"question {n}") for n in range(5)]
    trace.end(sent[3])
    trace.end(sent[0])
    assert [message.number for message in trace.messages] == [0, 1, 2, 3, 4]
    assert [message.what for message in trace.messages] == [f"question {n}" for n in range(5)]


def test_all_that_happens_in_a_run_has_its_place_in_one_order() -> None:
    trace, _ = a_trace()
    request = trace.send("a", "b", "question")
    trace.state("b", "open", 1)
    trace.end(request)
    trace.note("b", "crash")
    trace.give_up(request)
    (state,), (note,) = trace.states, trace.notes
    steps = request.sent_step, state.step, request.ended_step, note.step, request.gave_up_step
    assert steps == (1, 2, 3, 4, 5)


def test_a_message_is_a_request_in_flight_until_it_is_given_a_fate() -> None:
    trace, clock = a_trace()
    clock.now = 0.25
    message = trace.send("orders", "payment", "charge")
    assert message == Message(0, "orders", "payment", "charge", Kind.REQUEST, sent=0.25)
    assert (message.fate, message.ended) == (Fate.IN_FLIGHT, None)
    assert (message.correlation, message.reply_to, message.error) == (None, None, False)


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.IN_FLIGHT])
def test_a_message_keeps_its_fate_and_the_moment_of_it(fate: Fate) -> None:
    trace, clock = a_trace()
    message = trace.send("orders", "payment", "charge")
    clock.now = 0.75
    trace.end(message, fate)
    assert (trace.messages[0].fate, trace.messages[0].ended) == (fate, 0.75)
    assert trace.messages[0].sent == 0.0


def test_without_another_word_a_message_is_delivered() -> None:
    trace, _ = a_trace()
    message = trace.send("orders", "payment", "charge")
    trace.end(message)
    assert message.fate is Fate.DELIVERED


def test_a_reply_names_the_request_it_answers() -> None:
    trace, _ = a_trace()
    trace.send("orders", "inventory", "reserve")
    request = trace.send("orders", "payment", "charge", correlation="O-001")
    reply = trace.send(
        "payment",
        "orders",
        "charge",
        Kind.REPLY,
        correlation="O-001",
        reply_to=request,
        error=True,
    )
    assert (reply.reply_to, reply.kind, reply.error) == (1, Kind.REPLY, True)
    assert reply.correlation == "O-001"


def test_what_is_still_under_way_when_the_run_ends_stays_in_flight() -> None:
    shop = Shop()

    async def charge_and_go() -> None:
        task = asyncio.ensure_future(shop.payment.charge(100, "card"))
        await asyncio.sleep(0.1)
        assert not task.done()

    outcome = run(charge_and_go())
    assert [(m.what, m.fate) for m in outcome.trace.messages] == [("charge", Fate.DELIVERED)]

    async def charge_and_go_at_once() -> None:
        task = asyncio.ensure_future(shop.payment.charge(100, "card"))
        await asyncio.sleep(0.01)
        assert not task.done()

    (message,) = run(charge_and_go_at_once()).trace.messages
    assert (message.fate, message.ended) == (Fate.IN_FLIGHT, None)
    assert shop.payment.captures == {}


def test_a_value_is_written_down_as_text_and_later_changes_of_the_object_do_not_show() -> None:
    trace, _ = a_trace()
    shelf = ["P-1"]
    trace.state("inventory", "shelf", shelf)
    shelf.append("P-2")
    assert trace.states == [StateChange(0.0, "inventory", "shelf", "['P-1']")]


def test_a_note_has_its_moment() -> None:
    trace, clock = a_trace()
    clock.now = 1.5
    trace.note("orders", "gave up")
    assert trace.notes == [Note(1.5, "orders", "gave up")]


# --- reading -------------------------------------------------------------------------------------


def test_the_state_at_a_moment_is_what_was_last_written_up_to_it() -> None:
    trace, clock = a_trace()
    trace.state("inventory", "stock", 10)
    clock.now = 1.0
    trace.state("inventory", "stock", 8)
    trace.state("payment", "yen taken", 5000)
    clock.now = 2.0
    trace.state("inventory", "reserved", 2)
    assert trace.states_at(-1.0) == {}
    assert trace.states_at(0.0) == {"inventory": {"stock": "10"}}
    assert trace.states_at(0.999) == {"inventory": {"stock": "10"}}
    assert trace.states_at(1.0) == {"inventory": {"stock": "8"}, "payment": {"yen taken": "5000"}}
    assert trace.states_at(math.inf) == {
        "inventory": {"stock": "8", "reserved": "2"},
        "payment": {"yen taken": "5000"},
    }


def test_of_two_values_at_the_same_moment_the_later_written_one_holds() -> None:
    trace, _ = a_trace()
    trace.state("inventory", "stock", 10)
    trace.state("inventory", "stock", 9)
    assert trace.states_at(0.0) == {"inventory": {"stock": "9"}}


def test_reading_the_state_changes_nothing_in_the_trace() -> None:
    trace = a_filled_trace()
    before = trace.digest()
    trace.states_at(9.0)["payment"]["yen taken"] = "0"
    assert trace.digest() == before
    assert trace.states_at(9.0) == {"payment": {"yen taken": "5000"}}


def test_services_are_listed_in_the_order_of_appearance() -> None:
    trace, _ = a_trace()
    trace.note("auditor", "watches")
    trace.state("warehouse", "stock", 1)
    trace.send("orders", "payment", "charge")
    trace.send("customer", "orders", "create_order")
    # Those who speak come first, then those who only have a state, then those only remarked upon.
    assert trace.services == ["orders", "payment", "customer", "warehouse", "auditor"]


def test_an_empty_trace_knows_nobody_and_ends_at_zero() -> None:
    trace = Trace()
    assert trace.services == []
    assert trace.who_knows_whom() == []
    assert trace.states_at(1.0) == {}
    assert trace.end_time == 0.0


def test_who_knows_whom_counts_each_pair_once_and_no_replies() -> None:
    trace, _ = a_trace()
    request = trace.send("orders", "payment", "charge")
    trace.send("payment", "orders", "charge", Kind.REPLY, reply_to=request)
    trace.send("orders", "payment", "refund")
    trace.send("orders", "bus", "OrderCreated", Kind.EVENT)
    assert trace.who_knows_whom() == [("orders", "payment"), ("orders", "bus")]


def test_the_end_is_the_moment_of_the_last_thing_recorded() -> None:
    trace, clock = a_trace()
    clock.now = 1.0
    message = trace.send("a", "b", "question")
    assert trace.end_time == 1.0
    clock.now = 2.0
    trace.end(message)
    assert trace.end_time == 2.0
    clock.now = 3.0
    trace.state("b", "key", 1)
    assert trace.end_time == 3.0
    clock.now = 4.0
    trace.note("b", "remark")
    assert trace.end_time == 4.0


def test_a_message_sent_last_and_still_in_flight_counts_for_the_end() -> None:
    trace, clock = a_trace()
    trace.end(trace.send("a", "b", "first"))
    clock.now = 5.0
    trace.send("a", "b", "second")
    assert trace.end_time == 5.0


# --- as a table ----------------------------------------------------------------------------------


def test_the_table_has_one_row_for_each_message_and_a_column_for_each_property() -> None:
    frame = a_filled_trace().to_frame()
    assert [frame.index.name, *frame.columns] == COLUMNS
    assert list(frame.index) == [0, 1]
    assert list(frame["sender"]) == ["orders", "payment"]
    assert list(frame["kind"]) == ["request", "reply"]
    assert list(frame["fate"]) == ["delivered", "in flight"]
    assert list(frame["sent"]) == [0.0, 0.2]
    assert frame.loc[0, "ended"] == 0.2
    assert frame["ended"].isna().tolist() == [False, True]
    assert frame.loc[1, "reply_to"] == 0


def test_the_table_of_an_empty_trace_is_empty_and_has_the_same_columns() -> None:
    frame = Trace().to_frame()
    assert frame.empty
    assert [frame.index.name, *frame.columns] == COLUMNS


def test_the_table_of_a_run_can_be_summed_up() -> None:
    shop = Shop()
    frame = run(shop.payment.charge(100, "card")).trace.to_frame()
    assert (frame["ended"] - frame["sent"]).sum() == pytest.approx(0.04)  # two ways of 20 ms


# --- as text, and the digest ---------------------------------------------------------------------


def test_the_text_is_json_with_everything_in_it() -> None:
    trace = a_filled_trace()
    read = json.loads(trace.to_json())
    assert read == trace.to_dict()
    assert set(read) == {"messages", "states", "notes"}
    assert set(read["messages"][0]) == set(COLUMNS)
    assert read["messages"][1]["reply_to"] == 0
    assert read["states"] == [
        {"time": 0.2, "service": "payment", "key": "yen taken", "value": "5000"}
    ]
    assert read["notes"] == [{"time": 0.2, "service": "orders", "text": "crash"}]


def test_the_text_keeps_japanese_as_it_is() -> None:
    assert "注文" in a_filled_trace(note="注文").to_json()


def test_the_text_is_the_same_however_often_it_is_asked_for() -> None:
    trace = a_filled_trace()
    assert trace.to_json() == trace.to_json() == a_filled_trace().to_json()


def test_times_in_the_text_are_rounded_to_the_nanosecond() -> None:
    exact, off = a_filled_trace(latency=0.3), a_filled_trace(latency=0.1 + 0.2)
    assert off.messages[0].ended != exact.messages[0].ended
    assert off.to_json() == exact.to_json()


DIFFERENCES: dict[str, Callable[[], Trace]] = {
    "what": lambda: a_filled_trace(what="refund"),
    "receiver": lambda: a_filled_trace(receiver="inventory"),
    "time": lambda: a_filled_trace(latency=0.200000001),
    "fate": lambda: a_filled_trace(fate=Fate.LOST),
    "error": lambda: a_filled_trace(error=True),
    "correlation": lambda: a_filled_trace(order=None),
    "state": lambda: a_filled_trace(state=5001),
    "note": lambda: a_filled_trace(note="restart"),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_one_changed_value_changes_the_digest(difference: str) -> None:
    assert DIFFERENCES[difference]().digest() != a_filled_trace().digest()


def test_the_digest_of_nothing_never_changes() -> None:
    assert a_filled_trace().digest() == a_filled_trace().digest()
    assert Trace().digest() == "56769a6f6f93bdd5"


records = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["a", "b", "c"]),
    st.text(max_size=5),
    st.sampled_from(Kind),
    st.floats(0, 10),
    st.sampled_from([None, *Fate]),
)


@given(st.lists(records, max_size=12))
@settings(max_examples=50, deadline=None)
def test_any_trace_survives_the_way_through_json(rows: list[tuple[Any, ...]]) -> None:
    def record() -> Trace:
        trace, clock = a_trace()
        for sender, receiver, what, kind, seconds, fate in rows:
            clock.now += seconds
            message = trace.send(sender, receiver, what, kind)
            if fate is not None:
                trace.end(message, fate)
            trace.state(receiver, what, seconds)
        return trace

    trace = record()
    assert json.loads(trace.to_json()) == trace.to_dict()
    assert trace.digest() == record().digest()
    assert len(trace.to_frame()) == len(rows)
    assert all(a.sent <= b.sent for a, b in pairwise(trace.messages))
    assert set(trace.services) == {name for row in rows for name in row[:2]}


# --- the trace of a run --------------------------------------------------------------------------


def test_outside_of_a_run_there_is_no_trace() -> None:
    with pytest.raises(RuntimeError, match=r"no trace here.*run"):
        current_trace()


def test_a_run_writes_into_a_trace_of_its_own() -> None:
    async def remark() -> Trace:
        current_trace().note("orders", "here")
        return current_trace()

    first, second = run(remark()), run(remark())
    assert first.result is first.trace
    assert first.trace is not second.trace
    assert len(first.trace.notes) == len(second.trace.notes) == 1
    with pytest.raises(RuntimeError):
        current_trace()


def test_recording_makes_a_trace_the_current_one_and_puts_the_one_before_back() -> None:
    outer, inner = Trace(), Trace()
    with recording(outer):
        with suppress(LookupError), recording(inner) as given_trace:
            assert given_trace is current_trace()
            assert given_trace is inner
            raise LookupError
        assert current_trace() is outer
    with pytest.raises(RuntimeError):
        current_trace()


def test_after_a_run_the_clock_of_its_trace_stands_still() -> None:
    trace = run(
        Shop(faults=[ReplyLost("payment")]).payment.charge(1, "card"), keep_error=True
    ).trace
    trace.note("learner", "afterwards")
    assert trace.notes[-1].time == trace.end_time == pytest.approx(0.2)


def test_equal_runs_have_equal_digests_and_another_latency_another() -> None:
    def digest(**options: Any) -> str:
        return run(Shop(**options).payment.charge(100, "card")).trace.digest()

    assert digest() == digest()
    assert digest() != digest(latency={"payment": 0.3})
