"""Jobs of the quarantine desk: count what is refused, show a row of it, release what the configuration mended."""

from dagster import (
    AssetObservation,
    AssetSelection,
    Config,
    MetadataValue,
    OpExecutionContext,
    define_asset_job,
    job,
    op,
)

from orchestration import quarantine
from orchestration.assets.governance import QUARANTINE_DESK, QuarantineFilter, quarantine_desk
from orchestration.failures import clear_failures
from orchestration.resources import Platform

list_quarantine = define_asset_job(
    "list_quarantine",
    AssetSelection.assets(quarantine_desk),
    description="Count what is refused, by reason, tenant, landing file and received day.",
)


class QuarantinedRowConfig(Config):
    """`file` as in finance.quarantined_messages; `row` 0 means the file itself, which could not be read."""

    file: str
    row: int = 0


@op
def show_quarantined_row(context: OpExecutionContext, config: QuarantinedRowConfig, platform: Platform) -> None:
    """One refused row as it came, why it is refused and what to do about it, as metadata of this step."""
    with clear_failures(), platform.session("meterline_auditor") as session:
        found = quarantine.row(session, config.file, config.row or None)
    shown = {name: MetadataValue.text("" if value is None else str(value)) for name, value in found.items()}
    context.log_event(AssetObservation(asset_key=QUARANTINE_DESK, metadata=shown))


@job(description="Show a refused row as it came, with its reason and what to do about it.")
def show_quarantined() -> None:
    """One step; see its metadata."""
    show_quarantined_row()


class ReleaseConfig(QuarantineFilter):
    """Which rows (`row` 0: all that match), by whom, and why."""

    row: int = 0
    by: str
    because: str


@op
def record_release(context: OpExecutionContext, config: ReleaseConfig, platform: Platform) -> None:
    """Bring refused rows again as the decision of a named person; the next `process` meters them."""
    with clear_failures(), platform.session("meterline_approver") as session:
        released = quarantine.release(session, config.asked(config.row), config.by, config.because)
    context.log_event(
        AssetObservation(
            asset_key=QUARANTINE_DESK,
            metadata={
                "released": released.row_count,
                "files": MetadataValue.json([list(entry) for entry in released.files]),
                "staying": MetadataValue.json([list(entry) for entry in released.staying]),
                "by": config.by,
                "because": config.because,
            },
        )
    )


@job(description="Release refused rows that the configuration now allows, as the recorded decision of a named person.")
def release_quarantined() -> None:
    """One step; the decision is in the audit log."""
    record_release()
