"""Notebook 01: what a failed call leaves, an order service that survives, a mail behind it."""

from lessonkit.course.request_response.predictions import guess_ten_services, guess_two_clicks
from lessonkit.course.request_response.services import mail_behind, survive
from lessonkit.exercises.written import quiz

__all__ = ["guess_ten_services", "guess_two_clicks", "mail_behind", "survive", "what_is_left"]

what_is_left = quiz(__name__, "what_is_left")
