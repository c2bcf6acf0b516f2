"""Notebook 09: the patterns on real parts, and what of it was measured elsewhere before."""

from lessonkit.exercises.written import prediction

guess_killed_for_real = prediction(__name__, "guess_killed_for_real")
guess_no_keys = prediction(__name__, "guess_no_keys")
guess_two_relays = prediction(__name__, "guess_two_relays")
