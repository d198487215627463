"""Many rows told to the database as one JSON text, so that a statement is compiled once for any number of rows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.store.base import Base

TOLD: Final = "told"
"""The parameter that carries the rows of `listed`."""
Columns = Mapping[str, sa.types.TypeEngine[Any]]


def listed(dialect: str, columns: Columns) -> sa.FromClause:
    """The rows of the parameter TOLD as something to select from, with these columns; for no binary values."""
    text = sa.bindparam(TOLD, type_=sa.Text())
    if dialect == "postgresql":
        told = sa.func.json_to_recordset(sa.cast(text, sa.JSON)).table_valued(
            *(sa.column(name, type_) for name, type_ in columns.items()), name="news"
        )
        return told.render_derived(with_types=True)
    rows = sa.func.json_each(text).table_valued("value", name="rows")
    picked = [sa.func.json_extract(rows.c.value, f"$[{place}]") for place in range(len(columns))]
    typed = zip(picked, columns.items(), strict=True)
    return sa.select(*(sa.type_coerce(value, type_).label(name) for value, (name, type_) in typed)).cte("news")


def told(session: Session, columns: Columns, rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The parameter TOLD for these rows, their values in the order of the columns."""
    dialect = session.get_bind().dialect
    written = [list(row) for row in rows]
    for place, type_ in enumerate(columns.values()):
        write = type_.dialect_impl(dialect).bind_processor(dialect)
        if write is not None:
            for row in written:
                if row[place] is not None:
                    row[place] = write(row[place])
    by_name = dialect.name == "postgresql"
    return {
        TOLD: orjson.dumps([dict(zip(columns, row, strict=True)) for row in written] if by_name else written).decode()
    }


def update_by_id(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Set columns of many rows, each named by its id, in one statement; every row names the same columns."""
    if rows:
        names = tuple(rows[0])
        columns = _columns(model, names)
        parameter = told(session, columns, ([row[name] for name in names] for row in rows))
        session.execute(_update(model, names, session.get_bind().dialect.name), parameter)


def _columns(model: type[Base], names: Iterable[str]) -> Columns:
    return {name: model.__table__.c[name].type for name in names}


@lru_cache(maxsize=64)
def _update(model: type[Base], names: tuple[str, ...], dialect: str) -> sa.Update:
    news = listed(dialect, _columns(model, names))
    table = cast(sa.Table, model.__table__)
    return (
        sa.update(table).where(table.c.id == news.c.id).values({name: news.c[name] for name in names if name != "id"})
    )
