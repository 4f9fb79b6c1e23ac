"""The landing gate: may a file's rows go on to metering?"""

from __future__ import annotations

import psycopg

# A load is whole when every record of its file is in the raw tables exactly once.
GATE = """
with counted as (
    select loads.load_id, loads.message_count, coalesce(plain.rows, 0) + coalesce(odd.rows, 0) as row_count
    from ledger.loads as loads
    left join (
        select load_id, count(*) as rows from raw.messages
        where load_id in (select load_id from ledger.loads where status = 'landed') group by load_id
    ) as plain using (load_id)
    left join (
        select load_id, count(*) as rows from raw.odd_messages
        where load_id in (select load_id from ledger.loads where status = 'landed') group by load_id
    ) as odd using (load_id)
    where loads.status = 'landed'
)
update ledger.loads as loads
set
    status = (
        case when counted.row_count = counted.message_count then 'accepted' else 'blocked' end
    )::ledger.load_status,
    detail = case
        when counted.row_count <> counted.message_count then format(
            'landing gate: %s records in the file, %s in the raw tables', counted.message_count, counted.row_count
        )
    end
from counted
where loads.load_id = counted.load_id
returning loads.status::text
"""


def gate_landed_loads(session: psycopg.Connection) -> tuple[int, int]:
    """Judge every landed load; returns how many were accepted and how many blocked."""
    verdicts = [row[0] for row in session.execute(GATE).fetchall()]
    return verdicts.count("accepted"), verdicts.count("blocked")
