"""The same patterns on real parts: PostgreSQL and DBOS, started from here, killed for real.

Optional: ``pip install -e ".[real]"``. Nothing of what the learner writes knows of it.
"""
