"""The dbt models as assets: the daily load, the monthly close, and the views that publish both."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetSpec, BackfillPolicy, MetadataValue, Output, RetryPolicy
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
from dbt_common.events.functions import msg_to_dict

from orchestration import lanes
from orchestration.dbt import manifest_path
from orchestration.dbt_runs import TOLD, DbtError
from orchestration.failures import clear_failures
from orchestration.gates import raise_failed_checks
from orchestration.lineage import Columns, read_lineage
from orchestration.partitions import closing_months, received_days
from orchestration.progress import report
from orchestration.reports import docs_url
from orchestration.resources import Dbt, Platform
from orchestration.run_records import kept_connections
from orchestration.settings import Settings
from orchestration.table_metadata import table_metadata
from orchestration.turns import BOOKS, refuse_while_busy, turn

OWNERS = {
    "staging": "team:data-platform",
    "metering": "team:data-platform",
    "usage": "team:data-platform",
    "billing": "team:billing-operations",
    "finance": "team:finance",
    "governance": "team:finance",
    "ml": "team:data-science",
    "rating": "team:billing-operations",
}


class MeterlineTranslator(DagsterDbtTranslator):
    """Folders of the dbt project are groups, and each folder has an owner."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """`schema/name`, for models and sources alike."""
        if dbt_resource_props["resource_type"] == "source":
            return AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return AssetKey([folder_of(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder of the model."""
        return folder_of(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """The team that answers for the folder."""
        return [OWNERS[folder_of(dbt_resource_props)]] if dbt_resource_props["resource_type"] == "model" else []

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """dbt's own, and the page of the documentation."""
        page = f"{docs_url()}/dbt/#!/{dbt_resource_props['resource_type']}/{dbt_resource_props['unique_id']}"
        return {**super().get_metadata(dbt_resource_props), "documentation": MetadataValue.url(page)}


def folder_of(dbt_resource_props: Mapping[str, Any]) -> str:
    """First folder below `models/`."""
    return str(dbt_resource_props["fqn"][1])


# Tables of migrations that an asset of this code location fills.
OWN_TABLES = {
    ("config", "loads"),
    ("raw", "messages"),
    ("ledger", "loads"),
    ("ledger", "close_requests"),
    ("ledger", "explain_requests"),
    ("ledger", "cleared_invoices"),
    ("store", "scores"),
    ("rating", "facts"),
}
# What is metered and not judged was left by a run that died in between; the models then find nothing, the gate does.
PENDING = """
select exists (
    select 1 from ledger.loads
    where status in ('accepted', 'claimed') or (status = 'applied' and events_judged_at is null)
)
"""


def _without_unit_tests(manifest: dict[str, Any]) -> dict[str, Any]:
    """What Dagster's assets are made of. Unit tests are no checks of it, and each selection would parse them all."""
    unit_tests = manifest["unit_tests"]
    kept = {
        parent: [child for child in children if child not in unit_tests]
        for parent, children in manifest["child_map"].items()
        if parent not in unit_tests
    }
    return manifest | {"unit_tests": {}, "child_map": kept}


SETTINGS = Settings.from_environment()
MANIFEST = _without_unit_tests(json.loads(manifest_path(SETTINGS).read_text()))
TRANSLATOR = MeterlineTranslator(
    settings=DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=False)
)


def nothing_pending(platform: Platform) -> bool:
    """Whether no load waits for the models. Raises BusyError when some do but another run is at work."""
    with platform.session("meterline_transform") as session:
        row = session.execute(PENDING).fetchone()
        if row is not None and not row[0]:
            return True
        refuse_while_busy(session)
    return False


def build_models(
    context: AssetExecutionContext, dbt: Dbt, platform: Platform, step: str, in_lanes: Sequence[int] = lanes.ONE_LANE
) -> Iterator[Any]:
    """Build the selected models with their checks; a check that fails is named with its first rows, not retried."""
    asked = get_updated_cli_invocation_params_for_context(context, {}, TRANSLATOR)
    tests = ["--indirect-selection", asked.indirect_selection] if asked.indirect_selection else []
    lineage = read_lineage(SETTINGS)
    try:
        # dbt has ended before the turn is given back, whatever ends this.
        with (
            clear_failures(),
            kept_connections(context.instance),
            turn(SETTINGS),
            closing(dbt.build(*asked.selection_args, *tests, step=step, lanes=in_lanes)) as events,
        ):
            for event in events:
                if event.info.name in TOLD:
                    yield from _told(context, event, asked.manifest, lineage)
    except DbtError as error:
        with clear_failures(), platform.session("meterline_transform") as session:
            raise_failed_checks(session, error.results)
        raise


