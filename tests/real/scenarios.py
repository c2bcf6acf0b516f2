"""One language of scenarios: what can happen at a broker, played on its model and on the real part.

A :class:`Scenario` is a list of steps, small frozen dataclasses such as ``Publish("A")`` and
``Receive("x", most=2)``. A :class:`Driver` takes these steps at one broker. :func:`difference`
plays a scenario on the model, then on the real part, and compares step by step *what is
observable*: which messages a consumer gets, in which order, and what it can see of each delivery;
which of its words the broker refuses; what is left, and what was given up.

The first step at which the two differ is the :class:`Difference`; after that, their ways part. A
difference that is known and wanted is a :class:`Known`: a scenario that shows it, its reason, and
what it excuses. Anything else fails, and so does a known difference that no longer shows.

*Time.* The model goes first, in virtual time, so that the real part can be told what to hope for:
what should come is waited for, with a generous bound; what should not, for a moment. So a slow
machine may hide a difference, but never makes one. Where a step must be taken before a timeout
is over, a driver that was not in time raises :class:`TooSlow`, and all is played again with longer
timeouts.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
GROUP = "work"
PACES = (1.0, 3.0, 9.0)
"""By how much the timeouts of a real part are stretched, if the machine is too slow for them."""

# --- the steps -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Publish:
    """Send a message to all groups that want its key. Its body is the key and the text.

    Without a text that is a number: ``A1``, ``B2``, ``A3`` ... ``id`` is for de-duplication.
    """

    key: str
    text: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Join:
    """A consumer joins a group: its consumers share the work, other groups have theirs.

    Nobody comes back under the name of one that is gone.
    """

    consumer: str
    group: str = GROUP
    prefetch: int = 1


@dataclass(frozen=True)
class Receive:
    """A consumer takes what there is for it, up to ``most``."""

    consumer: str
    most: int = 1


@dataclass(frozen=True)
class Ack:
    """It says that the work is done, on the ``which``-th of those that it holds.

    The oldest is 0; after the last one the count begins anew. In a log that is: it commits up to
    and with this one.
    """

    consumer: str
    which: int = 0


@dataclass(frozen=True)
class Nack:
    """It gives one back, unhandled. Without ``requeue`` nobody is to have it again."""

    consumer: str
    which: int = 0
    requeue: bool = True


@dataclass(frozen=True)
class Reject:
    """It says that the work failed. Without ``requeue`` nobody is to have it again."""

    consumer: str
    which: int = 0
    requeue: bool = True


@dataclass(frozen=True)
class Extend:
    """It asks for more time for one that it holds: so much that no :class:`TimeOut` ends it."""

    consumer: str
    which: int = 0


@dataclass(frozen=True)
class Seek:
    """It goes back to one that it holds and reads on from there; None is the oldest of all."""

    consumer: str
    which: int | None = None


@dataclass(frozen=True)
class Leave:
    """A consumer says goodbye."""

    consumer: str


@dataclass(frozen=True)
class Die:
    """A consumer's process is killed; its machine tells the broker that the connection is gone."""

    consumer: str


@dataclass(frozen=True)
class Freeze:
    """A consumer's machine hangs: nobody tells the broker anything."""

    consumer: str


@dataclass(frozen=True)
class TimeOut:
    """So long nothing happens that the broker's patience with all who are silent is over.

    That is the visibility timeout, the session timeout, or two heartbeats.
    """


@dataclass(frozen=True)
class GrowOld:
    """So long nothing happens that every message there is now is too old."""


@dataclass(frozen=True)
class Look:
    """What the broker itself tells of a group's messages: how many wait, how many are held."""

    group: str = GROUP


@dataclass(frozen=True)
class DeadLetters:
    """Take all that was given up in this group."""

    group: str = GROUP


Settle = Ack | Nack | Reject | Extend | Seek
End = Leave | Die | Freeze
Pass = TimeOut | GrowOld
Step = Publish | Join | Receive | Settle | End | Pass | Look | DeadLetters
Seen = tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """What happens, one step after the other.

    Attributes
    ----------
    groups
        Each has all messages for itself (fan-out).
    wants
        For some groups the keys that they want; the others want all.
    failures
        How often a message may be received, or fail, before it is a dead letter: for SQS its
        ``maxReceiveCount``, for RabbitMQ the ``x-delivery-limit``. None: there are no dead letters.
    partitions
        Of a log.
    """

    steps: Sequence[Step]
    groups: Sequence[str] = (GROUP,)
    wants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failures: int | None = None
    partitions: int = 1


# --- who takes the steps -------------------------------------------------------------------------


class Refused(Exception):
    """The broker does not take the consumer's word: too late, or not its message (any more)."""


class TooSlow(Exception):
    """The machine did not take a step in time. That says nothing about the broker."""


