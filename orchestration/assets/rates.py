"""Facts of other systems, rated as one set by the models of a close."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    Config,
    MaterializeResult,
    MetadataValue,
    asset,
)
from dagster_dbt import dbt_assets

from orchestration import rates
from orchestration.assets.transformations import MANIFEST, TRANSLATOR, build_models
from orchestration.failures import clear_failures
from orchestration.rate_facts import read_facts
from orchestration.resources import Dbt, Platform
from orchestration.turns import BOOKS

FACTS = AssetKey(["rating", "facts"])
VERIFIED_RATES = AssetKey(["rating", "verified_rates"])


class FactsConfig(Config):
    """A JSON file of rating facts."""

    file: str


@asset(
    key=FACTS,
    pool=BOOKS,
    group_name="rating",
    kinds={"postgres"},
    owners=["team:billing-operations"],
)
def rating_facts(config: FactsConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """The rating facts of a file; each is what a source says that a use costs under a price."""
    with clear_failures():
        facts = read_facts(Path(config.file))
        with platform.session("meterline_transform") as session:
            refused = rates.store_facts(session, facts)
    return MaterializeResult(metadata={"facts": len(facts), "refused": refused})


@dbt_assets(manifest=MANIFEST, select="tag:facts", name="rating_models", pool=BOOKS, dagster_dbt_translator=TRANSLATOR)
def rating_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """What the rules of a close make of the facts."""
    yield from build_models(context, dbt, platform, "facts")


@asset(
    key=VERIFIED_RATES,
    deps=[AssetKey(["rating", "rating_facts"])],
    pool=BOOKS,
    group_name="rating",
    kinds={"postgres"},
    owners=["team:billing-operations"],
)
def verified_rates(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Which facts hold: the rules price them as their source does."""
    with clear_failures(), platform.session("meterline_transform") as session:
        verdicts = rates.outcome(session)
    return MaterializeResult(
        metadata={
            "facts": len(verdicts),
            "hold": sum(verdict.holds for verdict in verdicts),
            "verdicts": MetadataValue.json([asdict(verdict) for verdict in verdicts]),
        }
    )
