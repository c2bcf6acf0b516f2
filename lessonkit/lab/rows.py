"""Rows under the lanes of a picture: what becomes of an outbox, a saga's log, a number.

As in ``outcome.trace.rows += outbox_rows(outbox)``, before the trace is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonkit.messages import _, service_name
from lessonkit.records import Row

if TYPE_CHECKING:
    from lessonkit.patterns.outbox import Outbox
    from lessonkit.patterns.saga import SagaLog
    from lessonkit.trace import Trace

MESSAGES = "SELECT id, type, occurred_at, published_at, token FROM outbox ORDER BY id LIMIT ?"
MOST = 12
"""More rows than this are no picture."""


def outbox_rows(outbox: Outbox) -> list[Row]:
    """A row for each message of the outbox: unpublished, then published.

    A lease is seen only while it is held: of a relay that died, or is still at it.
    """
    rows = []
    for number, kind, stored, published, token in outbox.database.fetch(MESSAGES, (MOST,)):
        life = [(stored, _("unpublished") if token is None else _("leased"))]
        if published is not None:
            life.append((published, _("published")))
        rows.append(Row(f"{number} · {kind}", life))
    return rows


def saga_row(log: SagaLog, saga_id: str) -> Row:
    """What the log of one saga says: the last line of it, at each moment."""
    said = [
        (line.time, f"{line.step}: {_(line.what)}" if line.step else _(line.what))
        for line in log.history(saga_id)
    ]
    return Row(_("log of {saga}").format(saga=saga_id), said)


def state_row(trace: Trace, service: str, key: str) -> Row:
    """A row for what the trace has noted of a service, such as how many messages wait."""
    name = _("{service}: {key}").format(service=service_name(service), key=_(key))
    values = [(c.time, _(c.value)) for c in trace.states if (c.service, c.key) == (service, key)]
    return Row(name, values)
