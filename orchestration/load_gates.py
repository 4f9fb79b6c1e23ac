"""The two gates of a load: before metering, of the file; after it, of what its tenants delivered that day."""

from __future__ import annotations

from contextlib import nullcontext

import psycopg

from expectations import events, landing
from expectations.runner import Judgement, judge, loaded_meanwhile
from orchestration.gatekeeping import Verdicts, measures, record

# Only what is asked about is measured, and only a question costs the import of the library that answers it: one of
# what was blocked is whether anybody has decided about it.
WAITING = "select distinct status::text from ledger.loads where status in ('landed', 'blocked')"
LANDED = "select * from governance.gate_landing order by load"
DECIDE = """
update ledger.loads as decided
set status = judged.status, detail = judged.detail
from unnest(%s::integer[], %s::ledger.load_status[], %s::text[]) as judged (load_id, status, detail)
where decided.load_id = judged.load_id
"""
UNSEEN = "select array_agg(load_id) from ledger.loads where status = 'applied' and events_judged_at is null"
DELIVERED = "select * from governance.gate_events order by tenant_day"
SEEN = "update ledger.loads set events_judged_at = statement_timestamp() where load_id = any(%s)"


def judge_landed(session: psycopg.Connection) -> tuple[Judgement, Verdicts]:
    """Accept or block every landed load, and accept what was blocked and decided upon since; one transaction."""
    waiting = {status for (status,) in session.execute(WAITING)}
    if not waiting:
        return Judgement(landing.GATE, (), (), {}), Verdicts(None, (), (), ())
    with loaded_meanwhile() if "landed" in waiting else nullcontext():
        rows = measures(session, LANDED)
    judgement = judge(landing.GATE, rows)
    verdicts = record(session, judgement, "landed loads")
    problems = {finding.subject: f"landing gate: {finding.problem}" for finding in verdicts.held}
    details = [problems.get(load) for load in rows["load"]]
    statuses = ["blocked" if detail else "accepted" for detail in details]
    session.execute(DECIDE, ([int(load_id) for load_id in rows["load_id"]], statuses, details))
    return judgement, verdicts


def unseen_loads(session: psycopg.Connection) -> list[int]:
    """Metered loads that the event store gate has not judged."""
    row = session.execute(UNSEEN).fetchone()
    return list(row[0]) if row is not None and row[0] else []


def judge_delivered(session: psycopg.Connection) -> tuple[Judgement, Verdicts]:
    """Judge the received days of all applied loads that this gate has not seen; one transaction, repeatable."""
    unseen = unseen_loads(session)
    if not unseen:
        return Judgement(events.GATE, (), (), {}), Verdicts(None, (), (), ())
    judgement = judge(events.GATE, measures(session, DELIVERED))
    verdicts = record(session, judgement, f"loads up to {max(unseen)}")
    session.execute(SEEN, (unseen,))
    return judgement, verdicts
