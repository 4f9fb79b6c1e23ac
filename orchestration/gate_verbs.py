"""What `meterline gates` does: show what is held and why, and record a person's decision about it."""

from __future__ import annotations

import shlex

from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.gate_docs import GATES
from orchestration.runner import run_job
from orchestration.settings import Settings

HOLDS = """
select gate, subject, to_char(held_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), rule, problem, remedy, is_overridable
from governance.standing_holds
where %(gate)s::text is null or gate = %(gate)s
order by gate, subject, rule
"""
RUNS = """
select gate, to_char(judged_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), occasion, subject_count, held_count
from ledger.gate_runs
where %(gate)s::text is null or gate = %(gate)s
order by gate_run_id desc
limit 50
"""
DECISIONS = """
select gate, subject, decided_by, to_char(decided_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), reason
from ledger.gate_overrides
where %(gate)s::text is null or gate = %(gate)s
order by override_id
"""
SUMMARY = """
select gate, count(*), sum(subject_count)::bigint, sum(held_count)::bigint from ledger.gate_runs group by gate
"""


def show(settings: Settings, gate: str | None, *, everything: bool) -> None:
    """Print what the gates hold; with `everything` also their newest runs and all decisions."""
    _known(gate)
    asked = {"gate": gate}
    with connect(settings, "meterline_auditor") as session:
        holds = session.execute(HOLDS, asked).fetchall()
        runs = session.execute(RUNS, asked).fetchall() if everything else []
        decisions = session.execute(DECISIONS, asked).fetchall() if everything else []
    if everything:
        table("Judged, newest first (UTC)", ["gate", "judged", "asked by", "subjects", "held"], runs)
        table("Decisions", ["gate", "subject", "by", "decided (UTC)", "reason"], decisions)
    if not holds:
        say("nothing is held")
        return
    for gate_name, subject, since, rule, problem, remedy, is_overridable in holds:
        say(f"{gate_name} gate holds {subject} since {since} UTC: {rule}")
        say(f"  {problem}")
        say(f"  {remedy}" + ("" if is_overridable else " (nobody can override this)"))
    example = next((hold for hold in holds if hold[-1]), None)
    if example is not None:
        words = ["meterline", "gates", "override", *example[:2], "--by", "YOUR NAME", "--reason", "WHY"]
        say(f"\nto let one through: {shlex.join(words)}")


def override(settings: Settings, gate: str, subject: str, decided_by: str, reason: str) -> None:
    """Record the decision through the job, so that it shows in the UI too."""
    _known(gate)
    decision = {"gate": gate, "subject": subject, "decided_by": decided_by, "reason": reason}
    with working("recording the decision"):
        covered = run_job("override_gate", ops={"record_override": {"config": decision}})["governance/standing_holds"]
    for problem in covered["problems"]:
        say(f"{decided_by} lets {subject} through the {gate} gate in spite of {problem}")
    say("the next `meterline process` or `meterline close` goes by it; it does not cover what the gate finds later")


def show_summary(settings: Settings) -> None:
    """Print how much each gate has judged and held so far."""
    with connect(settings, "meterline_auditor") as session:
        counted = {row[0]: row[1:] for row in session.execute(SUMMARY).fetchall()}
    rows = [(gate.title, len(gate.rules), *counted.get(gate.name, (0, 0, 0))) for gate in GATES]
    table("Gates", ["gate", "rules", "times asked", "subjects judged", "held"], rows)


def _known(gate: str | None) -> None:
    names = [known.name for known in GATES]
    if gate is not None and gate not in names:
        raise BadInputError(f"there is no gate {gate!r}; the gates are {', '.join(names)}")
