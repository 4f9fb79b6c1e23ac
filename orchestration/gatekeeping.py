"""What gates said, on record: verdicts, what they rest on, and the decisions of named persons about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from expectations.runner import Finding, Judgement
from orchestration.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

RUN = """
insert into ledger.gate_runs (gate, occasion, subject_count, held_count, document) values (%s, %s, %s, %s, %s)
returning gate_run_id
"""
VERDICT = """
insert into ledger.gate_verdicts (gate_run_id, gate, subject, verdict, findings_sha256) values (%s, %s, %s, %s, %s)
"""
FINDING = """
insert into ledger.gate_findings (gate_run_id, subject, rule, problem, remedy, is_overridable, observed)
values (%s, %s, %s, %s, %s, %s, %s)
"""
DECIDED = "select subject, findings_sha256 from ledger.gate_overrides where gate = %s and subject = any(%s)"
HELD = """
select findings_sha256, rule, problem, remedy, is_overridable
from governance.standing_holds where gate = %s and subject = %s order by rule
"""
ALL_HELD = "select distinct gate, subject from governance.standing_holds order by 1, 2 limit 10"


@dataclass(frozen=True)
class Verdicts:
    """What a gate's run came to: subjects that may go on, by right or by decision, and what holds the others."""

    gate_run_id: int | None
    passed: tuple[str, ...]
    overridden: tuple[str, ...]
    held: tuple[Finding, ...]


def measures(session: psycopg.Connection, query: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
    """Rows of a query as a frame whose numbers Great Expectations can compare: decimals become floats.

    Limits are orders of magnitude, so that a float is exact enough; sums that must agree are compared in SQL.
    """
    with session.cursor() as cursor:
        rows = cursor.execute(query.encode(), parameters or None).fetchall()
        columns = [column.name for column in cursor.description or ()]
    # Takes most of a second to import: only a run with something to judge pays for it, and the server has been asked.
    import pandas as pd

    return pd.DataFrame([[_plain(value) for value in row] for row in rows], columns=columns)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def record(session: psycopg.Connection, judgement: Judgement, occasion: str, *, lists_passed: bool = True) -> Verdicts:
    """Write what the gate said, in the session's transaction; nothing where nothing was asked.

    A subject whose very findings a named person has decided upon is overridden, not held. With `lists_passed` False
    subjects without findings are counted but not listed, for gates that judge millions.
    """
    if not judgement.subjects:
        return Verdicts(None, (), (), ())
    gate = judgement.gate.name
    by_subject: dict[str, list[Finding]] = {}
    for finding in judgement.findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    digests = {subject: findings_sha256(findings) for subject, findings in by_subject.items()}
    decided = set(session.execute(DECIDED, (gate, list(digests))).fetchall())
    overridden = tuple(subject for subject, digest in digests.items() if (subject, digest) in decided)
    held = [finding for finding in judgement.findings if finding.subject not in overridden]
    passed = tuple(subject for subject in judgement.subjects if subject not in digests)

    run = (gate, occasion, len(judgement.subjects), len(digests) - len(overridden), Jsonb(judgement.document))
    row = session.execute(RUN, run).fetchone()
    assert row is not None
    verdicts: list[tuple[Any, ...]] = [(row[0], gate, subject, "passed", None) for subject in passed if lists_passed]
    for subject, digest in digests.items():
        verdicts.append((row[0], gate, subject, "overridden" if subject in overridden else "held", digest))
    with session.cursor() as cursor:
        cursor.executemany(VERDICT, verdicts)
        cursor.executemany(FINDING, [_row(row[0], finding) for finding in judgement.findings])
    return Verdicts(row[0], passed, overridden, tuple(held))


def findings_sha256(findings: Sequence[Finding]) -> str:
    """Digest of what is said about a subject: rules and problems, in an order of their own."""
    said = sorted((finding.rule, finding.problem) for finding in findings)
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _row(gate_run_id: int, finding: Finding) -> tuple[Any, ...]:
    what = (finding.subject, finding.rule, finding.problem, finding.remedy, finding.is_overridable)
    return (gate_run_id, *what, Jsonb(finding.observed))


def override(session: psycopg.Connection, gate: str, subject: str, decided_by: str, reason: str) -> list[str]:
    """Record that a named person lets through what a gate holds; returns the problems that the decision covers.

    It covers what the gate found, nothing that it finds later. Raises BadInputError when nothing of that name is held,
    when a finding is beyond decision, or when person or reason are missing.
    """
    if not (decided_by.strip() and reason.strip()):
        raise BadInputError("an override is a named person's decision: give --by NAME and --reason TEXT")
    held = session.execute(HELD, (gate, subject)).fetchall()
    if not held:
        others = [f"{gate_} {held_subject}" for gate_, held_subject in session.execute(ALL_HELD).fetchall()]
        raise BadInputError(f"{gate} gate does not hold {subject!r}; held are: {', '.join(others) or 'none'}")
    final = [f"{rule}: {problem}; {remedy}" for _, rule, problem, remedy, is_overridable in held if not is_overridable]
    if final:
        raise BadInputError(f"nobody can override {final[0]}")
    session.execute("select ledger.override_gate(%s, %s, %s, %s, %s)", (gate, subject, held[0][0], decided_by, reason))
    return [f"{rule}: {problem}" for _, rule, problem, _, _ in held]
