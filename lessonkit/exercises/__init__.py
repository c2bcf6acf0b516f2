"""Exercises, quizzes and the checklist: the learner's own code on trial."""
