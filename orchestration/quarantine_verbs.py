"""What `meterline quarantine` does: count what is refused, show a row of it, release what the configuration mended."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.console import say, table, working
from orchestration.runner import run_job

DESK = "governance/quarantine_desk"
COLUMNS = ["received_date", "reason", "tenant_id", "source_file", "message_count"]


@dataclass(frozen=True)
class Asked:
    """The filters as they were given; an empty one means any."""

    reason: str = ""
    tenant_id: str = ""
    file: str = ""
    first_day: str = ""
    last_day: str = ""


def show_counts(asked: Asked) -> None:
    """Print what is refused, by received day, reason, tenant and file, and what to do about each reason."""
    with working("counting"):
        desk = run_job("list_quarantine", ops={"governance__quarantine_desk": {"config": vars(asked)}})[DESK]
    if not desk["rows"]:
        say("nothing is in quarantine")
        return
    table("In quarantine", COLUMNS, [[row[column] for column in COLUMNS] for row in desk["rows"]])
    for reason, remedy in sorted({(row["reason"], row["remedy"]) for row in desk["rows"]}):
        say(f"{reason}: {remedy}")
    say(f"{desk['refused']:,} refused, {desk['releasable']:,} of them for a reason that a release can mend")


def show(file: str, row: int | None) -> None:
    """Print a refused row as it came, why it is refused and what to do about it."""
    with working("looking"):
        found = run_job("show_quarantined", ops={"show_quarantined_row": {"config": {"file": file, "row": row or 0}}})[
            DESK
        ]
    place = found["source_file"] + (f" row {found['source_row']}" if found["source_row"] else "")
    say(f"{place}, received on {found['received_date']}: {found['reason']}, {found['detail']}")
    say(f"  {found['remedy']}")
    if found["raw"]:
        say(f"  {found['raw']}")


def release(asked: Asked, row: int | None, by: str, because: str) -> None:
    """Record the release through the job, so that it shows in the UI too, and say what stays and why."""
    decision = vars(asked) | {"row": row or 0, "by": by, "because": because}
    with working("recording the decision"):
        done = run_job("release_quarantined", ops={"record_release": {"config": decision}})[DESK]
    for file, count in done["files"]:
        say(f"{by} releases {count:,} rows of {file}")
    for reason, remedy, count in done["staying"]:
        say(f"{count:,} of {reason} stay: {remedy}")
    if done["files"]:
        say("the next `meterline process` meters them under the configuration as it then is")
    else:
        say("nothing was released")
