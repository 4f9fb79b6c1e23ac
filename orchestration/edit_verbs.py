"""What `meterline edit` prints."""

from __future__ import annotations

from orchestration.console import say, working
from orchestration.runner import run_job


def edit(config: dict[str, object]) -> None:
    """Record the edit through the job, so that it shows in the UI too, and say what comes of it."""
    with working("recording the decision"):
        done = run_job("edit_event", ops={"record_edit": {"config": config}})["finance/billing_events"]
    event = f"{done['event_id']} of {done['period_id']}"
    say(f"{config['by']} edits {event}: {done['quantity']} becomes {config['quantity']}")
    say("the next `meterline process` counts it; a closed period is amended by the next `meterline close`")
