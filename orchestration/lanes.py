"""The lanes in which a load is metered: as many as cores shall work on it, where there is enough to do for each."""

from __future__ import annotations

import psycopg

from orchestration.database.connection import connect
from orchestration.settings import Settings

# Below this a lane takes longer to begin than it saves.
MESSAGES_OF_A_LANE = 100_000
# The number of the first tenant of each lane: one lane has all.
ONE_LANE = (0,)

WAITING = """
select coalesce(sum(message_count), 0) from ledger.loads where status in ('accepted', 'claimed')
"""
# What a run has added that was stopped is marked with its lanes.
BEGUN = """
select mark.lane_starts
from ledger.marks as mark
inner join ledger.loads as load using (load_id)
where load.status = 'claimed'
limit 1
"""
# Tenants are shared out by their devices: tenant after tenant, until a lane has its share of all.
STARTS = """
select min(tenant_no)
from (
    select
        tenant_no,
        floor((sum(devices) over (order by tenant_no) - devices) * %(lanes)s / sum(devices) over ()) as lane
    from (select tenant_no, count(*) as devices from registry.devices group by tenant_no) as counted
) as shared
where lane > 0
group by lane
order by lane
"""


def wanted(settings: Settings) -> tuple[int, ...]:
    """First tenants of the lanes for what waits to be metered; what was begun in some lanes goes on in the same."""
    with connect(settings, "meterline_transform") as session:
        if lanes := _begun(session):
            return lanes
        (messages,) = session.execute(WAITING).fetchone() or (0,)
        count = min(settings.lanes, messages // MESSAGES_OF_A_LANE)
        if count < 2:
            return ONE_LANE
        return ONE_LANE + tuple(start for (start,) in session.execute(STARTS, {"lanes": count}).fetchall())


def begun(settings: Settings) -> tuple[int, ...]:
    """First tenants of the lanes in which a run began that was stopped; one lane where none was."""
    with connect(settings, "meterline_transform") as session:
        return _begun(session) or ONE_LANE


def _begun(session: psycopg.Connection) -> tuple[int, ...]:
    row = session.execute(BEGUN).fetchone()
    return tuple(row[0]) if row else ()
