"""Jobs of one step that touch no dbt model: of a decision, of files to import, of what a person asks.

The command line runs them without the definitions of all assets, whose import takes longer than the step.
"""

from pathlib import Path
from typing import Any

from dagster import AssetKey, AssetObservation, Config, MetadataValue, OpExecutionContext, job, op
from upath import UPath

from orchestration import tracing
from orchestration.failures import clear_failures
from orchestration.gatekeeping import override
from orchestration.importing.run import destination_of, import_files
from orchestration.resources import Platform


class OverrideConfig(Config):
    """What is let through (`gate` and `subject` as `meterline gates show` prints them), by whom, and why."""

    gate: str
    subject: str
    decided_by: str
    reason: str


@op
def record_override(context: OpExecutionContext, config: OverrideConfig, platform: Platform) -> None:
    """Record the decision of a named person; the next `process` or `close` goes by it."""
    with clear_failures(), platform.session("meterline_approver") as session:
        problems = override(session, config.gate, config.subject, config.decided_by, config.reason)
    context.log_event(
        AssetObservation(
            asset_key=AssetKey(["governance", "standing_holds"]),
            metadata={
                "gate": config.gate,
                "subject": config.subject,
                "decided_by": config.decided_by,
                "reason": config.reason,
                "problems": MetadataValue.json(problems),
            },
        )
    )


@job(description="Let through what a gate holds, as the recorded decision of a named person.")
def override_gate() -> None:
    """One step; the decision is in the audit log."""
    record_override()


class ImportConfig(Config):
    """Files of another system (`source`: greenbutton, nem12), whose they are, and the CSV of their devices' aliases.

    `landing` empty: the platform's landing zone.
    """

    source: str
    files: list[str]
    tenant_id: str
    aliases: str
    landing: str = ""


@op
def import_readings_op(context: OpExecutionContext, config: ImportConfig, platform: Platform) -> None:
    """Write landing files; the next `process` loads them."""
    settings = platform.settings
    with clear_failures():
        landing = UPath(config.landing) if config.landing else settings.landing
        destination = destination_of(settings.config_folder, config.tenant_id, landing)
        imported = import_files(config.source, [Path(f) for f in config.files], Path(config.aliases), destination)
    context.log_event(
        AssetObservation(
            asset_key=AssetKey(["landing", "imported_readings"]),
            metadata={
                "new_files": [path for path, is_new in imported.paths if is_new],
                "known_files": [path for path, is_new in imported.paths if not is_new],
                "readings": imported.reading_count,
                "intervals_without_data": imported.no_data_count,
            },
        )
    )


@job(description="Write the readings of Green Button or NEM12 files into the landing zone.")
def import_readings() -> None:
    """One step; the files it wrote are its metadata."""
    import_readings_op()


class TraceConfig(Config):
    """`invoice_id` as in finance.invoices; `line` 0 shows the invoice alone; `limit` bounds devices and events."""

    invoice_id: str
    line: int = 0
    limit: int = 5


@op
def trace_invoice_line(context: OpExecutionContext, config: TraceConfig, platform: Platform) -> None:
    """Follow an invoice line back to files and rows; the result is metadata of this step."""
    archive = platform.settings.archive
    with clear_failures(), platform.session("meterline_auditor") as session:
        found = tracing.trace(session, archive, config.invoice_id, config.line or None, config.limit)
    tables = {
        "invoice": [found.invoice], "moves": found.moves, "lines": found.lines, "devices": found.devices,
        "events": found.events,
    }  # fmt: skip
    context.log_event(
        AssetObservation(
            asset_key=AssetKey(["finance", "invoice_lines"]),
            metadata={name: MetadataValue.json(_printable(rows)) for name, rows in tables.items()}
            | {"purged": MetadataValue.json(found.purged)},
        )
    )


def _printable(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{column: str(value) for column, value in row.items()} for row in rows]


@job(description="Follow an invoice line back to devices, events, files and rows.")
def trace() -> None:
    """One step; see its metadata."""
    trace_invoice_line()