def _told(
    context: AssetExecutionContext, event: Any, manifest: Mapping[str, Any], lineage: Mapping[str, Columns]
) -> Iterator[Any]:
    """What Dagster is told of a model or test; of a model with its columns and where they come from."""
    message = DbtCoreCliEventMessage(raw_event=msg_to_dict(event), event_history_metadata={})
    for told in message.to_default_asset_events(manifest, TRANSLATOR, context):
        if isinstance(told, Output):
            model = context.asset_key_for_output(told.output_name).path[-1]
            yield told.with_metadata({**told.metadata, **table_metadata(lineage.get(model, {}))})
        else:
            yield told


@dbt_assets(
    manifest=MANIFEST,
    select="tag:load",
    name="metering_models",
    partitions_def=received_days,
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RetryPolicy(max_retries=1, delay=30),
    pool=BOOKS,
    dagster_dbt_translator=TRANSLATOR,
)
def metering_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """Every accepted load from raw rows to hourly and daily use; the models find their loads in the ledger.

    With nothing pending dbt is not started. Many messages are metered in lanes, but for a selection of the models.
    """
    with clear_failures():
        if nothing_pending(platform):
            context.log.info("no load is waiting to be metered")
            return
        in_lanes = lanes.ONE_LANE if context.is_subset else lanes.wanted(platform.settings)
    report("metering" if len(in_lanes) == 1 else f"metering in {len(in_lanes)} lanes")(0, 0)
    yield from build_models(context, dbt, platform, "load", in_lanes)


@dbt_assets(
    manifest=MANIFEST,
    select="tag:close",
    exclude="tag:load",
    name="billing_models",
    partitions_def=closing_months,
    pool=BOOKS,
    dagster_dbt_translator=TRANSLATOR,
)
def billing_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """Rating of the periods that the open close request names; nothing is published yet."""
    yield from build_models(context, dbt, platform, "close")


@dbt_assets(
    manifest=MANIFEST,
    select="tag:publish",
    name="publishing_models",
    partitions_def=closing_months,
    pool=BOOKS,
    dagster_dbt_translator=TRANSLATOR,
)
def publishing_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """What the gates cleared becomes invoices, closes and audit entries, in one transaction."""
    yield from build_models(context, dbt, platform, "publish")


@dbt_assets(
    manifest=MANIFEST,
    select="fqn:*",
    exclude="tag:load tag:close tag:publish tag:facts tag:explain",
    name="published_models",
    pool=BOOKS,
    dagster_dbt_translator=TRANSLATOR,
)
def published_models(context: AssetExecutionContext, dbt: Dbt, platform: Platform) -> Iterator[Any]:
    """Views: staging, names in place of numbers, and what finance reads. Built when the project changes."""
    yield from build_models(context, dbt, platform, "views")


# Stages that hold the tables which migrations made; what fills them are assets of their own.
STAGES = {"audit": "governance", "store": "store"}


def stored_tables() -> list[AssetSpec]:
    """The tables that models read and no asset makes, so that the UI knows what they hold and whose they are."""
    return [
        AssetSpec(
            TRANSLATOR.get_asset_key(source),
            description=source["description"],
            group_name=STAGES.get(source["source_name"], "landing"),
            kinds={"postgres", "table"},
            owners=["team:data-platform"],
            metadata=TRANSLATOR.get_metadata(source),
        )
        for source in MANIFEST["sources"].values()
        if (source["source_name"], source["name"]) not in OWN_TABLES
    ]


def exposures() -> list[AssetSpec]:
    """What people make of the published tables, as the end of the lineage."""
    nodes = MANIFEST["nodes"]
    return [
        AssetSpec(
            AssetKey(["exposure", exposure["name"]]),
            deps=[TRANSLATOR.get_asset_key(nodes[node_id]) for node_id in exposure["depends_on"]["nodes"]],
            description=exposure["description"],
            group_name="finance",
            kinds={"dbt", exposure["type"]},
            owners=[exposure["owner"]["email"]],
        )
        for exposure in MANIFEST["exposures"].values()
    ]
