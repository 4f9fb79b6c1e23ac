"""Gates as asset checks: what was judged, what is held and why, in words that the UI shows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetKey, MetadataValue, TableRecord

from expectations.runner import Finding, Judgement
from orchestration import alerts
from orchestration.gatekeeping import Verdicts
from orchestration.observations import Observation
from orchestration.reports import gate_report_url

LOG = logging.getLogger("meterline.gates")
SHOWN = 20
# Gates whose subjects are TENANT:DATE.
OF_TENANTS = ("events", "usage")


def check_result(
    judgement: Judgement, verdicts: Verdicts, *, check_name: str, asset_key: AssetKey, is_last: bool = False
) -> AssetCheckResult:
    """The outcome of a gate's run for the UI; what is held is an alert as well.

    What is held warns as long as anything may go on, because it holds only itself; where nothing may, it is an error,
    which keeps the run from its next step, unless the gate `is_last` and has none to keep it from.
    """
    if verdicts.held:
        alerts.send(_alert(judgement, verdicts))
        for finding in verdicts.held[:SHOWN]:
            LOG.info("%s", finding, extra={"tenant": _tenant(finding)})
    goes_on = bool(verdicts.passed or verdicts.overridden) or not verdicts.held
    held = sorted({finding.subject for finding in verdicts.held})
    metadata: dict[str, MetadataValue[Any]] = {
        "judged": MetadataValue.int(len(judgement.subjects)),
        "passed": MetadataValue.int(len(verdicts.passed)),
        "overridden": MetadataValue.int(len(verdicts.overridden)),
        "held": MetadataValue.int(len(held)),
    }
    if verdicts.held:
        metadata["findings"] = MetadataValue.table([_record(finding) for finding in verdicts.held[:SHOWN]])
        metadata["sample_rows"] = MetadataValue.table([TableRecord(dict(f.observed)) for f in _samples(verdicts.held)])
    if verdicts.gate_run_id is not None:
        metadata["report"] = MetadataValue.url(gate_report_url(judgement.gate.name, verdicts.gate_run_id))
    return AssetCheckResult(
        check_name=check_name,
        asset_key=asset_key,
        passed=not held,
        severity=AssetCheckSeverity.WARN if goes_on or is_last else AssetCheckSeverity.ERROR,
        description=_summary(judgement, held),
        metadata=metadata,
    )


def observation_result(
    observed: Sequence[Observation], *, check_name: str, asset_key: AssetKey, title: str
) -> AssetCheckResult:
    """Faults outside the platform, as a warning and an alert: what was loaded or billed stands as it is."""
    if observed:
        alerts.send(alerts.Alert(f"{title}: {observed[0].subject}" + _more(observed), _texts(observed)))
    shown = [TableRecord({name: _cell(value) for name, value in one.row.items()}) for one in observed[:SHOWN]]
    metadata: dict[str, MetadataValue[Any]] = {"observed": MetadataValue.int(len(observed))}
    return AssetCheckResult(
        check_name=check_name,
        asset_key=asset_key,
        passed=not observed,
        severity=AssetCheckSeverity.WARN,
        description=_texts(observed) if observed else "nothing unusual",
        metadata=metadata | ({"rows": MetadataValue.table(shown)} if shown else {}),
    )


def _more(observed: Sequence[Observation]) -> str:
    return f" and {len(observed) - 1} more" if len(observed) > 1 else ""


def _texts(observed: Sequence[Observation]) -> str:
    return "\n".join(one.text for one in observed[:SHOWN])


def _cell(value: object) -> int | str | None:
    """A record of the UI knows no decimals and no instants."""
    return value if value is None or isinstance(value, int) else str(value)


def _alert(judgement: Judgement, verdicts: Verdicts) -> alerts.Alert:
    held = sorted({finding.subject for finding in verdicts.held})
    text = "\n".join(str(finding) for finding in verdicts.held[:SHOWN])
    url = gate_report_url(judgement.gate.name, verdicts.gate_run_id or 0)
    return alerts.Alert(_summary(judgement, held), text, url)


def _summary(judgement: Judgement, held: list[str]) -> str:
    if not held:
        return f"{judgement.gate.title}: {len(judgement.subjects)} judged, nothing is held"
    names = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
    problem = next(finding.problem for finding in judgement.findings if finding.subject == held[0])
    return f"{judgement.gate.title}: {len(held)} of {len(judgement.subjects)} held: {names} ({problem})"


def _record(finding: Finding) -> TableRecord:
    what = {"held": finding.subject, "rule": finding.rule, "why": finding.problem, "remedy": finding.remedy}
    return TableRecord(dict(what))


def _tenant(finding: Finding) -> str:
    """Whose day or period is held; files, invoices and scores are named by ids of their own."""
    return finding.subject.rpartition(":")[0] if finding.gate in OF_TENANTS else ""


def _samples(findings: tuple[Finding, ...]) -> list[Finding]:
    """One finding per subject: the row is the subject's."""
    return list({finding.subject: finding for finding in findings}.values())[:SHOWN]
