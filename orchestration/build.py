"""Assembles the code location. Tests pass other resources."""

from __future__ import annotations

from typing import Any

from dagster import Definitions, in_process_executor, load_assets_from_modules

from orchestration import (
    edit_jobs,
    index_jobs,
    invoice_jobs,
    jobs,
    model_jobs,
    one_step_jobs,
    quarantine_jobs,
    rate_jobs,
    retention_jobs,
    schedules,
    sensors,
    tariff_jobs,
)
from orchestration.assets import (
    billing,
    configuration,
    explanations,
    governance,
    models,
    rates,
    scores,
    telemetry,
    transformations,
    trials,
)
from orchestration.resources import Dbt, Platform


def build_definitions(**resource_overrides: Any) -> Definitions:
    """The platform's definitions; runs use one process each, because importing costs more than a step."""
    return Definitions(
        assets=[
            *load_assets_from_modules(
                [
                    configuration,
                    telemetry,
                    transformations,
                    billing,
                    explanations,
                    governance,
                    models,
                    rates,
                    scores,
                    trials,
                ]
            ),
            *transformations.stored_tables(),
            *transformations.exposures(),
        ],
        jobs=[
            jobs.load_config,
            jobs.process_days,
            jobs.close_period,
            jobs.publish_views,
            jobs.check_tables,
            jobs.verify_rates,
            jobs.reconcile,
            jobs.explain_invoices,
            jobs.verify,
            jobs.build_docs,
            one_step_jobs.override_gate,
            one_step_jobs.trace,
            one_step_jobs.import_readings,
            edit_jobs.edit_event,
            rate_jobs.preview_invoices,
            rate_jobs.simulate_rates,
            rate_jobs.stage_rates,
            rate_jobs.promote_rates,
            rate_jobs.roll_back_rates,
            rate_jobs.check_rates,
            tariff_jobs.import_rates,
            tariff_jobs.import_holidays,
            invoice_jobs.move_invoices,
            invoice_jobs.propose_adjustment,
            invoice_jobs.decide_proposal,
            quarantine_jobs.list_quarantine,
            quarantine_jobs.show_quarantined,
            quarantine_jobs.release_quarantined,
            retention_jobs.archive_month,
            retention_jobs.archive_months,
            retention_jobs.hold_data,
            retention_jobs.propose_purge,
            retention_jobs.decide_purge,
            index_jobs.rebuild_indexes,
            model_jobs.train_models,
            model_jobs.score_usage,
            model_jobs.trace_score,
        ],
        schedules=[
            schedules.process_yesterday,
            schedules.close_previous_month,
            schedules.load_configuration_regularly,
            schedules.reconcile_weekly,
            schedules.check_tables_weekly,
            schedules.verify_weekly,
            rate_jobs.preview_daily,
            retention_jobs.archive_old_months,
            index_jobs.rebuild_indexes_weekly,
            model_jobs.train_weekly,
            model_jobs.score_daily,
        ],
        sensors=[sensors.new_landing_files, sensors.alert_on_failure, sensors.tell_of_success],
        resources={"platform": Platform(), "dbt": Dbt()} | resource_overrides,
        executor=in_process_executor,
    )
