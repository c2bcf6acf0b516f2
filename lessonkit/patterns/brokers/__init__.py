"""Three message brokers in miniature, each true to what the lesson says of it.

=================== ================================ ==========================================
the broker          its model                        a message is gone
=================== ================================ ==========================================
Apache Kafka        :class:`PartitionedLog`          when it is too old, read or not
RabbitMQ            :class:`WorkQueue`               when its consumer has acknowledged it
AWS SNS and SQS     :class:`Topic`, :class:`Queue`   when its consumer has deleted it, or too old
=================== ================================ ==========================================

Open the ideas first; each is one file, and knows nothing of what is added to it:

- ``partitioned_log.py``: a log keeps all records, and readers keep an offset per partition.
  ``consumer_group.py`` and ``share_group.py`` share the reading.
- ``work_queue.py``: each message goes to one consumer, and is forgotten when acknowledged.
  ``rabbitmq.py`` adds dead letters, and an eye on consumers that are silent or slow.
- ``sqs_queue.py``: receive hides, delete removes, otherwise it comes back. ``sqs.py`` adds FIFO
  order, dead letters and more time.
- ``topic.py``: each message is copied into every queue that wants it.
- ``producer.py``: a send can fail on the way, whoever the broker is.

All live in the memory of a run and in its time; each belongs to one run. No model loses a message
by itself, and none takes any time: what takes time is the work of the consumers. The killed process
of a service (:class:`~lessonkit.faults.Crash`) takes no further message; to the broker its consumer
lives on until somebody says ``die()``.
"""

from lessonkit.patterns.brokers.consumer_group import CommitFailed as CommitFailed
from lessonkit.patterns.brokers.consumer_group import PartitionedLog as PartitionedLog
from lessonkit.patterns.brokers.line import ConsumerClosed as ConsumerClosed
from lessonkit.patterns.brokers.message import UnknownDelivery as UnknownDelivery
from lessonkit.patterns.brokers.partitioned_log import OffsetOutOfRange as OffsetOutOfRange
from lessonkit.patterns.brokers.producer import NotConfirmed as NotConfirmed
from lessonkit.patterns.brokers.producer import Producer as Producer
from lessonkit.patterns.brokers.rabbitmq import WorkQueue as WorkQueue
from lessonkit.patterns.brokers.share_group import ShareGroup as ShareGroup
from lessonkit.patterns.brokers.sqs import Queue as Queue
from lessonkit.patterns.brokers.topic import Topic as Topic
