"""A relay that may be killed at any moment, and loses nothing and keeps the order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.mortal import Disk, Killed, new_disk
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.exercises.trial import run_briefly
from lessonkit.messages import N_, _
from lessonkit.shop import NoReply, ServiceRefused

EVENTS = [f"E-{number:02}" for number in range(1, 13)]
BATCH = 10

# Without ORDER BY the order of the rows is left to the database. This one takes the liberty.
OUTBOX_TABLE = """
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, body TEXT, published INTEGER DEFAULT 0);
    PRAGMA reverse_unordered_selects = ON;
"""

RelayBatch = Callable[..., Awaitable[object]]


@dataclass
class _Deliveries:
    """What a relay has published until nothing was left to do, in one life or in two.

    Attributes
    ----------
    attempts
        In their order: in which life, which event, and whether it went out.
    killed_after
        The last step of the first life, if it was killed.
    per_call
        How many events each call of the first life has published.
    unmarked
        The events that have no mark in the end.
    """

    attempts: list[tuple[int, object, bool]] = field(default_factory=list)
    killed_after: str = ""
    per_call: list[int] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[object]:
        return [body for _life, body, out in self.attempts if out]

    @property
    def lost(self) -> list[str]:
        return [body for body in EVENTS if body not in self.sent]

    @property
    def twice(self) -> list[str]:
        return [body for body, times in Counter(self.sent).items() if times > 1]  # type: ignore[misc]

    @property
    def in_order(self) -> bool:
        return list(dict.fromkeys(self.sent)) == [b for b in EVENTS if b in self.sent]


def _deliver(
    relay_batch: RelayBatch,
    *,
    dies_after: int | None = None,
    fails: str = "",
    error: type = ServiceRefused,
) -> _Deliveries:
    """Let the relay work until all is published; if it is killed, a new one goes on.

    Parameters
    ----------
    dies_after
        Kill it after so many things that it has done; None for never.
    fails, error
        This event fails: with ServiceRefused five times, with NoReply once, after it went out.
    """
    found = _Deliveries()
    failures = [error("broker")] * (5 if error is ServiceRefused else 1) if fails else []

    async def publish(body: object) -> None:
        await asyncio.sleep(0.05)
        failure = failures.pop() if body == fails and failures else None
        with disk.process.doing(_("publish {event}").format(event=body)):
            out = not isinstance(failure, ServiceRefused)
            found.attempts.append((2 if found.killed_after else 1, body, out))
        if failure is not None:
            raise failure

    async def live() -> None:
        for _call in range(12):
            before = len(found.sent)
            with suppress(ServiceRefused, NoReply):
                await relay_batch(disk, publish)
            found.per_call.append(len(found.sent) - before)
            if not _unmarked(disk):
                return
            await asyncio.sleep(1)

    async def live_or_die() -> None:
        with suppress(Killed):
            await live()

    with new_disk(OUTBOX_TABLE) as disk:
        with disk:
            rows = [(body,) for body in EVENTS]
            disk.executemany("INSERT INTO outbox (body) VALUES (?)", rows)
        process = disk.start_process(dies_after=dies_after)
        lived = run_briefly(live_or_die())
        if process.dead:
            found.killed_after = process.stopped_at
            disk.start_process()
            lived = run_briefly(live())
        if lived.error is not None:
            raise lived.error
        disk.start_process()
        found.unmarked = _unmarked(disk)
    return found


def _unmarked(disk: Disk) -> list[str]:
    rows = disk.look("SELECT body FROM outbox WHERE NOT published ORDER BY id")
    return [body for (body,) in rows]


def _judge_relay(relay_batch: RelayBatch) -> Counterexample | None:
    found = _explain_quiet_day(_deliver(relay_batch))
    return found or _explain_kills(relay_batch) or _explain_failures(relay_batch)


def _explain_quiet_day(found: _Deliveries) -> Counterexample | None:
    if not any(found.per_call):
        advice = _("Nothing is published. Each event has to go through `await publish(body)`.")
    elif not found.in_order:
        advice = _(
            "The events come out of order. Without `ORDER BY`, a database gives the rows in any"
            " order it likes; this one likes the newest first."
        )
    elif found.unmarked and len(found.sent) <= len(EVENTS):
        advice = _(
            "The marks were written, but not committed: when the process ended, they were gone. The"
            " next one will publish everything once more."
        )
    elif found.unmarked or found.twice:
        advice = _(
            "What is published needs a mark, `published = 1`, or the next call publishes it again."
        )
    elif found.per_call[:2] != [BATCH, len(EVENTS) - BATCH]:
        advice = _(
            "One call takes the first ten events that are not published yet: not more, and not"
            " fewer if there are ten."
        )
    elif found.lost:
        advice = _("Not every event is published, though nothing went wrong.")
    else:
        return None
    sentence = _(
        "Twelve events are waiting, and nothing goes wrong. The relay is called every second."
        " Published per call: {calls}."
    )
    calls = ", ".join(map(str, found.per_call[:4])) + (", …" if len(found.per_call) > 4 else "")
    return Counterexample(sentence.format(calls=calls), advice, _delivery_table(found))


def _explain_kills(relay_batch: RelayBatch) -> Counterexample | None:
    tried: list[_Deliveries] = []
    for moment in count(1):
        found = _deliver(relay_batch, dies_after=moment)
        if not found.killed_after:
            break
        tried.append(found)
    for found in tried:
        if found.lost:
            advice = _(
                "It was marked, and then the process died before it was published: nobody will look"
                " at it again. Which of the two has to come first?"
            )
            problem = _("Never published: {events}.").format(events=_shortened(found.lost))
        elif not found.in_order:
            advice = _(
                "The events come out of order. Publish one, wait until it is out, and only then the"
                " next."
            )
            problem = _("The events did not come in the order of their rows.")
        else:
            continue
        return _killed(found, problem, advice)
    worst = max(tried, key=lambda found: len(found.twice))
    if len(worst.twice) > 1:
        advice = _(
            "Published and not yet marked: the new process cannot know, and publishes it again. One"
            " such event is not to be avoided. More are, if each is marked before the next goes"
            " out."
        )
        problem = _("Published twice: {events}.").format(events=_shortened(worst.twice))
        return _killed(worst, problem, advice)
    return None


def _killed(found: _Deliveries, problem: str, advice: str) -> Counterexample:
    words = _("The relay was killed after {step}. A new one went on. {problem}")
    sentence = words.format(step=found.killed_after, problem=problem)
    return Counterexample(sentence, advice, _delivery_table(found))


def _explain_failures(relay_batch: RelayBatch) -> Counterexample | None:
    for error in (ServiceRefused, NoReply):
        for event in (EVENTS[0], EVENTS[2], EVENTS[-1]):
            found = _deliver(relay_batch, fails=event, error=error)
            if found.lost:
                advice = _(
                    "The attempt failed, and the event was marked all the same. The mark says that"
                    " it is published: set it only after `publish` has returned."
                )
            elif not found.in_order or found.sent != sorted(map(str, found.sent)):
                advice = _(
                    "The event that failed was overtaken. Whoever hears of an order first that it"
                    " is paid, and then that it exists, cannot make sense of it. Until this event"
                    " is out, the later ones have to wait."
                )
            elif found.unmarked or len(found.sent) > len(EVENTS) + 1:
                advice = _("In the end each event must be published and marked, this one as well.")
            else:
                continue
            if error is ServiceRefused:
                sentence = _("The broker refuses {event} five times, then it takes it.")
            else:
                sentence = _("{event} went out, but the broker's reply was lost, once.")
            return Counterexample(sentence.format(event=event), advice, _delivery_table(found))
    return None


def _delivery_table(found: _Deliveries) -> str:
    """Each event, and as which attempt of which process it was published."""
    lives = {1: _("attempt number")}
    if found.killed_after:
        lives = {1: _("first process, attempt number"), 2: _("second process, attempt number")}
    cells: dict[tuple[str, int], list[str]] = {}
    for number, (life, body, out) in enumerate(found.attempts, 1):
        cell = cells.setdefault((str(body), life), [])
        cell.append(str(number) if out else _("{number} (refused)").format(number=number))
    columns: dict[str, Iterable[object]] = {_("event"): EVENTS}
    for life, head in lives.items():
        columns[head] = [_shortened(cells.get((event, life), [])) for event in EVENTS]
    columns[""] = [_what_became_of(event, found.sent) for event in EVENTS]
    return columns_html(columns)


def _shortened(numbers: list[str]) -> str:
    return ", ".join(numbers if len(numbers) <= 6 else [*numbers[:5], "…"])


def _what_became_of(event: str, sent: list[object]) -> str:
    if event not in sent:
        return "✗ " + _("never")
    if any(str(other) > event for other in sent[: sent.index(event)]):
        return "✗ " + _("overtaken")
    times = sent.count(event)
    return "✓" if times == 1 else _("{times} times").format(times=times)


relay_safe = Exercise(
    name="relay_safe",
    notebook="05-eventual-consistency",
    point=5,
    title=N_("A relay that may be killed at any moment"),
    shown=N_(
        "Nothing is lost, and a kill makes one event come twice at most. That one is for the inbox."
    ),
    starter="""
