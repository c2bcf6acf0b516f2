"""What people write instead, in notebook 07."""

from __future__ import annotations

from lessonkit.course.choosing import in_line_or_behind
from tests.exercises.answers import Wrong, changed

NEEDS: dict[str, list[str]] = {"in_line_or_behind": []}

ANSWER, STARTER = in_line_or_behind.answer, in_line_or_behind.starter


def moved(call: str, place: str) -> str:
    """The right plan, but with one call in the other place."""
    other = {"in line": "behind", "behind": "in line"}[place]
    return changed(ANSWER, (f'"{call}": "{other}"', f'"{call}": "{place}"'))


WRONG = {
    "in_line_or_behind": [
        Wrong("everything in line", STARTER.replace("...", '"in line"'), "no orders"),
        Wrong("everything behind", STARTER.replace("...", '"behind"'), "look at the shelf"),
        Wrong("payment behind, because it is slow", moved("payment", "behind"), "slowness"),
        Wrong("the fraud check behind", moved("fraud check", "behind"), "somebody else's card"),
        Wrong("the delivery day behind", moved("delivery day", "behind"), "birthday present"),
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
    ]
}
