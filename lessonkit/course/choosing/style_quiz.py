"""Quiz ``which_style``: which pattern for which need."""

from __future__ import annotations

from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import N_

which_style = Quiz(
    name="which_style",
    notebook="07-choosing",
    point=6,
    title=N_("Which pattern for which need?"),
    module=__name__,
    questions=(
        Question(
            N_(
                "An order was saved. Then the process died, and nobody has ever heard of the order."
                " What does this shop need?"
            ),
            (
                Option(
                    N_("A broker that is never down"),
                    N_(
                        "The broker was well. The process died between the saving and the"
                        " publishing, so the broker was never told."
                    ),
                ),
                Option(
                    N_("Publish first, save afterwards"),
                    N_(
                        "Then it dies the other way round: everybody hears of an order that does"
                        " not exist."
                    ),
                ),
                Option(
                    N_("An outbox: order and event in one transaction"),
                    N_(
                        "Right. Both are stored, or neither. A relay then tells it, as often as it"
                        " takes, even if it is a new process that does so."
                    ),
                    right=True,
                ),
                Option(
                    N_("A compensation for the order"),
                    N_("There is nothing to undo: the order stands. It only has to be told."),
                ),
            ),
        ),
        Question(
            N_(
                "When a later step fails, the money has to go back. And support wants to see at any"
                " time where an order stands."
            ),
            (
                Option(
                    N_("Orchestration: a saga with a log"),
                    N_(
                        "Right. It knows what has been done and how to undo it, and its log is the"
                        " one place to look."
                    ),
                    right=True,
                ),
                Option(
                    N_("Choreography: each service listens to the others"),
                    N_(
                        "It can give the money back, too. But where the order stands is written"
                        " nowhere: support would have to gather it from every service."
                    ),
                ),
                Option(
                    N_("Retries, until every step succeeds"),
                    N_(
                        "Retries help when a service is down for a while. A step that is refused"
                        " for good has to be undone."
                    ),
                ),
                Option(
                    N_("One transaction over all services"),
                    N_(
                        "Each service has a database of its own, and the bank has one, too. Nobody"
                        " can hold all of them in one transaction."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "A voucher is redeemed at the till. It must count only once, even if two tills try"
                " it in the same second. How does the till find out?"
            ),
            (
                Option(
                    N_("It keeps a copy of all vouchers, updated by events"),
                    N_(
                        "A copy lags behind. In the same second both tills find the voucher valid,"
                        " and both accept it."
                    ),
                ),
                Option(
                    N_("It publishes VoucherUsed, and goes on"),
                    N_(
                        "Then the customer leaves before anybody can say no. The till's next step"
                        " depends on the answer."
                    ),
                ),
                Option(
                    N_("It publishes a question, and waits for an answering event"),
                    N_(
                        "That is a call in two parts: it waits as long as a call, and is harder to"
                        " follow."
                    ),
                ),
                Option(
                    N_("It asks the voucher service to redeem it, and waits"),
                    N_(
                        "Right: request-response. One service decides, in one place, and the till"
                        " knows at once."
                    ),
                    right=True,
                ),
            ),
        ),
        Question(
            N_(
                "The auditor asks who changed a price last March, when, and from what to what."
                " Today's table shows only today's price."
            ),
            (
                Option(
                    N_("CQRS: a table of its own for reading"),
                    N_(
                        "It shows the present in another form. What was never stored cannot be read"
                        " from it either."
                    ),
                ),
                Option(
                    N_("Event sourcing: the changes are what is stored"),
                    N_(
                        "Right. Every change stays, with its time and its author, and the price of"
                        " any day can be computed from them."
                    ),
                    right=True,
                ),
                Option(
                    N_("Two more columns: changed_by and changed_at"),
                    N_("They know the last change. The next one overwrites them, March included."),
                ),
                Option(
                    N_("A log file beside the table"),
                    N_(
                        "Two places, two writes: one of them can fail, and nobody notices. Then the"
                        " auditor has two truths."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                'The page "My orders" gathers from seven tables each time it is opened, and has'
                " become slow. It may be a second behind."
            ),
            (
                Option(
                    N_("Event sourcing"),
                    N_(
                        "That is about what is stored. By itself it makes reading slower: a list"
                        " would have to go through the whole history."
                    ),
                ),
                Option(
                    N_("Seven calls at the same time"),
                    N_(
                        "The page is then as slow as the slowest of them, and it is down when any"
                        " of them is."
                    ),
                ),
                Option(
                    N_("CQRS: a read model, kept up to date by events"),
                    N_(
                        "Right. The page reads one table that has just the form it needs. It lags"
                        " a little, and here it may."
                    ),
                    right=True,
                ),
            ),
        ),
        Question(
            N_(
                "The reply of a consumer was lost, so the broker delivered the event again. The"
                " customer has paid twice."
            ),
            (
                Option(
                    N_("An inbox, or the event's id as idempotency key"),
                    N_(
                        "Right. Delivered at least once, and effective once: the second time it is"
                        " recognised, and nothing happens."
                    ),
                    right=True,
                ),
                Option(
                    N_("Switch off the second delivery"),
                    N_(
                        "Then a lost event stays lost. You would exchange a double charge for one"
                        " that is missing."
                    ),
                ),
                Option(
                    N_("An outbox at the sender"),
                    N_(
                        "It makes sure that the event is not lost. It is itself a reason why events"
                        " come twice."
                    ),
                ),
                Option(
                    N_("A broker that delivers exactly once"),
                    N_(
                        "Without the reply no broker can know whether the money has been taken."
                        " Only the one who takes it can."
                    ),
                ),
            ),
        ),
    ),
)
