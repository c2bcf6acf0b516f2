"""Notebook 09: the patterns on real parts, and what of it was measured elsewhere before."""

from lessonkit.course.real_parts.predictions import (
    guess_killed_for_real,
    guess_no_keys,
    guess_two_relays,
)

__all__ = ["guess_killed_for_real", "guess_no_keys", "guess_two_relays"]
