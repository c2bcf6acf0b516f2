"""What people write instead, in notebook 07."""

from __future__ import annotations

from lessonkit.course.choosing import in_line_or_behind
from tests.exercises.answers import Right, Wrong, changed

NEEDS: dict[str, list[str]] = {"in_line_or_behind": []}

ANSWER, STARTER = in_line_or_behind.answer, in_line_or_behind.starter


def moved(call: str, place: str) -> str:
    """The right plan, but with one call in the other place."""
    other = {"synchronous": "asynchronous", "asynchronous": "synchronous"}[place]
    return changed(ANSWER, (f'"{call}": "{other}"', f'"{call}": "{place}"'))


ASKED = ("stock", "fraud check", "delivery day", "payment")
REVERSED = (
    ANSWER.replace('"synchronous"', "?")
    .replace('"asynchronous"', '"synchronous"')
    .replace("?", '"asynchronous"')
)

WRONG = {
    "in_line_or_behind": [
        Wrong("everything in line", STARTER.replace("...", '"synchronous"'), "no orders"),
        Wrong("everything behind", STARTER.replace("...", '"asynchronous"'), "look at the shelf"),
        Wrong("payment behind, because it is slow", moved("payment", "asynchronous"), "slowness"),
        Wrong("the fraud check behind", moved("fraud check", "asynchronous"), "it is stolen"),
        Wrong(
            "the delivery day behind", moved("delivery day", "asynchronous"), "nobody had looked up"
        ),
        Wrong(
            "mail in line, because the customer wants it", moved("mail", "synchronous"), "late mail"
        ),
        Wrong(
            "the packing slip in line", moved("packing slip", "synchronous"), "for want of paper"
        ),
        Wrong("points in line", moved("points", "synchronous"), "points could not be added"),
        Wrong("analytics in line", moved("analytics", "synchronous"), "3 seconds more"),
        Wrong(
            "half of it", changed(STARTER, ('"stock": ...', '"stock": "synchronous"')), "each call"
        ),
        Wrong(
            "a word of its own",
            changed(ANSWER, ('"mail": "asynchronous"', '"mail": "later"')),
            "as text in quotes",
        ),
        Wrong(
            "an entry that is no call",
            changed(ANSWER, ('"mail": "asynchronous"', '"email": "asynchronous"')),
            "in the starting cell",
        ),
        Wrong("capitals", ANSWER.replace('"synchronous"', '"Synchronous"'), "as text in quotes"),
        Wrong("yes and no", ANSWER.replace('"asynchronous"', "False"), "as text in quotes"),
        Wrong(
            "a list",
            changed(ANSWER, ('"mail": "asynchronous"', '"mail": ["asynchronous"]')),
            "as text",
        ),
        Wrong("the wrong way round", REVERSED, "look at the shelf"),
        Wrong(
            "all the quick ones in line",
            ANSWER.replace('"asynchronous"', '"synchronous"').replace(
                '"mail": "synchronous"', '"mail": "asynchronous"'
            ),
            "for want of paper",
        ),
    ]
}

RIGHT = {
    "in_line_or_behind": [
        Right(
            "names for the two words",
            ANSWER.replace('"synchronous"', "HERE")
            .replace('"asynchronous"', "LATER")
            .replace("PLAN", 'HERE, LATER = "synchronous", "asynchronous"\n\nPLAN', 1),
        ),
        Right(
            "two lists",
            """
ASKED = ["stock", "fraud check", "delivery day", "payment"]
TOLD = ["packing slip", "points", "mail", "analytics"]
PLAN = {call: "synchronous" for call in ASKED} | {call: "asynchronous" for call in TOLD}
""",
        ),
        Right(
            "all behind, but for four",
            changed(
                STARTER.replace("...", '"asynchronous"')
                + "for call in CALLS:\n    PLAN[call] = WORD\n",
                (
                    "PLAN = {",
                    f'CALLS, WORD = {sorted(ASKED, reverse=True)}, "synchronous"\nPLAN = {{',
                ),
            ),
        ),
        Right(
            "arguments, and the last call first",
            """
PLAN = dict(analytics="asynchronous", mail="asynchronous", points="asynchronous")
PLAN["payment"] = "synchronous"
PLAN.update(stock="synchronous", **{"packing slip": "asynchronous", "delivery day": "synchronous"})
PLAN["fraud check"] = "".join(["synchro", "nous"])
""",
        ),
        Right(
            "a function that decides",
            """
from collections import defaultdict


def place(call):
    asked = call in {"stock", "payment", "fraud check", "delivery day"}
    return "synchronous" if asked else "asynchronous"


PLAN = defaultdict(lambda: "asynchronous")
for call in ("stock", "fraud check", "delivery day", "payment", "packing slip", "points"):
    PLAN[call] = place(call)
PLAN["mail"], PLAN["analytics"] = map(place, ("mail", "analytics"))
""",
        ),
    ]
}
