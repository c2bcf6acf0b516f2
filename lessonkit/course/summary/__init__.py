"""Notebook 08: the lesson's eight points, each with a figure; a glossary; what comes next."""

from lessonkit.exercises.written import prediction, quiz

guess_left_out = prediction(__name__, "guess_left_out")
six_points = quiz(__name__, "six_points")