@dataclass(frozen=True)
class Got:
    """A message as a consumer has it.

    Attributes
    ----------
    mark
        What else a consumer of this broker can see of the delivery, such as ``redelivered``. The
        drivers of a model and of its real part write it the same way.
    handle
        What the driver needs to settle it; nobody else looks at it.
    """

    body: str
    mark: str = ""
    handle: Any = None


class Driver(Protocol):
    """A broker at which the steps are taken: a model's, or a real part's.

    A driver plays one scenario: it makes queues or topics of its own in ``start``. A step is over
    when the broker has taken it in: ``join`` of a log, say, returns when the partitions are
    divided. A step that the broker does not know is a ``NotImplementedError``.

    Attributes
    ----------
    order
        What of the order is compared in what one step shows: ``"all"``, or only that within each
        ``"key"``.
    """

    order: str

    def run(self, playing: Coroutine[Any, Any, T]) -> T:
        """Run it to its end: a model in virtual time (``lessonkit.run``), else ``asyncio.run``."""

    async def start(self, scenario: Scenario) -> None:
        """Make what the scenario needs."""

    async def publish(self, key: str, body: str, id: str | None) -> None:
        """Send a message; return when the broker has it."""

    async def join(self, step: Join) -> None:
        """Let a consumer take part."""

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        """Wait until the consumer has ``hope`` messages, or very long; take up to ``step.most``.

        If it is less than ``most``, look once more, for a moment, whether there are others.
        """

    async def settle(self, step: Settle, got: Got | None) -> None:
        """Say something about a message. None is only with ``Seek(which=None)``.

        Raises
        ------
        Refused
            If the broker says no, and the consumer hears of it.
        """

    async def end(self, step: End) -> None:
        """Stop a consumer."""

    async def pass_time(self, step: Pass) -> None:
        """Let so much time pass."""

    async def look(self, group: str, hope: str) -> str:
        """What the broker tells, as text; wait until it is what one hopes for, or very long."""

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        """Wait until there are so many, or very long; take all that there are."""

    async def close(self) -> None:
        """End everything; also after an error."""


Make = Callable[[float], Driver]
"""Makes a driver with this pace: timeouts so many times as long as usual."""


