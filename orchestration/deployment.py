"""Tells Dagster of a deployment: views are made before any run, and would look in the UI as if they had never been."""

from __future__ import annotations

import json

from dagster import AssetKey, AssetMaterialization, DagsterInstance

from orchestration import dbt
from orchestration.lineage import write_lineage
from orchestration.settings import Settings
from orchestration.table_metadata import table_metadata
from orchestration.turns import POOLS


def announce(settings: Settings) -> None:
    """Set the limits of the pools, and report every view as materialised, with its columns and where they come from."""
    lineage = write_lineage(settings)
    manifest = json.loads(dbt.manifest_path(settings).read_text())
    version = dbt.project_sha256()[:12]
    with DagsterInstance.get() as instance:
        for pool in POOLS:
            # The queue's default limit takes hold only after a pool's first runs, which would start together.
            instance.event_log_storage.set_concurrency_slots(pool, 1)
        for node in manifest["nodes"].values():
            if node["resource_type"] == "model" and node["config"]["materialized"] == "view":
                metadata = {"project_version": version} | table_metadata(lineage.get(node["name"], {}))
                key = AssetKey([node["fqn"][1], node["name"]])
                instance.report_runless_asset_event(
                    AssetMaterialization(key, description="built by the deployment", metadata=metadata)
                )
