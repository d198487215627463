"""Where a page of the console ended: what keyset paging goes on from."""

from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from tracker.store.base import BigId, Utc

PAGE: Final = 50
IS_OPEN: Final[sa.ColumnElement[str]] = sa.literal_column("'open'")
"""Written out: a bound value would hide the partial indexes from SQLite."""
AT: Final = sa.bindparam("at", type_=Utc())
LAST: Final = sa.bindparam("last", type_=BigId)


class Mark(NamedTuple):
    """Where a page ended: its last due time (None among those without one) and id."""

    due_at: datetime | None
    id: int
