"""What `meterline rates` prints."""

from __future__ import annotations

from orchestration.console import say, table, working
from orchestration.errors import GateFailedError
from orchestration.runner import run_job


def verify(file: str) -> None:
    """Rate the facts of a file in one run and print each. Raises GateFailedError when one does not hold."""
    with working("rating facts"):
        done = run_job("verify_rates", ops={"rating__facts": {"config": {"file": file}}})["rating/verified_rates"]
    rows = [
        [
            verdict["fact_id"],
            verdict["model"],
            verdict["expected"],
            verdict["got"],
            "" if verdict["holds"] else "differs",
        ]
        for verdict in done["verdicts"]
    ]
    table("Facts", ["fact", "model", "expected", "got", ""], rows)
    say(f"{done['hold']} of {done['facts']} facts hold")
    if done["hold"] < done["facts"]:
        raise GateFailedError(f"check rating_facts: {done['facts'] - done['hold']} facts do not hold")
