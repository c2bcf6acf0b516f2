"""How long a call takes, and how it can fail. All durations are in seconds.

Everything random is drawn from a seeded stream that belongs to one service or one fault
(:func:`stream`), so that breaking one service does not shift the latencies of the others: two runs
that differ in one fault differ in nothing else.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from lessonkit.checks import positive_number, probability, whole_number


def stream(seed: int, name: str) -> random.Random:
    """A source of random numbers that depends on the seed and the name, and on nothing else."""
    return random.Random(f"{seed}/{name}")


# --- latency -------------------------------------------------------------------------------------


class Latency(Protocol):
    """Something that says how many seconds the next call takes."""

    def sample(self, rng: random.Random) -> float:
        """Draw the duration of one call, in seconds."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Every call takes the same time."""

    seconds: float

    def __post_init__(self) -> None:
        positive_number("seconds", self.seconds, zero=True)

    def sample(self, rng: random.Random) -> float:
        return self.seconds


@dataclass(frozen=True)
class Uniform:
    """Any duration between ``low`` and ``high`` is equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        positive_number("low", self.low, zero=True)
        positive_number("high", self.high, zero=True)
        if self.high < self.low:
            raise ValueError(f"high must be at least low ({self.low!r}); got {self.high!r}")

    def sample(self, rng: random.Random) -> float:
        return rng.uniform(self.low, self.high)


@dataclass(frozen=True)
class Exponential:
    """Mostly quick, now and then several times the ``mean``."""

    mean: float

    def __post_init__(self) -> None:
        positive_number("mean", self.mean)

    def sample(self, rng: random.Random) -> float:
        return rng.expovariate(1 / self.mean)


_Z99 = 2.3263478740408408  # the standard normal distribution has 99 % of its mass below this


@dataclass(frozen=True)
class LogNormal:
    """The long tail of real services: a usual duration, and one call in a hundred far slower.

    Parameters
    ----------
    mean
        Average duration in seconds.
    p99
        One call in a hundred takes longer than this many seconds. It lies above the mean, and a
        log-normal distribution cannot stretch it to more than 14.9 times the mean.
    """

    mean: float
    p99: float

    def __post_init__(self) -> None:
        positive_number("mean", self.mean)
        positive_number("p99", self.p99)
        most = self.mean * math.exp(_Z99**2 / 2)
        if not self.mean < self.p99 <= most:
            raise ValueError(
                f"p99 must lie above the mean and not above {most:.3g} s; got {self.p99!r}"
            )

    @cached_property
    def mu_sigma(self) -> tuple[float, float]:
        """The mean and the standard deviation of the logarithm."""
        # mean = exp(mu + sigma^2 / 2) and p99 = exp(mu + z sigma); solved for sigma and mu.
        sigma = _Z99 - math.sqrt(max(0.0, _Z99**2 - 2 * math.log(self.p99 / self.mean)))
        return math.log(self.mean) - sigma**2 / 2, sigma

    def sample(self, rng: random.Random) -> float:
        return rng.lognormvariate(*self.mu_sigma)


def as_latency(name: str, value: Latency | float) -> Latency:
    """Take a number of seconds for a :class:`Fixed` latency; leave a distribution as it is.

    Raises
    ------
    TypeError, ValueError
        If ``value`` is neither a number of at least 0 nor a latency.
    """
    if isinstance(value, Fixed | Uniform | Exponential | LogNormal):
        return value
    if hasattr(value, "sample") and not isinstance(value, type):
        return value
    try:
        return Fixed(positive_number(name, value, zero=True))
    except TypeError:
        raise TypeError(
            f"{name} must be a number of seconds or a latency (Fixed, Uniform, Exponential,"
            f" LogNormal); got {value!r}"
        ) from None


# --- faults --------------------------------------------------------------------------------------


class Failure(StrEnum):
    """How one call fails. The caller cannot tell the last two from each other."""

    REFUSED = "refused"  #: nobody takes the request; the caller knows at once
    DOWN = "down before the effect"  #: the request was lost: nothing happened, no reply comes
    REPLY_LOST = "reply lost after the effect"  #: it happened, and no reply comes


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with calls to ``target``.

    Parameters
    ----------
    target
        A service (``"payment"``) or one of its operations (``"payment.charge"``).
    call
        Only the n-th call to that operation, counted from 1; None for every call.
    """

    target: str
    call: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.target, str):
            raise TypeError(f"target must be a service or service.operation; got {self.target!r}")
        if self.call is not None:
            whole_number("call", self.call, low=1)

    @property
    def service(self) -> str:
        """The service that the fault strikes."""
        return self.target.partition(".")[0]

    def concerns(self, operation: str, number: int) -> bool:
        """Whether the fault strikes the ``number``-th call to ``operation`` (``service.name``)."""
        aimed = operation in (self.target, f"{self.target}.{operation.partition('.')[2]}")
        return aimed and self.call in (None, number)

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        """How a call fails that arrives and would take effect at these moments (in seconds)."""
        return None

    def factor(self) -> float:
        """How many times as long the call takes."""
        return 1.0


