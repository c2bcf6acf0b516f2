"""Which broker for which task? The runs of the notebook give the reasons."""

from __future__ import annotations

from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import N_

KAFKA, RABBITMQ, SQS = N_("Kafka"), N_("RabbitMQ"), N_("SQS/SNS")
CALL = N_("No broker: a call")


def _question(words: str, right: str, **whys: str) -> Question:
    options = zip((KAFKA, RABBITMQ, SQS, CALL), whys.values(), strict=True)
    return Question(words, tuple(Option(name, why, name == right) for name, why in options))


which_broker = Quiz(
    name="which_broker",
    notebook="03-message-brokers",
    point=6,
    title=N_("Which broker for which task?"),
    practises=N_("message broker"),
    grade=2,
    questions=(
        _question(
            N_(
                "The accountants have found a mistake in their program. They want to read the"
                " orders of the last five days once more, and next month another team wants to read"
                " along."
            ),
            right=KAFKA,
            kafka=N_(
                "Yes. Reading takes nothing out of the log, and each group has a bookmark of its"
                " own. In the run the reader moved it back and got O-001 to O-003 once more. But"
                " mind the seven days: after ten, the newcomer found nothing."
            ),
            rabbitmq=N_(
                "What is acknowledged is gone. In the run the second reading brought None, where"
                " Kafka gave all three records again."
            ),
            sqs=N_(
                "A second team can get a queue of its own, for what comes from now on. But what is"
                " deleted is gone: of ten messages the newcomer found the five that nobody had"
                " handled."
            ),
            call=N_(
                "A call can ask for what is stored now. Nobody keeps the calls of last week, so"
                " nobody can hear them once more."
            ),
        ),
        _question(
            N_(
                "A small shop on AWS makes an invoice as a PDF for each order. Now and then one"
                " fails, and the others must not wait for it. There is nobody to run servers."
            ),
            right=SQS,
            kafka=N_(
                "In a consumer group the failing one would block its partition: in the run only one"
                " of four healthy messages got through. Dead letters are work of your own, and so"
                " are servers and partitions."
            ),
            rabbitmq=N_(
                "Tried again, the failing one went back to the head of the classic queue, and one"
                " of four healthy messages got through. Dead letters after three attempts, in a"
                " quorum queue, help with that. But the server is still yours to run."
            ),
            sqs=N_(
                "Yes. In the run the other messages overtook the broken one: all four were handled,"
                " and after three attempts it lay in the dead letters. And the servers are somebody"
                " else's."
            ),
            call=N_(
                "Then the order would wait for its PDF, and fail with it. Nobody needs the invoice"
                " at once: it may be made a little later, if somebody keeps the job."
            ),
        ),
        _question(
            N_(
                "The customer types in a coupon code. The page shows the new price within a second,"
                " and without it the customer cannot go on."
            ),
            right=CALL,
            kafka=N_(
                "In no run on this page did a consumer answer the producer. You would need a second"
                " topic for the answers, and the customer would wait all the same."
            ),
            rabbitmq=N_(
                "The question would be kept well, as long as it takes. But that helps nobody who"
                " stands there and waits. And the answer would need a second queue."
            ),
            sqs=N_(
                "If the worker dies with the question in hand, the next one sees it after 30 s, as"
                " in the run. By then the customer has gone."
            ),
            call=N_(
                "Yes. Who cannot go on without the answer waits in any case. A broker turns “too"
                " many at once” into “a little later”, and here later is too late. A call that"
                " fails says so at once."
            ),
        ),
        _question(
            N_(
                "In our own data centre, workers check photos, each for one to ten minutes. If one"
                " dies, another takes over at once. One that is only slow is left in peace."
            ),
            right=RABBITMQ,
            kafka=N_(
                "In the run the second worker came 45 s after the death, and who was busy for more"
                " than five minutes was put out of the group. And whatever lies behind a ten-minute"
                " job in its partition waits, even if another worker is idle."
            ),
            rabbitmq=N_(
                "Yes. It holds the connection, so it noticed the killed worker at once, and the"
                " slow worker's message was handled once, even after six minutes. And each worker"
                " more makes it faster: 80 messages a second with eight."
            ),
            sqs=N_(
                "It cannot tell the dead from the slow: the slow worker's message was handled"
                " twice, unless the worker said in time that it needed longer. A death costs the"
                " whole timeout. And it exists on AWS only."
            ),
            call=N_(
                "Somebody would hold the line for ten minutes, and if the worker dies, the job is"
                " lost unless the caller asks again. A broker keeps it."
            ),
        ),
        _question(
            N_(
                "In our own data centre there is a team for servers. The events of an order must be"
                " handled in order, but one consumer is too slow: four are to share the work."
            ),
            right=KAFKA,
            kafka=N_(
                "Yes. With the order as key, all six orders stayed in order, though three consumers"
                " worked. Four partitions keep four busy. A fifth member of the group has work only"
                " with more partitions, so think of their number beforehand."
            ),
            rabbitmq=N_(
                "A queue keeps its order with one consumer. With three, four of six orders were"
                " mixed up, because each took the next message and its own time."
            ),
            sqs=N_(
                "SQS FIFO could do it, with the order as its group: all six stayed in order. But it"
                " exists on AWS only. And plain SQS mixed up four of six."
            ),
            call=N_(
                "With calls the one who tells waits for the slow one each time. Nothing is kept"
                " either: whoever is away when the call comes has missed it."
            ),
        ),
    ),
    module=__name__,
)