class Player:
    """Takes the steps of one scenario at one driver, and keeps what each consumer holds."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.held: dict[str, list[Got]] = {}
        self.joined: set[str] = set()
        self.published = 0

    async def take(self, step: Step, hope: Seen) -> Seen:
        """Take a step; return what it shows. What nobody can do (any more) is not done."""
        consumer = getattr(step, "consumer", None)
        if isinstance(step, Join) and consumer in self.joined:
            return ("was there",)
        if consumer is not None and consumer not in self.held and not isinstance(step, Join):
            return ("nobody",)
        try:
            match step:
                case Publish(key, text, id):
                    self.published += 1
                    await self.driver.publish(key, f"{key}{text or self.published}", id)
                case Join(consumer):
                    await self.driver.join(step)
                    self.held[consumer] = []
                    self.joined.add(consumer)
                case Receive(consumer):
                    got = await self.driver.receive(step, len(hope))
                    self.held[consumer] += got
                    return self.seen(got)
                case Seek(which=None):
                    await self.driver.settle(step, None)
                case Ack() | Nack() | Reject() | Extend() | Seek():
                    return await self.settle(step)
                case Leave(consumer) | Die(consumer) | Freeze(consumer):
                    await self.driver.end(step)
                    del self.held[consumer]
                case TimeOut() | GrowOld():
                    await self.driver.pass_time(step)
                case Look(group):
                    return (await self.driver.look(group, "".join(hope)),)
                case DeadLetters(group):
                    return self.seen(await self.driver.dead_letters(group, len(hope)))
        except Refused:
            return ("refused",)
        return ()

    async def settle(self, step: Settle) -> Seen:
        held = self.held[step.consumer]
        if step.which is None or not held:
            return ("holds none",)
        which = step.which % len(held)
        got = held[which]
        if not isinstance(step, Extend | Seek):
            del held[which]
        await self.driver.settle(step, got)
        return ()

    def seen(self, messages: list[Got]) -> Seen:
        if self.driver.order == "key":
            messages = sorted(messages, key=lambda got: got.body[0])
        return tuple(f"{got.body} {got.mark}".strip() for got in messages)


async def play(scenario: Scenario, driver: Driver, expected: Sequence[Seen] = ()) -> list[Seen]:
    """Take the steps, up to the first that does not show what is expected, if anything is."""
    shown: list[Seen] = []
    try:
        await driver.start(scenario)
        player = Player(driver)
        for number, step in enumerate(scenario.steps):
            shown.append(await player.take(step, expected[number] if expected else ()))
            if expected and shown[-1] != expected[number]:
                break
    finally:
        await driver.close()
    return shown


# --- what they show ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """The first step at which the model and the real part do not show the same."""

    scenario: Scenario
    number: int
    model: Seen
    real: Seen

    @property
    def step(self) -> Step:
        return self.scenario.steps[self.number]

    def __str__(self) -> str:
        steps = "\n  ".join(map(str, self.scenario.steps[: self.number + 1]))
        return f"{self.scenario}\n  {steps}\nmodel: {self.model}\nreal:  {self.real}"


def difference(scenario: Scenario, model: Make, real: Make) -> Difference | None:
    """Play the scenario on both, and compare.

    Raises
    ------
    TooSlow
        If the machine is too slow for it even with the longest timeouts.
    """
    driver = model(1.0)
    expected = driver.run(play(scenario, driver))
    for pace in PACES:
        driver = real(pace)
        try:
            shown = driver.run(play(scenario, driver, expected))
        except TooSlow:
            if pace == PACES[-1]:
                raise
            continue
        break
    last = len(shown) - 1
    if not shown or shown[last] == expected[last]:
        return None
    return Difference(scenario, last, expected[last], shown[last])


@dataclass(frozen=True)
class Known:
    """A difference that is known and wanted.

    Attributes
    ----------
    reason
        Why the model is right to be different.
    shown_by
        A scenario that shows it.
    excuses
        Whether a difference is this one.
    """

    reason: str
    shown_by: Scenario
    excuses: Callable[[Difference], bool]


def check(scenario: Scenario, model: Make, real: Make, known: Sequence[Known] = ()) -> None:
    """Fail unless the model and the real part show the same, or differ in a known way."""
    found = difference(scenario, model, real)
    assert found is None or any(each.excuses(found) for each in known), str(found)


def check_known(known: Known, model: Make, real: Make) -> None:
    """Fail unless the known difference still shows."""
    found = difference(known.shown_by, model, real)
    assert found is not None, f"it is no longer so: {known.reason}"
    assert known.excuses(found), str(found)


# --- random scenarios ----------------------------------------------------------------------------

KEYS = st.sampled_from("AB")
NAMES = "xyzw"


@lru_cache  # hypothesis takes its time to make them
def steps(who: tuple[str, ...], groups: tuple[str, ...]) -> dict[type, st.SearchStrategy[Step]]:
    """For each kind of step the random ones. Of what is chosen from, the first is the simplest."""
    consumer, group, which = st.sampled_from(who), st.sampled_from(groups), st.integers(0, 3)
    return {
        Publish: st.builds(Publish, KEYS, id=st.sampled_from([None, None, None, "1"])),
        Receive: st.builds(Receive, consumer, st.integers(1, 3)),
        Ack: st.builds(Ack, consumer, which),
        Nack: st.builds(Nack, consumer, which, st.booleans()),
        Reject: st.builds(Reject, consumer, which, st.booleans()),
        Extend: st.builds(Extend, consumer, which),
        Seek: st.builds(Seek, consumer, st.none() | which),
        Leave: st.builds(Leave, consumer),
        Die: st.builds(Die, consumer),
        Freeze: st.builds(Freeze, consumer),
        TimeOut: st.builds(TimeOut),
        GrowOld: st.builds(GrowOld),
        Look: st.builds(Look, group),
        DeadLetters: st.builds(DeadLetters, group),
    }


@st.composite
def scenarios(
    draw: st.DrawFn,
    /,
    *kinds: type,
    groups: Sequence[str] = (GROUP,),
    longest: int = 20,
    **setting: Any,
) -> Scenario:
    """Draw a random scenario of these kinds of steps; named twice, a kind comes twice as often.

    It begins with a consumer ``x``, and ends with a look at what is left and what was given up.
    ``setting`` is the rest of the :class:`Scenario`, such as ``failures=2``.
    """
    names = iter(NAMES)
    there: list[str] = []
    drawn: list[Step] = []

    def join(group: str, prefetch: int) -> None:
        if (name := next(names, None)) is not None:
            there.append(name)
            drawn.append(Join(name, group, prefetch))

    join(groups[0], draw(st.integers(1, 3)))
    # As many as can be, and shrunk to as few as will do: a list by itself would be a short one.
    for _ in range(longest):
        kind = draw(st.sampled_from((None, *kinds)))
        if kind is Join or (kind is not None and not there):
            join(draw(st.sampled_from(groups)), draw(st.integers(1, 3)))
        elif kind is not None and there:
            step = draw(steps(tuple(there), tuple(groups))[kind])
            drawn.append(step)
            if isinstance(step, Leave | Die | Freeze):
                there.remove(step.consumer)
    end = [look(group) for group in groups for look in (Look, DeadLetters)]
    return Scenario((*drawn, *end), groups, **setting)
