"""Notebook 01: an order that survives, and a mail that comes behind it."""

from lessonkit.course.request_response.exercises import mail_behind, survive

__all__ = ["mail_behind", "survive"]
