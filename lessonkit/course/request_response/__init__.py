"""Notebook 01: what a failed call leaves, an order service that survives, a mail behind it."""

from lessonkit.course.request_response.services import mail_behind as mail_behind
from lessonkit.course.request_response.services import survive as survive
from lessonkit.exercises.written import prediction, quiz

guess_ten_services = prediction(__name__, "guess_ten_services")
guess_two_clicks = prediction(__name__, "guess_two_clicks")
what_is_left = quiz(__name__, "what_is_left")
