"""In how many lanes a load is metered: as many as cores shall work on it, where there is enough to do for each."""

from __future__ import annotations

from orchestration.database.connection import connect
from orchestration.settings import Settings

# Below this a lane takes longer to begin than it saves.
MESSAGES_OF_A_LANE = 100_000

# What waits, what a run that was stopped had begun with, and how many tenants there are to be shared out.
WAITING = """
select
    (select coalesce(sum(message_count), 0) from ledger.loads where status in ('accepted', 'claimed')),
    (
        select max(mark.lanes)
        from ledger.marks as mark
        inner join ledger.loads as load using (load_id)
        where load.status = 'claimed'
    ),
    (select count(*) from registry.tenants)
"""


def wanted(settings: Settings) -> int:
    """Lanes for what waits to be metered; what was begun in some number of lanes goes on in as many."""
    with connect(settings, "meterline_transform") as session:
        messages, begun, tenants = session.execute(WAITING).fetchone() or (0, None, 0)
    return int(begun or max(1, min(settings.lanes, messages // MESSAGES_OF_A_LANE, tenants)))
