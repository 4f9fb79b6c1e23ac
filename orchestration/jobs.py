"""Jobs: what a person, a schedule or the command line launches. Their tags say whose turn it is to write."""

from dagster import AssetSelection, define_asset_job

from orchestration import turns
from orchestration.assets.billing import cleared_invoices, close_requests, closed_periods, reconciliation
from orchestration.assets.configuration import configuration
from orchestration.assets.explanations import explain_requests, explaining_models, invoice_explanations
from orchestration.assets.governance import documentation_site, verification_report
from orchestration.assets.rates import rating_facts, rating_models, verified_rates
from orchestration.assets.telemetry import accepted_loads, judged_loads, raw_messages
from orchestration.assets.transformations import billing_models, metering_models, published_models, publishing_models

load_config = define_asset_job(
    "load_config",
    AssetSelection.assets(configuration),
    description="Validate the configuration folder and load it as a version.",
    tags={turns.LOCK: "configuration"},
)
process_days = define_asset_job(
    "process_days",
    AssetSelection.assets(configuration, raw_messages, accepted_loads, judged_loads)
    | AssetSelection.assets(metering_models),
    description="Landing files of one or more received days to stored events and hourly and daily use.",
    tags={turns.LOCK: turns.BOOKS},
)
close_period = define_asset_job(
    "close_period",
    AssetSelection.assets(configuration, close_requests, cleared_invoices, closed_periods)
    | AssetSelection.assets(billing_models, publishing_models),
    description="Rate, gate and invoice every tenant period that ends in the month and is due.",
    tags={turns.LOCK: turns.BOOKS},
)
publish_views = define_asset_job(
    "publish_views",
    AssetSelection.assets(published_models),
    description="Build the views again; needed when the dbt project changed.",
    tags={turns.LOCK: turns.BOOKS},
)
check_tables = define_asset_job(
    "check_tables",
    AssetSelection.checks_for_assets(published_models),
    description="Judge all rows of the tables that finance reads by the tests of their models.",
    tags={turns.LOCK: turns.BOOKS},
)
verify_rates = define_asset_job(
    "verify_rates",
    AssetSelection.assets(rating_facts, verified_rates) | AssetSelection.assets(rating_models),
    description="Rate the facts of a file in SQL, as one set, and say which hold.",
    tags={turns.LOCK: turns.BOOKS},
)
reconcile = define_asset_job(
    "reconcile",
    AssetSelection.assets(reconciliation),
    description="Propose adjustments for use that came too late for its closed period.",
    tags={turns.LOCK: turns.BOOKS},
)
explain_invoices = define_asset_job(
    "explain_invoices",
    AssetSelection.assets(explain_requests, invoice_explanations) | AssetSelection.assets(explaining_models),
    description="Say what the invoices of a month differ by from those before, in parts that add up.",
    tags={turns.LOCK: turns.BOOKS},
)
verify = define_asset_job(
    "verify",
    AssetSelection.assets(verification_report),
    description="Prove the audit chain, conservation and the reproducibility of every invoice.",
    tags={turns.LOCK: turns.BOOKS},
)
build_docs = define_asset_job(
    "build_docs",
    AssetSelection.assets(documentation_site),
    description="Write the documentation site: tables, gates, front page.",
    tags={turns.LOCK: turns.DOCUMENTATION},
)
