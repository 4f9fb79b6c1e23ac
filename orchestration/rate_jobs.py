"""Jobs about prices before they bill: previews, simulations, and the decisions of named persons about a version."""

from pathlib import Path

from dagster import (
    AssetKey,
    AssetObservation,
    AssetSelection,
    Config,
    DefaultScheduleStatus,
    MetadataValue,
    OpExecutionContext,
    RunRequest,
    define_asset_job,
    job,
    op,
    schedule,
)

from orchestration import turns
from orchestration.assets.configuration import configuration
from orchestration.assets.trials import DecisionConfig, previewed_periods, simulated_rates, staged_rates
from orchestration.config.load import check_configuration
from orchestration.failures import clear_failures
from orchestration.resources import Platform

RATE_DECISIONS = AssetKey(["governance", "rate_decisions"])

preview_invoices = define_asset_job(
    "preview_invoices",
    AssetSelection.assets(configuration, previewed_periods),
    description="What the invoices of open periods would be to date, as drafts.",
    tags={turns.LOCK: turns.BOOKS},
)
simulate_rates = define_asset_job(
    "simulate_rates",
    AssetSelection.assets(configuration, simulated_rates),
    description="Who would pay how much more or less by a version of a rate card.",
    tags={turns.LOCK: turns.BOOKS},
)
stage_rates = define_asset_job(
    "stage_rates",
    AssetSelection.assets(configuration, simulated_rates, staged_rates),
    description="Simulate a version of a rate card, and record that a named person looked at it.",
    tags={turns.LOCK: turns.BOOKS},
)


@schedule(job=preview_invoices, cron_schedule="0 6 * * *", default_status=DefaultScheduleStatus.STOPPED)
def preview_daily() -> RunRequest:
    """Every morning, after what is due was closed: the bills that are coming."""
    return RunRequest()


@op
def promote_rate_version(context: OpExecutionContext, config: DecisionConfig, platform: Platform) -> None:
    """Let a staged version price what is not closed yet, for a cohort or for all."""
    _observe(context, config, platform, "promoted")


@op
def roll_back_rate_version(context: OpExecutionContext, config: DecisionConfig, platform: Platform) -> None:
    """Let the version before price again what is not closed yet."""
    _observe(context, config, platform, "rolled_back")


def _observe(context: OpExecutionContext, config: DecisionConfig, platform: Platform, decision: str) -> None:
    with clear_failures():
        number = config.record(platform, decision)
    context.log_event(
        AssetObservation(
            asset_key=RATE_DECISIONS,
            metadata={"decision_no": number, "decision": decision, "by": config.by, "reason": config.reason},
        )
    )


@job(description="Let a staged version of a rate card price what is not closed yet, by decision of a named person.")
def promote_rates() -> None:
    """One step; the decision is in the audit log and in finance.rate_decisions."""
    promote_rate_version()


@job(description="Take a version of a rate card back: the one before prices again what is not closed yet.")
def roll_back_rates() -> None:
    """One step; the decision is in the audit log and in finance.rate_decisions."""
    roll_back_rate_version()


class FolderConfig(Config):
    """A configuration folder; empty means the one of the platform."""

    folder: str = ""


@op
def check_configuration_folder(context: OpExecutionContext, config: FolderConfig, platform: Platform) -> None:
    """Check a configuration folder as a load would, without loading it."""
    with clear_failures():
        folder = Path(config.folder) if config.folder else platform.settings.config_folder
        warnings = check_configuration(platform.settings, folder)
    context.log_event(
        AssetObservation(
            asset_key=AssetKey(["config", "loads"]),
            metadata={"checked": str(folder), "warnings": MetadataValue.json(list(warnings))},
        )
    )


@job(description="Check a configuration folder as a load would, without loading it.")
def check_rates() -> None:
    """One step; what is wrong ends it with file, row and remedy."""
    check_configuration_folder()
