"""Governance: proofs that can be run at any time, from the UI, a schedule or the command line."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dagster import AssetExecutionContext, AssetKey, Config, MaterializeResult, MetadataValue, asset

from orchestration import closing, documentation, quarantine, verification
from orchestration.errors import GateFailedError
from orchestration.failures import clear_failures
from orchestration.insight import sparkline
from orchestration.reports import docs_url
from orchestration.resources import Dbt, Platform
from orchestration.turns import BOOKS, DOCUMENTATION, refuse_while_busy, turn

QUARANTINE_DESK = AssetKey(["governance", "quarantine_desk"])
SHOWN_ROWS = 200


@asset(
    key=AssetKey(["governance", "verification"]),
    pool=BOOKS,
    group_name="governance",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def verification_report(context: AssetExecutionContext, platform: Platform, dbt: Dbt) -> MaterializeResult:  # type: ignore[type-arg]
    """Audit chain, conservation of messages and use, the archive, and every invoice rated again, bit for bit."""
    with platform.session("meterline_auditor") as session:
        proofs = [*verification.prove(session), verification.prove_archive(session, platform.settings.archive)]
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.request(session, "verify", closing.NO_MONTH, datetime.now(UTC))
    with clear_failures(), turn(platform.settings):
        dbt.rate()
    with platform.session("meterline_auditor") as session:
        proofs.append(verification.prove_reproduction(session))
    broken = [proof for proof in proofs if not proof.holds]
    with clear_failures():
        if broken:
            lines = [f"check {proof.name}: {problem}" for proof in broken for problem in proof.problems[:5]]
            raise GateFailedError("\n".join(lines))
    return MaterializeResult(metadata={"proofs": MetadataValue.json([proof.name for proof in proofs])})


@asset(
    key=AssetKey(["governance", "documentation"]),
    pool=DOCUMENTATION,
    deps=[AssetKey(["finance", "invoices"]), AssetKey(["finance", "invoice_lines"])],
    group_name="governance",
    kinds={"dbt", "greatexpectations"},
    owners=["team:finance"],
)
def documentation_site(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """The documentation as a static site: the tables that finance reads, the gates' reports, and a front page."""
    with clear_failures():
        front = documentation.build(platform.settings)
    return MaterializeResult(metadata={"path": MetadataValue.path(front), "site": MetadataValue.url(docs_url())})


class QuarantineFilter(Config):
    """Which refused rows; an empty value means any. Days are UTC days of receipt, both included."""

    reason: str = ""
    tenant_id: str = ""
    file: str = ""
    first_day: str = ""
    last_day: str = ""

    def asked(self, row: int = 0) -> quarantine.Filter:
        """The same with None for any."""
        days = [date.fromisoformat(day) if day else None for day in (self.first_day, self.last_day)]
        return quarantine.Filter(self.reason or None, self.tenant_id or None, self.file or None, row or None, *days)


@asset(
    key=QUARANTINE_DESK,
    deps=[AssetKey(["governance", "quarantine_counts"])],
    group_name="governance",
    kinds={"postgres"},
    owners=["team:data-platform"],
)
def quarantine_desk(config: QuarantineFilter, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """What is refused, by reason, tenant, landing file and received day, and what to do about it."""
    with clear_failures(), platform.session("meterline_auditor") as session:
        rows = quarantine.counts(session, config.asked())
    by_day: Counter[date] = Counter()
    by_reason: Counter[str] = Counter()
    for row in rows:
        by_day[row["received_date"]] += row["message_count"]
        by_reason[row["reason"]] += row["message_count"]
    return MaterializeResult(
        metadata={
            "refused": by_reason.total(),
            "releasable": sum(row["message_count"] for row in rows if row["is_releasable"]),
            "by_reason": MetadataValue.json(dict(by_reason.most_common())),
            "by_day": MetadataValue.md(_days_as_marks(by_day)),
            "table": MetadataValue.md(_markdown(rows)),
            "rows": MetadataValue.json([{name: str(value or "") for name, value in row.items()} for row in rows]),
        }
    )


def _days_as_marks(by_day: Counter[date]) -> str:
    """First day, a mark for each day, last day."""
    if not by_day:
        return "none"
    first, last = min(by_day), max(by_day)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return f"{first} {sparkline([Decimal(by_day[day]) for day in days])} {last}"


def _markdown(rows: list[dict[str, Any]]) -> str:
    names = ["received_date", "reason", "tenant_id", "source_file", "message_count", "remedy"]
    lines = ["| " + " | ".join(names) + " |", "| --- | --- | --- | --- | ---: | --- |"]
    # A tenant that is not known is named by whoever sent it.
    cells = [[str(row[name] or "").replace("|", "\\|").replace("\n", " ")[:200] for name in names] for row in rows]
    lines += ["| " + " | ".join(row) + " |" for row in cells[:SHOWN_ROWS]]
    return "\n".join(lines) + (f"\n\nand {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else "")
