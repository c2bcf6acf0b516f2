"""The partitioned log: what Kafka promises, and what it does not."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from contextlib import suppress
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import run
from lessonkit.luck import Leg
from lessonkit.patterns.brokers import (
    CommitFailed,
    ConsumerClosed,
    OffsetOutOfRange,
    PartitionedLog,
)
from lessonkit.patterns.brokers.consumer_group import Member
from lessonkit.patterns.brokers.partitioned_log import Record
from lessonkit.records import Fate

DAY = 24 * 3600


def values(records: list[Record]) -> list[str]:
    return [record.value for record in records]


def a_log(**options: Any) -> PartitionedLog:
    return PartitionedLog("orders", **options)


# --- where a record goes -------------------------------------------------------------------------


def test_a_key_always_goes_to_the_partition_of_its_crc32() -> None:
    log = a_log(partitions=7)
    for number in range(50):
        key = f"O-{number}"
        assert log.append(key, "x").partition == crc32(key.encode()) % 7


def test_records_without_a_key_take_turns() -> None:
    log = a_log(partitions=3)
    assert [log.append(None, "x").partition for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_offsets_count_up_from_zero_in_each_partition() -> None:
    log = a_log(partitions=2)
    assert [log.append(None, "x").offset for _ in range(6)] == [0, 0, 1, 1, 2, 2]
    assert log.ends() == [3, 3]


def test_a_record_says_when_it_was_appended() -> None:
    async def main() -> Record:
        await asyncio.sleep(2.5)
        return a_log().append("O-1", "x")

    assert run(main()).result == Record(0, 0, "O-1", "x", 2.5)


def test_the_time_of_a_log_never_goes_back_not_even_in_a_second_run() -> None:
    async def main(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return log.append("O-1", "x").time

    log = a_log()
    assert [run(main(seconds)).result for seconds in (100, 1, 200)] == [100, 100, 200]
    assert log.append("O-1", "outside of a run").time == 200


# --- groups --------------------------------------------------------------------------------------


def test_the_partitions_are_divided_in_ranges_by_name() -> None:
    log = a_log(partitions=5)
    second, first = log.join("g", "b"), log.join("g", "a")
    assert [first.partitions, second.partitions] == [[0, 1, 2], [3, 4]]


def test_more_members_than_partitions_leave_some_idle() -> None:
    log = a_log(partitions=1)
    members = [log.join("g", "a"), log.join("g", "b")]
    assert [member.partitions for member in members] == [[0], []]


def test_who_leaves_makes_room_at_once() -> None:
    log = a_log(partitions=2)
    member, other = log.join("g", "a"), log.join("g", "b")
    member.leave()
    member.leave()  # to say goodbye twice does no harm
    assert [member.partitions, other.partitions] == [[], [0, 1]]


def test_a_death_is_noticed_after_the_session_timeout() -> None:
    async def main() -> list[list[int]]:
        log = a_log(partitions=2, session_timeout=10)
        log.join("g", "a").die()
        other = log.join("g", "b")
        seen = [other.partitions]
        await asyncio.sleep(9.999)
        seen.append(other.partitions)
        await asyncio.sleep(0.001)
        return [*seen, other.partitions]

    assert run(main()).result == [[1], [1], [0, 1]]


def test_the_successor_of_a_dead_member_starts_at_the_committed_offset() -> None:
    async def main() -> tuple[list[str], float]:
        log = a_log(session_timeout=10)
        old, new = log.join("g", "a"), log.join("g", "b")
        for text in "abcde":
            log.append("k", text)
        records = await old.poll(4)
        old.commit(records[1])
        old.die()
        return values(await new.poll()), asyncio.get_running_loop().time()

    assert run(main()).result == (["c", "d", "e"], 10)


def test_who_keeps_a_partition_through_a_rebalance_keeps_its_position() -> None:
    async def main() -> tuple[list[str], list[str]]:
        log = a_log(partitions=2)
        member = log.join("g", "a")
        for text in "abcd":
            log.append(None, text)  # a and c in partition 0, b and d in 1
        await member.poll()
        other = log.join("g", "b")
        log.append(None, "e")
        return values(await member.poll()), values(await other.poll())

    assert run(main()).result == (["e"], ["b", "d"])


def test_who_comes_back_under_its_name_takes_its_place_at_once() -> None:
    async def main() -> list[str]:
        log = a_log()
        log.append("k", "a")
        member = log.join("g", "a")
        await member.poll()
        member.die()
        return values(await log.join("g", "a").poll(wait=0))

    assert run(main()).result == ["a"]


def test_a_commit_after_the_partition_was_lost_fails_and_changes_nothing() -> None:
    async def main() -> int:
        log = a_log()
        member = log.join("g", "b")
        log.append("k", "a")
        (record,) = await member.poll()
        log.join("g", "a")  # comes first by name, and gets the only partition
        with pytest.raises(CommitFailed, match="partition 0 belongs to 'b' no more"):
            member.commit(record)
        member.commit()  # commits what it still has: nothing
        return log.lag("g")

    assert run(main()).result == 1


def test_a_commit_of_one_record_commits_all_before_it() -> None:
    async def main() -> list[int]:
        log = a_log()
        member = log.join("g", "a")
        for text in "abc":
            log.append("k", text)
        lags = [log.lag("g")]
        records = await member.poll()
        member.commit(records[1])
        lags.append(log.lag("g"))
        member.commit()
        return [*lags, log.lag("g")]

    assert run(main()).result == [3, 1, 0]


def test_a_lost_commit_brings_back_what_came_after_the_one_before() -> None:
    class Unlucky:
        """The broker never hears of "b" the first time."""

        def __init__(self) -> None:
            self.left = ["b"]

        def touch(self, thing: object) -> None:
            pass

        def comes_twice(self, leg: Leg, what: str, process: str, order: str | None) -> bool:
            return what in self.left and not self.left.remove(what)  # type: ignore[func-returns-value]

    async def main() -> list[str]:
        asyncio.get_running_loop().luck = Unlucky()  # type: ignore[attr-defined]
        log, seen = a_log(), []
        member = log.join("g", "a")
        for text in "abc":
            log.append("k", text)
        while records := await member.poll(1, wait=1):
            seen += values(records)
            member.commit(records[0])
        return seen

    assert run(main()).result == ["a", "b", "b", "c"]


def test_polling_commits_nothing_by_itself() -> None:
    async def main() -> int:
        log = a_log()
        member = log.join("g", "a")
        log.append("k", "a")
        await member.poll()
        member.leave()
        return log.lag("g")

    assert run(main()).result == 1


def test_a_full_partition_does_not_starve_the_others() -> None:
    async def main() -> list[int]:
        log = a_log(partitions=3)
        member = log.join("g", "a")
        for _ in range(9):
            log.append(None, "x")
        return [(await member.poll(1))[0].partition for _ in range(6)]

    assert run(main()).result == [0, 1, 2, 0, 1, 2]


# --- whose record it is ---------------------------------------------------------------------------


def test_a_record_of_another_log_is_never_committed_whatever_its_name() -> None:
    async def main() -> int:
        log, other = a_log(), a_log()  # of one name; and the second may be the first one's heir
        mine, others = log.join("g", "a"), other.join("g", "a")
        for _ in range(3):
            log.append("k", "x")
            other.append("k", "x")
        await mine.poll()
        foreign = (await others.poll())[1]
        assert foreign == log.read(0, 1, 1)[0]  # nothing that can be read tells the two apart
        for record in (foreign, Record(0, 1, "k", "x", 0.0)):
            with pytest.raises(ValueError, match="record must come from this log 'orders'"):
                mine.commit(record)
        return log.lag("g")

    assert run(main()).result == 3


def test_a_group_commits_only_what_it_has_read_itself() -> None:
    async def main() -> list[int]:
        log = a_log()
        mine, others = log.join("g", "a"), log.join("h", "b")
        appended = [log.append("k", text) for text in "abc"]
        records = await others.poll()
        for record in (records[2], appended[2]):
            with pytest.raises(OffsetOutOfRange, match="group 'g' has not read"):
                mine.commit(record)
        await mine.poll(2)
        with pytest.raises(OffsetOutOfRange):
            mine.commit(records[2])
        lags = [log.lag("g")]
        mine.seek_to_start()
        mine.commit(records[1])  # read before it went back: that is no secret
        return [*lags, log.lag("g")]

    assert run(main()).result == [3, 1]


def test_what_was_read_may_be_committed_though_it_has_fallen_off() -> None:
    async def main() -> tuple[int, int]:
        log = a_log(retention=60)
        member = log.join("g", "a")
        log.append("k", "x")
        (record,) = await member.poll()
        await asyncio.sleep(70)
        member.commit(record)
        return log.lag("g"), log.starts()[0]

    assert run(main()).result == (0, 1)


# --- who polls too late ---------------------------------------------------------------------------


def test_who_does_not_poll_in_time_loses_its_place_and_its_commit_is_refused() -> None:
    async def main() -> tuple[float, list[str], list[str]]:
        log = a_log(max_poll_interval=60)
        slow, other = log.join("g", "a"), log.join("g", "b")
        log.append("k", "x")
        waiting = asyncio.create_task(other.poll())
        (record,) = await slow.poll()
        taken = values(await waiting)
        noticed = asyncio.get_running_loop().time()
        assert slow.partitions == []
        for late in (record, None):
            with pytest.raises(CommitFailed, match="it did not poll within 60 s"):
                slow.commit(late)
        other.commit()
        log.append("k", "y")
        other.leave()
        return noticed, taken, values(await slow.poll())  # it joins anew

    assert run(main()).result == (60, ["x"], ["y"])


def test_who_waits_already_learns_when_another_begins_to_be_late() -> None:
    async def main() -> tuple[list[str], float]:
        log = a_log(max_poll_interval=60)
        slow, other = log.join("g", "a"), log.join("g", "b")
        first = asyncio.create_task(slow.poll())
        second = asyncio.create_task(other.poll())
        await asyncio.sleep(10)
        log.append("k", "x")
        await first
        return values(await second), asyncio.get_running_loop().time()

    assert run(main()).result == (["x"], 70)


def test_who_is_late_gains_no_time_by_its_death() -> None:
    async def main() -> float:
        log = a_log(max_poll_interval=60)
        gone, other = log.join("g", "a"), log.join("g", "b")
        log.append("k", "x")
        await gone.poll()
        await asyncio.sleep(50)
        gone.die()
        await other.poll()
        return asyncio.get_running_loop().time()

    assert run(main()).result == 60


def test_who_polls_in_time_or_waits_for_a_record_keeps_its_place() -> None:
    async def main() -> list[str]:
        log, seen = a_log(max_poll_interval=60), []
        member, other = log.join("g", "a"), log.join("g", "b")
        idle = asyncio.create_task(other.poll())
        for number in range(3):
            log.append("k", str(number))
            records = await member.poll()
            await asyncio.sleep(59)
            member.commit(records[0])
            seen += values(records)
        waiting = asyncio.create_task(member.poll())
        await asyncio.sleep(600)
        log.append("k", "late")
        seen += values(await waiting)
        assert not idle.done()
        idle.cancel()
        return seen

    assert run(main()).result == ["0", "1", "2", "late"]


def test_who_was_put_out_and_whose_name_is_taken_is_told_so() -> None:
    async def main() -> list[int]:
        log = a_log(max_poll_interval=60)
        slow = log.join("g", "a")
        await asyncio.sleep(60)
        other = log.join("g", "a")
        with pytest.raises(ConsumerClosed, match="has another member 'a'"):
            await slow.poll(wait=0)
        slow.leave()  # takes nobody else along
        return other.partitions

    assert run(main()).result == [0]


# --- rewinding -----------------------------------------------------------------------------------


def test_a_member_can_rewind_without_touching_the_commits() -> None:
    async def main() -> tuple[list[str], list[str], int]:
        log = a_log()
        member = log.join("g", "a")
        for text in "abc":
            log.append("k", text)
        await member.poll()
        member.commit()
        member.seek(0, 1)
        some = values(await member.poll())
        member.seek_to_start()
        return some, values(await member.poll()), log.lag("g")

    assert run(main()).result == (["b", "c"], ["a", "b", "c"], 0)


def test_a_member_can_be_rewound_while_it_waits() -> None:
    async def main() -> tuple[list[str], int]:
        log = a_log()
        log.append("k", "a")
        member = log.join("g", "a")
        await member.poll()
        member.commit()
        waiting = asyncio.create_task(member.poll())
        await asyncio.sleep(1)
        member.seek(0, 0)
        return values(await waiting), log.lag("g")

    assert run(main()).result == (["a"], 0)


# --- retention -----------------------------------------------------------------------------------


def test_a_record_falls_off_when_it_is_too_old_read_or_not() -> None:
    async def main() -> tuple[list[list[int]], list[str]]:
        log = a_log(retention=60)
        log.append("k", "old")
        await asyncio.sleep(30)
        log.append("k", "young")
        starts = [log.starts()]
        await asyncio.sleep(29.5)
        starts.append(log.starts())
        await asyncio.sleep(0.5)
        starts.append(log.starts())
        return starts, values(await log.join("g", "a").poll())

    assert run(main()).result == ([[0], [0], [1]], ["young"])


def test_who_was_away_too_long_goes_on_with_the_oldest_that_is_held() -> None:
    async def main() -> list[str]:
        log = a_log(retention=60)
        member = log.join("g", "a")
        log.append("k", "a")
        await member.poll(1)
        log.append("k", "b")
        await asyncio.sleep(50)
        log.append("k", "c")
        await asyncio.sleep(20)
        found = await member.poll(wait=0)
        log.append("k", "new")
        return values(found + await member.poll())

    assert run(main()).result == ["c", "new"]


def test_what_is_forgotten_is_freed() -> None:
    async def main() -> int:
        log = a_log(retention=10)
        for _ in range(1000):
            log.append("k", "x")
            await asyncio.sleep(1)
        return len(log._records[0])

    assert run(main()).result <= 22


# --- waiting, leaving, dying ---------------------------------------------------------------------


def test_an_idle_log_ends_a_run_and_moves_no_time() -> None:
    async def main() -> None:
        log = a_log(partitions=2)
        member = log.join("g", "a")
        asyncio.create_task(member.poll())  # noqa: RUF006 - it waits for ever
        await asyncio.sleep(1)

    outcome = run(main(), drain=math.inf)
    assert outcome.elapsed == outcome.trace.clock() == 1


def test_a_dead_member_for_whom_nobody_waits_moves_no_time() -> None:
    async def main() -> None:
        log = a_log()
        member, other = log.join("g", "a"), log.join("g", "b")
        asyncio.create_task(member.poll(wait=100))  # noqa: RUF006 - it waits for ever
        await asyncio.sleep(1)
        member.die()
        other.leave()

    assert run(main(), drain=math.inf).trace.clock() == 1


def test_who_leaves_while_waiting_is_told_so() -> None:
    async def main() -> None:
        member = a_log().join("g", "a")
        waiting = asyncio.create_task(member.poll())
        await asyncio.sleep(1)
        member.leave()
        with pytest.raises(ConsumerClosed, match="'a' has left"):
            await waiting

    run(main())


def test_a_dead_member_receives_nothing_more() -> None:
    async def main() -> bool:
        log = a_log()
        member = log.join("g", "a")
        waiting = asyncio.create_task(member.poll())
        await asyncio.sleep(1)
        member.die()
        log.append("k", "x")
        await asyncio.sleep(100)
        still_waiting = not waiting.done()
        waiting.cancel()
        return still_waiting

    assert run(main()).result


@pytest.mark.parametrize("end", [Member.leave, Member.die])
def test_nothing_can_be_done_in_the_name_of_who_is_gone(end: Any) -> None:
    async def main() -> None:
        member = a_log().join("g", "a")
        end(member)
        with pytest.raises(ConsumerClosed):
            await member.poll()
        with pytest.raises(ConsumerClosed):
            member.commit()
        with pytest.raises(ConsumerClosed):
            member.seek(0, 0)

    run(main())


# --- bad input -----------------------------------------------------------------------------------


def test_bad_options_are_refused_by_name() -> None:
    for options, words in [
        ({"partitions": 0}, "partitions must be 1 or more"),
        ({"retention": -1}, "retention must be"),
        ({"retention": math.nan}, "retention must be"),
        ({"session_timeout": 0}, "session_timeout must be"),
        ({"max_poll_interval": 0}, "max_poll_interval must be"),
    ]:
        with pytest.raises(ValueError, match=words):
            a_log(**options)
    with pytest.raises(ValueError, match="a name must be"):
        PartitionedLog("")


def test_a_bad_record_leaves_the_log_as_it_was() -> None:
    log = a_log(partitions=2)
    with pytest.raises(TypeError, match="value must be a text"):
        log.append("k", b"bytes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="key must be a text"):
        log.append(7, "x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 1,048,576 bytes; got 1,048,577"):
        log.append(None, "x" * (1024 * 1024 + 1))
    with pytest.raises(ValueError, match="UTF-8"):
        log.append(None, "\ud800")
    assert log.ends() == [0, 0]
    assert log.append(None, "x").partition == 0


def test_an_offset_that_the_log_does_not_hold_is_refused() -> None:
    log = a_log(partitions=2)
    member = log.join("g", "a")
    log.append(None, "x")
    member.seek(0, 1)  # the end is a place to wait
    for partition, offset, words in [
        (0, 2, "offset must be 0 to 1 in partition 0"),
        (1, 1, "offset must be 0 to 0 in partition 1"),
        (2, 0, r"partition must be one of \[0, 1\]; got 2"),
        (-1, 0, "partition must be one of"),
        (0, -1, "offset must be 0 or more"),
    ]:
        with pytest.raises(ValueError, match=words):
            member.seek(partition, offset)
    assert member.positions == {0: 1, 1: 0}


def test_two_members_cannot_have_one_name() -> None:
    log = a_log()
    log.join("g", "a")
    with pytest.raises(ValueError, match="group 'g' has a member 'a' already"):
        log.join("g", "a")
    log.join("h", "a")  # another group is another matter


def test_an_unknown_group_is_named() -> None:
    log = a_log()
    log.join("g", "a")
    with pytest.raises(ValueError, match="group must be one of g; got 'x'"):
        log.lag("x")


def test_bad_numbers_of_a_poll_are_refused() -> None:
    async def main() -> None:
        member = a_log().join("g", "a")
        for arguments in ((0, None), (1, -1), (1, math.nan), (1, math.inf)):
            with pytest.raises(ValueError, match="must be"):
                await member.poll(*arguments)

    run(main())


# --- the trace -----------------------------------------------------------------------------------


def test_the_trace_shows_the_way_of_a_record() -> None:
    async def main() -> None:
        log = a_log()
        member = log.join("g", "worker-1")
        log.append("O-1", '{"type": "OrderCreated", "id": "E-1"}')
        await member.poll()
        member.commit()

    trace = run(main()).trace
    assert [(m.sender, m.receiver, m.what, m.fate) for m in trace.messages] == [
        ("producer", "orders", "OrderCreated", Fate.DELIVERED),
        ("orders", "worker-1", "OrderCreated", Fate.DELIVERED),
    ]
    assert trace.states_at(0) == {"orders": {"records": "1", "lag": "0"}}


def test_the_trace_shows_the_lag_of_each_group_once_whoever_commits() -> None:
    async def main() -> None:
        log = a_log(partitions=2)
        members = [log.join("g", "a"), log.join("g", "b"), log.join("h", "c")]
        for _ in range(4):
            log.append(None, "x")
        for member in members:
            await member.poll(1)
            member.commit()

    assert run(main()).trace.states_at(0)["orders"] == {
        "records": "4",
        "lag": "2",
        "lag (h)": "3",
    }


# --- anything goes -------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "append", "poll", "poll", "commit", "join", "leave", "die", "sleep"]
        ),
        st.integers(0, 5),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 4))
def test_no_interleaving_loses_or_invents_a_record(
    steps: list[tuple[str, int]], partitions: int
) -> None:
    async def main() -> None:
        log = a_log(partitions=partitions, max_poll_interval=20)
        members: list[Member] = []
        appended: list[str] = []
        seen: Counter[str] = Counter()
        joined = 0
        for step, number in steps:
            member = members[number % len(members)] if members else None
            if step == "append":
                appended.append(f"m{len(appended)}")
                log.append(f"O-{number}", appended[-1])
            elif step == "join":
                joined += 1
                members.append(log.join("g", f"w{joined}"))
            elif step == "sleep":
                await asyncio.sleep(number * 10)
            elif member is not None and step == "poll":
                seen.update(values(await member.poll(number + 1, wait=0)))
            elif member is not None and step == "commit":
                with suppress(CommitFailed):  # it was put out
                    member.commit()
            elif member is not None:
                members.remove(member)
                member.leave() if step == "leave" else member.die()
        await asyncio.sleep(45)  # every death is noticed
        last = log.join("g", "last")
        everybody = [*members, last]
        for member in members:
            seen.update(values(await member.poll(wait=0)))  # who was put out joins again
        assert sorted(p for m in everybody for p in m.partitions) == list(range(partitions))
        for member in everybody:
            while records := await member.poll(wait=0):
                seen.update(values(records))
            member.commit()
        assert log.lag("g") == 0
        assert seen.keys() == set(appended)

    run(main())
