"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from lessonkit.course.request_response.predictions import guess_ten_services, guess_two_clicks
from lessonkit.course.request_response.services import mail_behind, survive

__all__ = ["guess_ten_services", "guess_two_clicks", "mail_behind", "survive"]
