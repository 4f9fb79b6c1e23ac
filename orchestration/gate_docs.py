"""The reports of gates as files beside the documentation: written when a gate has judged, and gathered into a site."""

from __future__ import annotations

from pathlib import Path

import psycopg

from expectations import data_docs, events, invoices, landing, scores, usage
from expectations.runner import Judgement
from orchestration.database.connection import connect
from orchestration.gatekeeping import Verdicts
from orchestration.settings import Settings

GATES = (landing.GATE, events.GATE, usage.GATE, invoices.GATE, scores.SCORES)
# What the site lists of each gate: older runs keep their pages, and all of them stay in the ledger.
LISTED = 50
RUNS = """
select run.gate_run_id, run.gate, run.occasion, run.subject_count, run.held_count, run.judged_at, run.document,
    coalesce(said.findings, '[]')
from ledger.gate_runs as run
left join lateral (
    select jsonb_agg(
        jsonb_build_object(
            'subject', finding.subject, 'rule', finding.rule, 'problem', finding.problem, 'remedy', finding.remedy,
            'verdict', verdict.verdict
        ) order by finding.subject, finding.rule
    ) as findings
    from ledger.gate_findings as finding
    inner join ledger.gate_verdicts as verdict using (gate_run_id, subject)
    where finding.gate_run_id = run.gate_run_id
) as said on true
where run.gate_run_id = any(%s)
"""
NEWEST = """
select coalesce(array_agg(gate_run_id), '{}')
from (
    select gate_run_id, row_number() over (partition by gate order by gate_run_id desc) as age from ledger.gate_runs
) as aged
where age <= %s
"""


def gate_docs_folder(settings: Settings) -> Path:
    """Where the reports of this platform's gates lie."""
    return settings.home / "docs" / "gates"


def build_gate_docs(settings: Settings, folder: Path) -> Path:
    """Write the site of the gates into `folder`; returns its index."""
    with connect(settings, "meterline_auditor") as session:
        runs = _runs(session, session.execute(NEWEST, (LISTED,)).fetchall()[0][0])
    return data_docs.build_site(folder, GATES, runs)


def write_report(session: psycopg.Connection, settings: Settings, judgement: Judgement, verdicts: Verdicts) -> None:
    """Write the page of a run that was just recorded in this session's transaction."""
    if verdicts.gate_run_id is None:
        return
    (run,) = _runs(session, [verdicts.gate_run_id])
    data_docs.write_page(gate_docs_folder(settings), judgement.gate, run)


def _runs(session: psycopg.Connection, gate_run_ids: list[int]) -> list[data_docs.GateRun]:
    return [data_docs.GateRun(*row) for row in session.execute(RUNS, (gate_run_ids,)).fetchall()]
