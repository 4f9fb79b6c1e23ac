"""What the platform itself has found wrong: checks of assets, and what gates hold."""

from __future__ import annotations

from orchestration.doctor.examination import NO_DAGSTER, Finding, Subject, well, wrong
from orchestration.reports import run_url

# Failures whose check has not been through since: few, and the newer ones of the same check are found by its index.
FAILED = """
select failed.check_name, failed.asset_key, failed.run_id,
    to_char(failed.evaluation_event_timestamp, 'YYYY-MM-DD HH24:MI')
from dagster.asset_check_executions as failed
where
    failed.execution_status = 'FAILED'
    and not exists (
        select 1
        from dagster.asset_check_executions as newer
        where
            newer.asset_key = failed.asset_key
            and newer.check_name = failed.check_name
            and newer.id > failed.id
            and newer.execution_status in ('SUCCEEDED', 'FAILED')
    )
order by failed.id desc
"""
HELD = """
select gate, count(distinct subject), min(subject), to_char(min(held_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
from governance.standing_holds
group by gate
order by gate
"""
SHOWN = 10


def checks(subject: Subject) -> list[Finding]:
    """Checks of assets whose newest result is a failure."""
    if not subject.has("dagster.asset_check_executions"):
        return [NO_DAGSTER]
    failed = subject.session.execute(FAILED).fetchall()
    findings = [
        wrong(
            f"{name} of {'/'.join(asset_key.strip('[]').replace(chr(34), '').split(', '))} failed at {at} UTC",
            f"see {run_url(run_id) if run_id else 'the asset in the UI'}, mend the cause, and run what failed again",
        )
        for name, asset_key, run_id, at in failed[:SHOWN]
    ]
    if len(failed) > SHOWN:
        findings.append(wrong(f"{len(failed) - SHOWN} more checks failed", "see the UI, Assets with failed checks"))
    return findings or [well("no check of an asset failed when it was last asked")]


def gates(subject: Subject) -> list[Finding]:
    """What is held until it is mended or a person decides."""
    return [
        wrong(
            f"the {gate} gate holds {count:,} since {since} UTC, such as {example}",
            f"`meterline gates show {gate}` says why and what to do",
        )
        for gate, count, example, since in subject.session.execute(HELD).fetchall()
    ] or [well("no gate holds anything")]
