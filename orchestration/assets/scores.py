"""Scores: what the serving models say about metered days and open periods, past the scores gate. None is an amount."""

from dagster import AssetCheckSpec, AssetKey, Config, MaterializeResult, MetadataValue, asset
from pydantic import Field

from orchestration import model_records, scoring
from orchestration.assets.models import ANOMALY_MODEL, FORECAST_MODEL, SNAPSHOT
from orchestration.checks import check_result
from orchestration.failures import clear_failures
from orchestration.gate_docs import write_report
from orchestration.progress import report
from orchestration.resources import Platform
from orchestration.turns import MODELS

SCORES = AssetKey(["store", "scores"])
GATE = "score_gate"


class ScoringConfig(Config):
    """How far back days are scored."""

    span_days: int = Field(default=62, ge=1, description="Local days to score, counted from the newest.")


@asset(
    key=SCORES,
    deps=[SNAPSHOT, ANOMALY_MODEL, FORECAST_MODEL],
    check_specs=[
        AssetCheckSpec(
            GATE, asset=SCORES, blocking=True, description="Great Expectations: a bad score is held, the others go on."
        )
    ],
    pool=MODELS,
    group_name="ml",
    kinds={"scikitlearn", "mlflow", "postgres"},
    owners=["team:data-science"],
)
def scores(config: ScoringConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Scores of days and forecasts of open periods by the versions in shadow, each with what is needed to audit it.

    Refuses when the registry's alias and the platform's record disagree, or an artifact is not the one recorded. A
    subject whose use did not change is not scored again.
    """
    report("scoring")(0, 0)
    with clear_failures(), platform.session(model_records.ROLE) as session:
        made = scoring.score(session, platform.settings, config.span_days)
        write_report(session, platform.settings, made.judgement, made.verdicts)
    held = sorted({finding.subject for finding in made.verdicts.held})
    return MaterializeResult(
        metadata={
            "published": MetadataValue.json(made.published),
            "flagged": made.flagged,
            "held": MetadataValue.json([str(finding) for finding in made.verdicts.held]),
            "held_count": len(held),
            "snapshot_sha256": made.snapshot.sha256,
            "versions": MetadataValue.json({version.model_name: version.version for version in made.versions}),
        },
        check_results=[check_result(made.judgement, made.verdicts, check_name=GATE, asset_key=SCORES, is_last=True)],
    )