async def relay_batch(disk, publish):
    rows = disk.execute(
        "SELECT id, body FROM outbox WHERE NOT published ORDER BY id LIMIT 10"
    ).fetchall()
    with disk:
        for id_, _ in rows:
            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))
    for _, body in rows:
        with suppress(ServiceRefused, NoReply):
            await publish(body)
""",
    asks=("relay_batch",),
    judge=_judge_relay,
    hints=(
        N_("What does a mark say when the process dies right after it: that the event is out?"),
        N_(
            "Publish first, then mark. And mark each event by itself, before the next one goes out:"
            " a `with disk:` for every row."
        ),
        N_(
            "If `publish` raises an error, this event gets no mark, and no later one may go out"
            " before it. The next call comes in a second and begins with it."
        ),
        N_("One loop: `await publish(body)`; on an error `return`; else `with disk:` the mark."),
    ),
    answer="""
async def relay_batch(disk, publish):
    rows = disk.execute(
        "SELECT id, body FROM outbox WHERE NOT published ORDER BY id LIMIT 10"
    ).fetchall()
    for id_, body in rows:
        try:
            await publish(body)
        except (ServiceRefused, NoReply):
            return  # the next call begins with this event, and nothing overtakes it
        with disk:
            disk.execute("UPDATE outbox SET published = 1 WHERE id = ?", (id_,))
""",
)
