"""The same patterns on real parts, started from here and killed for real: PostgreSQL, DBOS, brokers.

Optional: ``pip install -e ".[real]"``. Nothing of what the learner writes knows of it.
"""
