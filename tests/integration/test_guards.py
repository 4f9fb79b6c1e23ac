"""What was written stays: no table that migrations guard lets itself be changed or emptied, whoever asks."""

from __future__ import annotations

import psycopg

from orchestration.database.connection import connect
from orchestration.database.guarded import APPEND_ONLY, PURGED
from orchestration.settings import Settings

LAST_COLUMN = """
select attname from pg_attribute
where attrelid = %s::regclass and attnum > 0 and attidentity = '' and attgenerated = '' and not attisdropped
order by attnum desc
limit 1
"""


def test_guarded_tables_refuse_every_change_even_of_a_superuser(fresh_database: Settings) -> None:
    changed = []
    with connect(fresh_database, autocommit=True) as session:
        for table in (*APPEND_ONLY, *PURGED):
            ((column,),) = session.execute(LAST_COLUMN, (table,)).fetchall()
            changes = [f"update {table} set {column} = {column}", f"truncate {table} cascade"]
            # Approved purges may delete; what they let pass is told by the rows that are gone.
            if table in APPEND_ONLY:
                changes.append(f"delete from {table}")
            for change in changes:
                try:
                    session.execute(change.encode())
                    changed.append(change)
                except psycopg.errors.InsufficientPrivilege:
                    pass
    assert changed == []