@dataclass(frozen=True)
class Refused(Fault):
    """The service turns the request away."""

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        return Failure.REFUSED


@dataclass(frozen=True)
class Down(Fault):
    """The service dies with the request in its hands, before it did anything."""

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        return Failure.DOWN


@dataclass(frozen=True)
class ReplyLost(Fault):
    """The service does what it was asked to do, but its reply never arrives."""

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        return Failure.REPLY_LOST


@dataclass(frozen=True)
class Slow(Fault):
    """The call takes ``times`` times as long."""

    times: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_number("times", self.times)

    def factor(self) -> float:
        return self.times


@dataclass(frozen=True)
class Flaky(Fault):
    """Each call fails with probability ``p``, in the way that ``how`` says."""

    p: float = 0.1
    how: Failure = Failure.REFUSED

    def __post_init__(self) -> None:
        super().__post_init__()
        probability("p", self.p)
        if not isinstance(self.how, Failure):
            raise TypeError(f"how must be a Failure; got {self.how!r}")

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        return self.how if rng.random() < self.p else None


@dataclass(frozen=True)
class Outage(Fault):
    """The service is down from ``start`` to ``end`` (seconds since the start of the run).

    A request that arrives meanwhile is refused; one in progress when the outage begins is lost.
    """

    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_number("start", self.start, zero=True)
        positive_number("end", self.end, zero=True, infinite=True)
        if self.end < self.start:
            raise ValueError(f"end must be at least start ({self.start!r}); got {self.end!r}")

    def failure(self, arrival: float, effect: float, rng: random.Random) -> Failure | None:
        if self.start <= arrival < self.end:
            return Failure.REFUSED
        return Failure.DOWN if arrival < self.start <= effect else None


@dataclass(frozen=True)
class Crash:
    """The process of ``service`` is killed right after its ``after``-th step.

    A step is a call to another service, answered or failed; ``after=0`` kills it on its first
    request. The process says nothing more to anybody, and no ``except`` or ``finally`` helps it.
    (Only when the whole run is over, Python throws the coroutines away and runs each ``finally``.)
    """

    service: str
    after: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.service, str):
            raise TypeError(f"service must be the name of a service; got {self.service!r}")
        whole_number("after", self.after)


AnyFault = Fault | Crash


def check_faults(faults: Sequence[AnyFault], services: Sequence[str]) -> tuple[AnyFault, ...]:
    """Return the faults as a tuple, if each is a fault and strikes a service that exists.

    Raises
    ------
    TypeError, ValueError
        Otherwise.
    """
    if not isinstance(faults, Sequence):
        raise TypeError(f"faults must be a list of faults; got {faults!r}")
    for fault in faults:
        if not isinstance(fault, AnyFault):
            raise TypeError(
                "faults must be Refused, Down, ReplyLost, Slow, Flaky, Outage or Crash objects;"
                f" got {fault!r}"
            )
        if fault.service not in services:
            raise ValueError(
                f"{fault!r} strikes an unknown service; known are {', '.join(services)}"
            )
    return tuple(faults)
