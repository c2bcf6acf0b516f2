"""The driver of SNS and SQS: boto3, and an emulator of the two in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from lessonkit.real.server import HOST, SECONDS_TO_START, free_port
from tests.real.scenarios import (
    Ack,
    End,
    Extend,
    Got,
    GrowOld,
    Join,
    Nack,
    Pass,
    Receive,
    Refused,
    Scenario,
    Settle,
    TimeOut,
    TooSlow,
)

T = TypeVar("T")
# It ends when its stdin is closed, however that came: so it cannot outlive us.
EMULATOR = """
import asyncio, os, sys
off = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
os.environ.update(off, SERVICES="sqs,sns", LOG_LEVEL="ERROR", GATEWAY_PORT=sys.argv[2])
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
config = Config()
config.bind = [":".join(sys.argv[1:])]
config.errorlog = None
until_closed = lambda: asyncio.to_thread(sys.stdin.read)
asyncio.run(serve(app, config, shutdown_trigger=until_closed))
"""
TIMEOUT = 1
"""Seconds of the visibility timeout, if a scenario waits for its end: SQS knows no fractions."""
RETENTION = 60
"""Seconds, likewise; it is the shortest that SQS knows."""
NO_SUCH_RECEIPT = {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}


@contextmanager
def emulator() -> Iterator[str]:
    """Start it, wait until it answers, and end it; gives the URL."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-c", EMULATOR, HOST, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                client("sqs", url).list_queues()
                break
            except EndpointConnectionError:
                assert process.poll() is None, "the emulator has ended"
                assert time.monotonic() < deadline, "the emulator does not answer"
        yield url
        # (Popen's end closes its stdin and waits for it.)


