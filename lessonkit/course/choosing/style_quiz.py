"""Quiz ``which_style``: which pattern for which need."""

from __future__ import annotations

from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import N_


def _ask(text: str, *options: tuple[str, str], right: str) -> Question:
    """A question with its options, each with what to say to whoever chooses it."""
    return Question(text, tuple(Option(one, why, one == right) for one, why in options))


OUTBOX = N_("An outbox: order and event in one transaction")
SAGA = N_("Orchestration: a saga with a log")
CALL = N_("It asks the voucher service to redeem it, and waits")
SOURCING = N_("Event sourcing: the changes are what is stored")
READ_MODEL = N_("CQRS: a read model, kept up to date by events")
INBOX = N_("An inbox, or the event's id as idempotency key")

which_style = Quiz(
    name="which_style",
    notebook="07-choosing",
    point=6,
    title=N_("Which pattern for which need?"),
    practises=N_("choosing a pattern"),
    grade=3,
    module=__name__,
    questions=(
        _ask(
            N_(
                "An order was saved. Then the process died, and nobody has ever heard of the order."
                " What does this shop need?"
            ),
            (
                N_("A broker that is never down"),
                N_("The broker was well. The process died before it could tell it anything."),
            ),
            (
                N_("Publish first, save afterwards"),
                N_("Then everybody may hear of an order that does not exist."),
            ),
            (
                OUTBOX,
                N_(
                    "Right. Both are stored, or neither. A relay then tells it, as often as it"
                    " takes, even if it is a new process that does so."
                ),
            ),
            (
                N_("A compensation for the order"),
                N_("There is nothing to undo: the order stands. It only has to be told."),
            ),
            right=OUTBOX,
        ),
        _ask(
            N_(
                "When a later step fails, the money has to go back. And support wants to see at any"
                " time where an order stands."
            ),
            (
                SAGA,
                N_("Right. It knows how to undo what has been done, and its log says where it is."),
            ),
            (
                N_("Choreography: each service listens to the others"),
                N_("It can give the money back. But where the order stands is written nowhere."),
            ),
            (
                N_("Retries, until every step succeeds"),
                N_("They help for a while. A step that is refused for good has to be undone."),
            ),
            (
                N_("One transaction over all services"),
                N_("Each service has its own database, and so has the bank: nobody holds all."),
            ),
            right=SAGA,
        ),
        _ask(
            N_(
                "A voucher is redeemed at the till. It must count only once, even if two tills try"
                " it in the same second. How does the till find out?"
            ),
            (
                N_("It keeps a copy of all vouchers, updated by events"),
                N_("A copy lags behind: in the same second both tills find the voucher valid."),
            ),
            (
                N_("It publishes VoucherUsed, and goes on"),
                N_("Then the customer leaves before anybody can say no."),
            ),
            (
                N_("It publishes a question, and waits for an answering event"),
                N_("That is a call in two parts: it waits as long, and is harder to follow."),
            ),
            (CALL, N_("Right: request-response. One service decides, and the till knows at once.")),
            right=CALL,
        ),
        _ask(
            N_(
                "The auditor asks who changed a price last March, when, and from what to what."
                " Today's table shows only today's price."
            ),
            (
                N_("CQRS: a table of its own for reading"),
                N_("It shows the present in another form. What was never stored is not in it."),
            ),
            (
                SOURCING,
                N_("Right. Every change stays, and the price of any day is computed from them."),
            ),
            (
                N_("Two more columns: changed_by and changed_at"),
                N_("They know the last change. The next one overwrites them, March included."),
            ),
            (
                N_("A log file beside the table"),
                N_("Two writes: one of them can fail unnoticed. Then the auditor has two truths."),
            ),
            right=SOURCING,
        ),
        _ask(
            N_(
                'The page "My orders" gathers from seven tables each time it is opened, and has'
                " become slow. It may be a second behind."
            ),
            (
                N_("Event sourcing"),
                N_("By itself it makes reading slower: a list would need the whole history."),
            ),
            (
                N_("Seven calls at the same time"),
                N_("Then it is as slow as the slowest of them, and down when any of them is."),
            ),
            (
                READ_MODEL,
                N_("Right. It reads one table that has just its form. It lags, and here it may."),
            ),
            right=READ_MODEL,
        ),
        _ask(
            N_(
                "The reply of a consumer was lost, so the broker delivered the event again. The"
                " customer has paid twice."
            ),
            (INBOX, N_("Right. Delivered at least once, effective once: it is recognised.")),
            (
                N_("Switch off the second delivery"),
                N_("Then a lost event stays lost: a missing charge instead of a double one."),
            ),
            (
                N_("An outbox at the sender"),
                N_("It sees to it that no event is lost. It is a reason why some come twice."),
            ),
            (
                N_("A broker that delivers exactly once"),
                N_("Without the reply no broker can know whether the money has been taken."),
            ),
            right=INBOX,
        ),
    ),
)
