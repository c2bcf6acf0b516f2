"""The lesson's patterns, one idea per module. Read the one that your notebook is about."""