def client(service: str, url: str) -> Any:
    """A client of the emulator: the keys are for show, nothing is tried twice."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Sqs:
    """A queue for each group, and before them a topic if there are several.

    The emulator does one thing after the other, so what should come is there at once.
    """

    order = "all"
    fifo = False
    numbers = count(1)

    def __init__(self, pace: float, clients: tuple[Any, Any]) -> None:
        self.timeout = round(TIMEOUT * pace)
        self.sqs, self.sns = clients
        self.must_be_done_by = float("inf")
        self.over_at = 0.0

    def run(self, playing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(playing)

    async def start(self, scenario: Scenario) -> None:
        number = next(self.numbers)
        self.suffix = f"-{number}.fifo" if self.fifo else f"-{number}"
        self.waits = any(isinstance(step, TimeOut) for step in scenario.steps)
        self.ages = any(isinstance(step, GrowOld) for step in scenario.steps)
        self.group_of: dict[str, str] = {}
        self.dead: dict[str, str] = {}
        self.queues: dict[str, str] = {}
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if self.fifo else {}
        for group in scenario.groups:
            attributes = {
                "VisibilityTimeout": str(self.timeout if self.waits else 600),
                "MessageRetentionPeriod": str(RETENTION if self.ages else 14 * 24 * 3600),
                **fifo,
            }
            if scenario.failures is not None:
                self.dead[group] = self._make(f"{group}-dead", {**attributes})
                redrive = {
                    "deadLetterTargetArn": self._arn(self.dead[group]),
                    "maxReceiveCount": scenario.failures,
                }
                attributes["RedrivePolicy"] = json.dumps(redrive)
            self.queues[group] = self._make(group, attributes)
        self.topic: str | None = None
        if len(scenario.groups) > 1:
            self._fan_out(scenario, {name.replace("Queue", "Topic"): fifo[name] for name in fifo})

    def _make(self, name: str, attributes: dict[str, str]) -> str:
        made = self.sqs.create_queue(QueueName=f"{name}{self.suffix}", Attributes=attributes)
        return str(made["QueueUrl"])

    def _arn(self, queue: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def _fan_out(self, scenario: Scenario, attributes: dict[str, str]) -> None:
        made = self.sns.create_topic(Name=f"orders{self.suffix}", Attributes=attributes)
        self.topic = made["TopicArn"]
        for group, queue in self.queues.items():
            more = {"RawMessageDelivery": "true"}
            if group in scenario.wants:
                more["FilterPolicy"] = json.dumps({"key": list(scenario.wants[group])})
            arn = self._arn(queue)
            # A queue says who may send to it; SNS without that delivers nothing, in silence.
            policy = {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
            allowed = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [policy]})}
            self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=allowed)
            self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes=more)

    async def publish(self, key: str, body: str, id: str | None) -> None:
        more: dict[str, Any] = {"MessageGroupId": key} if self.fifo else {}
        if self.fifo and id is not None:
            more["MessageDeduplicationId"] = id
        if self.topic is None:
            [queue] = self.queues.values()
            self.sqs.send_message(QueueUrl=queue, MessageBody=body, **more)
        else:
            more["MessageAttributes"] = {"key": {"DataType": "String", "StringValue": key}}
            self.sns.publish(TopicArn=self.topic, Message=body, **more)
        if self.ages:
            self._lasts(RETENTION)
        self._check_in_time()

    async def join(self, step: Join) -> None:
        self.group_of[step.consumer] = step.group

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        queue = self.queues[self.group_of[step.consumer]]
        begun = time.monotonic()
        found = self._receive(queue, step.most)
        if found and self.waits:
            self._lasts(self.timeout, begun)
        self._check_in_time()
        return [
            Got(each["Body"], f"#{each['Attributes']['ApproximateReceiveCount']}", each)
            for each in found
        ]

    def _receive(self, queue: str, most: int) -> list[Any]:
        found = self.sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return list(found.get("Messages", []))

    async def settle(self, step: Settle, got: Got | None) -> None:
        assert got is not None
        queue = self.queues[self.group_of[step.consumer]]
        message = {"QueueUrl": queue, "ReceiptHandle": got.handle["ReceiptHandle"]}
        try:
            match step:
                case Ack():
                    self.sqs.delete_message(**message)
                case Nack(requeue=True):
                    self.sqs.change_message_visibility(**message, VisibilityTimeout=0)
                case Extend():
                    self.sqs.change_message_visibility(**message, VisibilityTimeout=3600)
                case _:
                    raise NotImplementedError(step)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NO_SUCH_RECEIPT:
                raise
            # A standard queue says yes to a delete that has no effect (API Reference,
            # DeleteMessage); the emulator says no.
            if self.fifo or not isinstance(step, Ack):
                raise Refused from error
        finally:
            self._check_in_time()

    async def end(self, step: End) -> None:
        del self.group_of[step.consumer]

    async def look(self, group: str, hope: str) -> str:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queues[group], AttributeNames=names)
        self._check_in_time()
        visible, in_flight = (found["Attributes"][name] for name in names)
        return f"{visible} visible, {in_flight} in flight"

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        found: list[Got] = []
        while group in self.dead and (batch := self._receive(self.dead[group], 10)):
            for each in batch:
                self.sqs.delete_message(
                    QueueUrl=self.dead[group], ReceiptHandle=each["ReceiptHandle"]
                )
                found.append(Got(each["Body"]))
        self._check_in_time()
        return found

    async def close(self) -> None:
        for queue in (*self.queues.values(), *self.dead.values()):
            self.sqs.delete_queue(QueueUrl=queue)

    # --- time --------------------------------------------------------------------------------

    def _lasts(self, seconds: float, begun: float | None = None) -> None:
        """Something lasts so long: from now, or from when that was asked for, on."""
        self.over_at = time.monotonic() + seconds
        begun = self.over_at - seconds if begun is None else begun
        self.must_be_done_by = min(self.must_be_done_by, begun + seconds)

    def _check_in_time(self) -> None:
        if time.monotonic() >= self.must_be_done_by:
            raise TooSlow

    async def pass_time(self, step: Pass) -> None:
        await asyncio.sleep(max(0.0, self.over_at + 0.1 - time.monotonic()))
        self.must_be_done_by = float("inf")


class SqsFifo(Sqs):
    fifo = True
