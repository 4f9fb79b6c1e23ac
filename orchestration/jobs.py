"""Jobs: what a person, a schedule or the command line launches. Their tags say whose turn it is to write."""

from pathlib import Path
from typing import Any

from dagster import (
    AssetKey,
    AssetObservation,
    AssetSelection,
    Config,
    MetadataValue,
    OpExecutionContext,
    define_asset_job,
    job,
    op,
)
from upath import UPath

from orchestration import tracing, turns
from orchestration.assets.billing import cleared_invoices, close_requests, closed_periods, reconciliation
from orchestration.assets.configuration import configuration
from orchestration.assets.explanations import explain_requests, explaining_models, invoice_explanations
from orchestration.assets.governance import documentation_site, verification_report
from orchestration.assets.rates import rating_facts, rating_models, verified_rates
from orchestration.assets.telemetry import accepted_loads, judged_loads, raw_messages
from orchestration.assets.transformations import billing_models, metering_models, published_models, publishing_models
from orchestration.failures import clear_failures
from orchestration.gatekeeping import override
from orchestration.importing.run import destination_of, import_files
from orchestration.resources import Platform

LOCK = "meterline/lock"

load_config = define_asset_job(
    "load_config",
    AssetSelection.assets(configuration),
    description="Validate the configuration folder and load it as a version.",
    tags={LOCK: "configuration"},
)
process_days = define_asset_job(
    "process_days",
    AssetSelection.assets(configuration, raw_messages, accepted_loads, judged_loads)
    | AssetSelection.assets(metering_models),
    description="Landing files of one or more received days to stored events and hourly and daily use.",
    tags={LOCK: turns.BOOKS},
)
close_period = define_asset_job(
    "close_period",
    AssetSelection.assets(configuration, close_requests, cleared_invoices, closed_periods)
    | AssetSelection.assets(billing_models, publishing_models),
    description="Rate, gate and invoice every tenant period that ends in the month and is due.",
    tags={LOCK: turns.BOOKS},
)
publish_views = define_asset_job(
    "publish_views",
    AssetSelection.assets(published_models),
    description="Build the views again; needed when the dbt project changed.",
    tags={LOCK: turns.BOOKS},
)
verify_rates = define_asset_job(
    "verify_rates",
    AssetSelection.assets(rating_facts, verified_rates) | AssetSelection.assets(rating_models),
    description="Rate the facts of a file in SQL, as one set, and say which hold.",
    tags={LOCK: turns.BOOKS},
)
reconcile = define_asset_job(
    "reconcile",
    AssetSelection.assets(reconciliation),
    description="Propose adjustments for use that came too late for its closed period.",
    tags={LOCK: turns.BOOKS},
)
explain_invoices = define_asset_job(
    "explain_invoices",
    AssetSelection.assets(explain_requests, invoice_explanations) | AssetSelection.assets(explaining_models),
    description="Say what the invoices of a month differ by from those before, in parts that add up.",
    tags={LOCK: turns.BOOKS},
)
verify = define_asset_job(
    "verify",
    AssetSelection.assets(verification_report),
    description="Prove the audit chain, conservation and the reproducibility of every invoice.",
    tags={LOCK: turns.BOOKS},
)
build_docs = define_asset_job(
    "build_docs",
    AssetSelection.assets(documentation_site),
    description="Write the documentation site: tables, gates, front page.",
    tags={LOCK: turns.DOCUMENTATION},
)


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
    with clear_failures(), platform.session("meterline_auditor") as session:
        found = tracing.trace(session, config.invoice_id, config.line or None, config.limit)
    tables = {
        "invoice": [found.invoice], "moves": found.moves, "lines": found.lines, "devices": found.devices,
        "events": found.events,
    }  # fmt: skip
    context.log_event(
        AssetObservation(
            asset_key=AssetKey(["finance", "invoice_lines"]),
            metadata={name: MetadataValue.json(_printable(rows)) for name, rows in tables.items()},
        )
    )


def _printable(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{column: str(value) for column, value in row.items()} for row in rows]


@job(description="Follow an invoice line back to devices, events, files and rows.")
def trace() -> None:
    """One step; see its metadata."""
    trace_invoice_line()
