"""Explanations: what the invoices of a month differ by from those before, found by rating them again."""

from datetime import UTC, date, datetime

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, MetadataValue, asset
from dagster_dbt import DbtCliResource

from orchestration import closing, explaining
from orchestration.assets.transformations import BUILD, SETTINGS
from orchestration.dbt import target_folder
from orchestration.failures import clear_failures
from orchestration.partitions import closing_months
from orchestration.resources import Platform
from orchestration.turns import BOOKS, refuse_while_busy, turn


@asset(
    key=AssetKey(["billing", "invoice_explanations"]),
    deps=[AssetKey(["billing", "closed_periods"])],
    partitions_def=closing_months,
    pool=BOOKS,
    group_name="billing",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def invoice_explanations(context: AssetExecutionContext, platform: Platform, dbt: DbtCliResource) -> MaterializeResult:  # type: ignore[type-arg]
    """The bridge from each invoice of the month to the one before; what was explained before stays as it was told."""
    month = date.fromisoformat(context.partition_key)
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.request(session, "explain", month, datetime.now(UTC))
    with clear_failures(), turn(platform.settings):
        dbt.cli([*BUILD, "--select", "tag:close"], target_path=target_folder(SETTINGS, "close")).wait()
    with platform.session("meterline_finance") as session:
        told = explaining.explained(session, month)
    lines = [f"| {' | '.join(str(value) for value in row)} |" for row in told]
    header = ["| invoice | difference | currency | why |", "| --- | ---: | --- | --- |"]
    return MaterializeResult(
        metadata={
            "explained": len(told),
            "greatest_differences": MetadataValue.md("\n".join([*header, *lines]) if told else "nothing to compare"),
        }
    )
