"""Notebook 08: the figures of the whole course, and three shops side by side."""
