"""A saga that compensates, retries and resumes; read :mod:`lessonkit.patterns.saga.saga` first."""

from lessonkit.patterns.saga.durable import SagaLog
from lessonkit.patterns.saga.progress import SagaResult, SagaState, Step
from lessonkit.patterns.saga.saga import Saga
from lessonkit.patterns.saga.table import SagaTakenOver, SagaUnfinished

__all__ = ["Saga", "SagaLog", "SagaResult", "SagaState", "SagaTakenOver", "SagaUnfinished", "Step"]
