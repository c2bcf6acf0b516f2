"""What people write instead, in notebook 07."""

from __future__ import annotations

from lessonkit.course.choosing import in_line_or_behind
from tests.exercises.answers import Right, Wrong, changed

NEEDS: dict[str, list[str]] = {"in_line_or_behind": []}

ANSWER, STARTER = in_line_or_behind.answer, in_line_or_behind.starter


def moved(call: str, place: str) -> str:
    """The right plan, but with one call in the other place."""
    other = {"in line": "behind", "behind": "in line"}[place]
    return changed(ANSWER, (f'"{call}": "{other}"', f'"{call}": "{place}"'))


ASKED = ("stock", "fraud check", "delivery day", "payment")
REVERSED = (
    ANSWER.replace('"in line"', "?").replace('"behind"', '"in line"').replace("?", '"behind"')
)

WRONG = {
    "in_line_or_behind": [
        Wrong("everything in line", STARTER.replace("...", '"in line"'), "no orders"),
        Wrong("everything behind", STARTER.replace("...", '"behind"'), "look at the shelf"),
        Wrong("payment behind, because it is slow", moved("payment", "behind"), "slowness"),
        Wrong("the fraud check behind", moved("fraud check", "behind"), "it is stolen"),
        Wrong("the delivery day behind", moved("delivery day", "behind"), "nobody had looked up"),
        Wrong("mail in line, because the customer wants it", moved("mail", "in line"), "late mail"),
        Wrong("the packing slip in line", moved("packing slip", "in line"), "for want of paper"),
        Wrong("points in line", moved("points", "in line"), "points could not be added"),
        Wrong("analytics in line", moved("analytics", "in line"), "3 seconds more"),
        Wrong("half of it", changed(STARTER, ('"stock": ...', '"stock": "in line"')), "each call"),
        Wrong(
            "a word of its own",
            changed(ANSWER, ('"mail": "behind"', '"mail": "later"')),
            "as text in quotes",
        ),
        Wrong(
            "an entry that is no call",
            changed(ANSWER, ('"mail": "behind"', '"email": "behind"')),
            "in the starting cell",
        ),
        Wrong("capitals", ANSWER.replace('"in line"', '"In line"'), "as text in quotes"),
        Wrong("yes and no", ANSWER.replace('"behind"', "False"), "as text in quotes"),
        Wrong("a list", changed(ANSWER, ('"mail": "behind"', '"mail": ["behind"]')), "as text"),
        Wrong("the wrong way round", REVERSED, "look at the shelf"),
        Wrong(
            "all the quick ones in line",
            ANSWER.replace('"behind"', '"in line"').replace(
                '"mail": "in line"', '"mail": "behind"'
            ),
            "for want of paper",
        ),
    ]
}

RIGHT = {
    "in_line_or_behind": [
        Right(
            "names for the two words",
            ANSWER.replace('"in line"', "HERE")
            .replace('"behind"', "LATER")
            .replace("PLAN", 'HERE, LATER = "in line", "behind"\n\nPLAN', 1),
        ),
        Right(
            "two lists",
            """
ASKED = ["stock", "fraud check", "delivery day", "payment"]
TOLD = ["packing slip", "points", "mail", "analytics"]
PLAN = {call: "in line" for call in ASKED} | {call: "behind" for call in TOLD}
""",
        ),
        Right(
            "all behind, but for four",
            changed(
                STARTER.replace("...", '"behind"') + "for call in CALLS:\n    PLAN[call] = WORD\n",
                ("PLAN = {", f'CALLS, WORD = {sorted(ASKED, reverse=True)}, "in line"\nPLAN = {{'),
            ),
        ),
        Right(
            "arguments, and the last call first",
            """
PLAN = dict(analytics="behind", mail="behind", points="behind", payment="in line")
PLAN.update(stock="in line", **{"packing slip": "behind", "delivery day": "in line"})
PLAN["fraud check"] = " ".join(["in", "line"])
""",
        ),
        Right(
            "a function that decides",
            """
from collections import defaultdict


def place(call):
    return "in line" if call in {"stock", "payment", "fraud check", "delivery day"} else "behind"


PLAN = defaultdict(lambda: "behind")
for call in ("stock", "fraud check", "delivery day", "payment", "packing slip", "points"):
    PLAN[call] = place(call)
PLAN["mail"], PLAN["analytics"] = map(place, ("mail", "analytics"))
""",
        ),
    ]
}
