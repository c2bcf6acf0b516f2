"""The same patterns on real parts, started from here, killed for real: databases, DBOS, brokers.

Optional: ``pip install -e ".[real]"``. Nothing of what the learner writes knows of it.
"""
