"""Quiz ``which_pattern``: which of the four patterns it is."""

from __future__ import annotations

from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import N_

NOTIFICATION = N_("Event notification")
STATE_TRANSFER = N_("Event-carried state transfer")
SOURCING = N_("Event sourcing")
CQRS = N_("CQRS")

which_pattern = Quiz(
    name="which_pattern",
    notebook="02-event-driven",
    point=2,
    title=N_("Which of the four patterns is it?"),
    module=__name__,
    questions=(
        Question(
            N_("A web page shows prices. They belong to another service, which publishes this:"),
            code="""@dataclass(frozen=True)
class PriceChanged(Event):
    product_id: str
    price: int


async def handle(event):
    prices[event.product_id] = event.price""",
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "A notification would only say which product it is, and the page would have"
                        " to call back for the price. Here nobody calls: the price has come along."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "The event brings what the listener needs, and the page keeps a copy of its"
                        " own. It can show prices while the other service is away. In return, the"
                        " copy may be a little old."
                    ),
                    right=True,
                ),
                Option(
                    SOURCING,
                    N_(
                        "Nobody keeps the events here: the listener overwrites the old price, and"
                        " yesterday's is gone. In event sourcing the events are kept, and the price"
                        " is computed from them."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "Close, as there is a copy to read from. But CQRS is about shape: a table"
                        " made for a question, beside the one that is written to. Here a value is"
                        " passed on as it is, so that nobody has to ask for it."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "A bank account has no field for its balance. Whoever wants to know it adds up all"
                " deposits and withdrawals, from the first day on."
            ),
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "A notification is sent to others. Here nobody is told anything: it is"
                        " about how the account itself is stored."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "There, a state is sent along so that others need not ask. Here there is no"
                        " state to send: it comes about only when somebody adds up."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "The deposits and withdrawals are the data; the balance is computed from"
                        " them. So the balance of any day in the past can be had as well."
                    ),
                    right=True,
                ),
                Option(
                    CQRS,
                    N_(
                        "The two often go together: a table of balances, kept up from the events,"
                        " would be CQRS. But here there is no second table to read from."
                    ),
                ),
            ),
        ),
        Question(
            N_("A customer has moved. This is how the shop's card service hears of it:"),
            code="""@dataclass(frozen=True)
class AddressChanged(Event):
    customer_id: str


async def handle(event):
    customer = await call("customers", "get", event.customer_id)
    await print_new_card(customer.name, customer.address)""",
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "The event only says for whom something has changed. The listener asks"
                        " back, gets the newest address, and needs the customer service to be"
                        " there at that moment."
                    ),
                    right=True,
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "Then the new address would be in the event, and the line with `call` would"
                        " not be needed."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "From these events nobody could compute an address: there is none in them."
                        " In event sourcing the events hold everything, as there is nothing else."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "The listener reads where the address is also written. CQRS would give"
                        " reading a table of its own."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "Reviews are written into one table, as before. The page with the best-rated"
                " products reads another table, which a background program keeps up to date."
            ),
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "How the background program hears of a new review is not said here; a"
                        " notification might be the way. What is described is that writing and"
                        " reading are separated."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "There, data are sent along so that others need not ask. Here the same data"
                        " have two shapes: one for writing, and one made for a question."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "The reviews are in an ordinary table, not in a log of events. CQRS can be"
                        " had without event sourcing."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "Write here, read there. The page is quick, since its table is made just"
                        " for it. And for a moment after each new review it is behind."
                    ),
                    right=True,
                ),
            ),
        ),
    ),
)
