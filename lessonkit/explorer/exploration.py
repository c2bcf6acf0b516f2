"""What an exploration has found, as numbers, as a table, and one case at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lessonkit.checks import one_of
from lessonkit.explorer.case import Case, Outcome, struck_thing
from lessonkit.explorer.decision import Decision, Kind
from lessonkit.luck import Leg
from lessonkit.messages import N_, _, service_name

if TYPE_CHECKING:
    import pandas as pd

MANY = 40
"""A table of more cases than this groups them by what was struck."""

_ENDS = {
    "limit": N_("The limit ended the search after {runs} runs: {cases} different ones so far."),
    "interrupt": N_("Interrupted after {runs} runs: {cases} different ones so far."),
    "": N_("Everything was tried, {most} at a time: {runs} runs, {cases} different ones."),
}


@dataclass(frozen=True)
class Exploration:
    """All different runs of a scenario, the one without bad luck first.

    Attributes
    ----------
    cases
        Those with fewer pieces of bad luck come first.
    alike
        Every run with the case that it is like: in both, every process saw the same.
    runs
        How many runs were made.
    most
        How many pieces of bad luck at a time were tried at most.
    late
        How many late messages in one run were tried at most.
    ended
        ``""`` if everything was tried, ``"limit"`` or ``"interrupt"`` if not.
    outcome
        Runs the scenario under given decisions.
    """

    cases: tuple[Case, ...]
    alike: tuple[tuple[Case, Case], ...]
    runs: int
    most: int
    late: int
    ended: str
    outcome: Callable[[tuple[Decision, ...]], Outcome]

    @property
    def counterexamples(self) -> tuple[Case, ...]:
        """The cases in which the audit finds something; those with the least bad luck first."""
        return tuple(case for case in self.cases if not case.survived)

    @property
    def survived(self) -> int:
        """How many cases (the one without bad luck does not count) end honestly."""
        return sum(case.survived for case in self.cases[1:])

    @property
    def tried(self) -> int:
        """How many different cases with bad luck there are."""
        return len(self.cases) - 1

    @property
    def complete(self) -> bool:
        """Whether everything was tried that was to be tried."""
        return not self.ended

    @property
    def summary(self) -> str:
        """One sentence on how much was tried."""
        words = _(_ENDS[self.ended])
        said = words.format(runs=f"{self.runs:,}", cases=f"{len(self.cases):,}", most=self.most)
        if not self.all_orders:
            return said
        if (orders := len(self._orders)) == 1:
            return said + _(" No message can come in another order.")
        return said + _(" All {orders} orders of the messages were tried.").format(orders=orders)

    @property
    def all_orders(self) -> bool:
        """Whether every order in which the messages can come was tried.

        That is so if one more late message than in any of the cases made no other run.
        """
        return self.complete and max(map(len, self._orders)) < self.late

    @property
    def _orders(self) -> list[tuple[Decision, ...]]:
        """The decisions of the cases in which nothing but the order was unlucky."""
        made = [case.decisions for case in self.cases]
        return [ones for ones in made if all(one.kind is Kind.LATE for one in ones)]

    def find(
        self,
        kind: Kind | str | None = None,
        what: str = "",
        *,
        leg: Leg | str | None = None,
        number: int = 1,
    ) -> Case:
        """The case to which this one piece of bad luck leads.

        Runs that are alike are one case; its title names the bad luck that was tried first.

        Parameters
        ----------
        kind
            Such as ``"refused"``, ``"reply-lost"`` or ``"late"`` (see
            :class:`~lessonkit.explorer.Kind`); None for the case without bad luck.
        what
            The operation or event that is struck, as ``"payment.charge"``; for a kill, what has
            happened just before.
        leg
            Which part of its way, such as ``"reply"``. For a kill, ``"effect"`` unless you say so.
        number
            The how-manieth call of the operation.

        Raises
        ------
        ValueError
            If there is no such kind or leg.
        KeyError
            If there is no such case.
        """
        if kind is None:
            return self.cases[0]
        kind = Kind(one_of("kind", kind, list(Kind)))
        if leg is not None:
            leg = Leg(one_of("leg", leg, list(Leg)))
        elif kind is Kind.KILLED:
            leg = Leg.EFFECT
        for run, case in self.alike:
            if len(run.decisions) != 1 or run.decisions[0].kind is not kind:
                continue
            event = run.events.get(run.decisions[0].event)
            if (
                event is not None
                and what in ("", event.what)
                and event.number == number
                and leg in (None, event.leg)
            ):
                return case
        titles = [case.title for case in self.cases if len(case.decisions) < 2]
        raise KeyError(f"no case {kind} {what!r}; there are {titles}")

    # --- as a table ------------------------------------------------------------------------------

    def to_frame(self, every_case: bool | None = None) -> pd.DataFrame:
        """A table of the cases (money in yen), or, if there are many, of what was struck.

        Parameters
        ----------
        every_case
            True for a row per case, False for a row per operation, service or customer that was
            struck, the worst first, with one example. None: a row per case, unless there are many.
        """
        import pandas as pd

        if every_case is None:
            every_case = len(self.cases) <= MANY
        rows = map(_row, self.cases) if every_case else map(_group_row, self.groups())
        return pd.DataFrame(list(rows))

    def groups(self) -> list[tuple[str, tuple[Case, ...]]]:
        """The cases with bad luck by what was struck (first), the worst group first.

        In each group the counterexamples come first.
        """
        found: dict[str, list[Case]] = {}
        for case in self.cases[1:]:
            found.setdefault(struck_thing(case.decisions[0], case.events), []).append(case)
        groups = [
            (name, tuple(sorted(cases, key=lambda case: case.survived)))
            for name, cases in found.items()
        ]
        return sorted(groups, key=lambda group: sum(c.survived for c in group[1]) / len(group[1]))

    def choices(self) -> dict[int, str]:
        """The cases for a choice in a panel: their numbers and titles, grouped as in the table."""
        number = {id(case): number for number, case in enumerate(self.cases)}
        grouped = [case for _name, cases in self.groups() for case in cases]
        return {
            number[id(case)]: case.title if case.survived else f"✗ {case.title}"
            for case in (self.cases[0], *grouped)
        }


def _row(case: Case) -> dict[str, object]:
    ledgers = case.ledgers
    return {
        _("bad luck"): case.title,
        _("the customer was told"): _told(case),
        _("orders"): sum(order.stands for order in ledgers),
        _("pieces held"): sum(order.held for order in ledgers),
        _("yen taken"): sum(order.money for order in ledgers),
        _("mails"): sum(order.mails for order in ledgers),
        _("what the audit says"): _audit_says(case),
    }


def _group_row(group: tuple[str, tuple[Case, ...]]) -> dict[str, object]:
    name, cases = group
    example = cases[0]
    return {
        _("what was struck"): service_name(name),
        _("tried"): len(cases),
        _("survived"): sum(case.survived for case in cases),
        _("for example"): example.title,
        _("what the audit says"): _audit_says(example),
    }


def _told(case: Case) -> str:
    return _(", ").join(dict.fromkeys(_(answer.told) for answer in case.answers)) or "–"


def _audit_says(case: Case) -> str:
    return "\n".join(violation.sentence for violation in case.violations) or "✓"
