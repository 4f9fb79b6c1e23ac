"""Governance: proofs that can be run at any time, from the UI, a schedule or the command line."""

from datetime import UTC, datetime

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, MetadataValue, asset
from dagster_dbt import DbtCliResource

from orchestration import closing, documentation, verification
from orchestration.assets.transformations import BUILD, SETTINGS
from orchestration.dbt import target_folder
from orchestration.errors import GateFailedError
from orchestration.failures import clear_failures
from orchestration.reports import docs_url
from orchestration.resources import Platform
from orchestration.turns import BOOKS, DOCUMENTATION, refuse_while_busy


@asset(
    key=AssetKey(["governance", "verification"]),
    pool=BOOKS,
    group_name="governance",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def verification_report(context: AssetExecutionContext, platform: Platform, dbt: DbtCliResource) -> MaterializeResult:  # type: ignore[type-arg]
    """Audit chain, conservation of messages and use, and every invoice rated again from its events, bit for bit."""
    with platform.session("meterline_auditor") as session:
        proofs = verification.prove(session)
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.request(session, "verify", closing.NO_MONTH, datetime.now(UTC))
    dbt.cli([*BUILD, "--select", "tag:close"], target_path=target_folder(SETTINGS, "close")).wait()
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
