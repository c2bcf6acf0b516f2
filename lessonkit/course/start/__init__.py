"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from lessonkit.course.start.services import shorter_wait as shorter_wait
from lessonkit.course.start.services import stock_back as stock_back
from lessonkit.exercises.written import prediction

guess_slow_mail = prediction(__name__, "guess_slow_mail")
guess_mail_off = prediction(__name__, "guess_mail_off")
