"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from lessonkit.course.start.predictions import guess_mail_off, guess_slow_mail
from lessonkit.course.start.services import shorter_wait, stock_back

__all__ = ["guess_mail_off", "guess_slow_mail", "shorter_wait", "stock_back"]
