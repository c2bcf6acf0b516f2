"""Exercises, quizzes and the checklist: the learner's own code on trial.

This is the engine, and it knows no notebook. What is asked in each of them, and how it is judged,
stands in :mod:`lessonkit.course`.
"""
