"""Quiz ``which_pattern``: which of the four patterns it is."""

from __future__ import annotations

from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import N_

NOTIFICATION = N_("Event notification")
STATE_TRANSFER = N_("Event-carried state transfer")
SOURCING = N_("Event sourcing")
CQRS = N_("CQRS")
PATTERNS = (NOTIFICATION, STATE_TRANSFER, SOURCING, CQRS)


def _which(text: str, right: str, *why: str, code: str = "") -> Question:
    """A question, and what to say to whoever chooses the first pattern, the second and so on."""
    options = [Option(one, said, one == right) for one, said in zip(PATTERNS, why, strict=True)]
    return Question(text, tuple(options), code)


which_pattern = Quiz(
    name="which_pattern",
    notebook="02-event-driven",
    point=2,
    title=N_("Which of the four patterns is it?"),
    practises=N_("event-driven patterns"),
    grade=2,
    module=__name__,
    questions=(
        _which(
            N_("A web page shows prices. They belong to another service, which publishes this:"),
            STATE_TRANSFER,
            N_("It would only say which product it is. Here nobody calls back for the price."),
            N_(
                "The event brings what the listener needs: the page can show prices while the other"
                " service is away. In return, its copy may be a little old."
            ),
            N_(
                "Nobody keeps the events here: the listener overwrites the old price. In event"
                " sourcing the price would be computed from all of them."
            ),
            N_(
                "Close, as there is a copy to read from. But CQRS is about shape: a table made for"
                " a question. Here a value is passed on as it is."
            ),
            code="""@dataclass(frozen=True)
class PriceChanged(Event):
    product_id: str
    price: int


async def handle(event):
    prices[event.product_id] = event.price""",
        ),
        _which(
            N_(
                "A bank account has no field for its balance. Whoever wants to know it adds up all"
                " deposits and withdrawals, from the first day on."
            ),
            SOURCING,
            N_("Here nobody is told anything: it is about how the account itself is stored."),
            N_("There is no state to send: it comes about only when somebody adds up."),
            N_(
                "The deposits and withdrawals are the data; the balance is computed from them. So"
                " the balance of any day in the past can be had as well."
            ),
            N_("A table of balances beside it would be CQRS. But here there is no second table."),
        ),
        _which(
            N_("A customer has moved. This is how the shop's card service hears of it:"),
            NOTIFICATION,
            N_(
                "The event only says for whom something has changed. The listener asks back, and"
                " needs the customer service to be there at that moment."
            ),
            N_("Then the new address would be in the event, and `call` would not be needed."),
            N_("From these events nobody could compute an address: there is none in them."),
            N_(
                "The listener reads where the address is also written. CQRS would give reading a"
                " table of its own."
            ),
            code="""@dataclass(frozen=True)
class AddressChanged(Event):
    customer_id: str


async def handle(event):
    customer = await call("customers", "get", event.customer_id)
    await print_new_card(customer.name, customer.address)""",
        ),
        _which(
            N_(
                "Reviews are written into one table, as before. The page with the best-rated"
                " products reads another table, which a background program keeps up to date."
            ),
            CQRS,
            N_("It might tell the program of a new review. But what is described is two tables."),
            N_("It sends data along so that nobody need ask. Here the data have two shapes."),
            N_("The reviews are in an ordinary table. CQRS can be had without event sourcing."),
            N_(
                "Write here, read there. The page is quick, since its table is made just for it."
                " And for a moment after each new review it is behind."
            ),
        ),
    ),
)
