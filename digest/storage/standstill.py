"""Tables for oneself, PostgreSQL only: for what changes them while others work. They wait, and never fail."""

from collections.abc import Iterable

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

#: PostgreSQL looks for a deadlock after a second of waiting: whoever gives up sooner never causes one.
PATIENCE = "900ms"

#: query_canceled, lock_not_available, deadlock_detected
_BUSY = ("57014", "55P03", "40P01")


def stop_others(conn: Connection, tables: Iterable[str]) -> bool:
    """Lock the tables until the transaction ends; False, and nothing locked, if that would take long."""
    try:
        with conn.begin_nested():
            conn.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}'"))
            # one statement: its time counts as a whole
            conn.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
            conn.execute(text("SET LOCAL statement_timeout TO DEFAULT"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) in _BUSY:
            return False
        raise
    return True
