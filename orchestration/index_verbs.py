"""What `meterline reindex` does: run the job, then tell the result."""

from __future__ import annotations

from orchestration.console import say, table, working
from orchestration.errors import MeterlineError
from orchestration.runner import run_job

EVENTS = "finance/billing_events"


def reindex(month: str) -> None:
    """Rebuild through the job; raises MeterlineError where a month stays as it is although it should not."""
    with working("rebuilding indexes"):
        done = run_job("rebuild_indexes", ops={"rebuild_bloated_indexes": {"config": {"month": month}}})[EVENTS]
    for name in done["dropped"]:
        say(f"dropped {name}, which a stopped rebuild had left")
    if done["rebuilt"]:
        names = ("month", "name", "entries", "bytes_before", "bytes_after")
        rows = [[index[name] for name in names] for index in done["rebuilt"]]
        table("Rebuilt", ["month", "index", "entries", "bytes before", "bytes after"], rows)
        say(f"{done['bytes_before'] - done['bytes_after']:,} bytes less")
    elif not done["stays"]:
        say("no index of a month that is over takes more than it needs")
    if done["stays"]:
        raise MeterlineError("\n".join(done["stays"]))
