"""Explanations: what the invoices of a month differ by from those before, found by rating them again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, MetadataValue, asset
from dagster_dbt import dbt_assets

from orchestration import closing, explaining
from orchestration.assets.transformations import MANIFEST, TRANSLATOR, build_models
from orchestration.failures import clear_failures
from orchestration.partitions import closing_months
from orchestration.resources import Dbt, Platform
from orchestration.turns import BOOKS, refuse_while_busy, turn

EXPLAIN_REQUESTS = AssetKey(["ledger", "explain_requests"])


@asset(
    key=EXPLAIN_REQUESTS,
    deps=[AssetKey(["billing", "closed_periods"])],
    partitions_def=closing_months,
    pool=BOOKS,
    group_name="billing",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def explain_requests(context: AssetExecutionContext, platform: Platform, dbt: Dbt) -> None:
    """The invoices before those of the month, rated again by the models of a close under one swap after the other."""
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.request(session, "explain", date.fromisoformat(context.partition_key), datetime.now(UTC))
    with clear_failures(), turn(platform.settings):
        dbt.rate()


@dbt_assets(
    manifest=MANIFEST,
    select="tag:explain",
    name="explaining_models",
    partitions_def=closing_months,
    pool=BOOKS,
    dagster_dbt_translator=TRANSLATOR,
)
def explaining_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """What the variants differ by, as pieces that add up; what was explained before stays as it was told."""
    yield from build_models(context, dbt, platform, "explain")


@asset(
    key=AssetKey(["billing", "invoice_explanations"]),
    deps=[AssetKey(["billing", "store_invoice_changes"])],
    partitions_def=closing_months,
    pool=BOOKS,
    group_name="billing",
    kinds={"postgres"},
    owners=["team:finance"],
)
def invoice_explanations(context: AssetExecutionContext, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """What each invoice of the month differs by from the one before, the greatest difference first."""
    with clear_failures(), platform.session("meterline_auditor") as session:
        told = explaining.explained(session, date.fromisoformat(context.partition_key))
    lines = [f"| {' | '.join(str(value) for value in row)} |" for row in told]
    header = ["| invoice | difference | currency | why |", "| --- | ---: | --- | --- |"]
    return MaterializeResult(
        metadata={
            "explained": len(told),
            "greatest_differences": MetadataValue.md("\n".join([*header, *lines]) if told else "nothing to compare"),
        }
    )
