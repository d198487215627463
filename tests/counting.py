"""Counts what a piece of code says to the database: the statements of one store, in order."""

import re
from collections import Counter
from contextlib import contextmanager

import sqlalchemy as sa

MARKS = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


class Said(list):
    """The statements, as (text, number of parameter sets) in order."""

    def by_table(self):
        """How many statements there were for each verb and table, as `UPDATE shipments`."""
        return Counter(_verb_and_table(text) for text, _ in self)

    def touching(self, table):
        """The statements that name a table."""
        return [text for text, _ in self if f" {table}" in text.replace("\n", " ").replace('"', "")]


@contextmanager
def statements(store):
    """Collect the statements of a store's writing engine, transaction marks aside."""
    said = Said()

    def hear(_connection, _cursor, text, parameters, _context, executemany):
        if text.strip() and not text.startswith(MARKS):  # a ping is empty
            said.append((text, len(parameters) if executemany else 1))

    sa.event.listen(store.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", hear)


def _verb_and_table(text):
    words = re.sub(r"FOR (NO KEY )?UPDATE", "", text).split()
    for verb, before in (("UPDATE", "UPDATE"), ("INSERT", "INTO"), ("DELETE", "FROM"), ("SELECT", "FROM")):
        if verb in words and before in words:
            return f"{verb} {words[words.index(before) + 1]}"
    return words[0]
