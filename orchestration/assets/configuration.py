"""Configuration: the CSVs of METERLINE_CONFIG, validated and loaded as versions. Prices and contracts begin here."""

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, asset

from orchestration.config.load import load_configuration
from orchestration.failures import clear_failures
from orchestration.resources import Platform

CONFIGURATION = AssetKey(["config", "loads"])


@asset(key=CONFIGURATION, group_name="landing", kinds={"csv", "postgres"}, owners=["team:billing-operations"])
def configuration(context: AssetExecutionContext, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Tenants, contracts, devices, metrics and rate cards as versions that every close can be traced to.

    A folder that has not changed since the last load adds nothing. What a change means for stored events of open
    periods is applied by the next run of process_days.
    """
    with clear_failures():
        load = load_configuration(platform.settings)
    if load.rederived_tenants:
        context.log.warning(
            "stored events of %s tenant(s) mean something else now; process_days derives them again",
            load.rederived_tenants,
        )
    return MaterializeResult(
        metadata={
            "folder": str(platform.settings.config_folder),
            "config_load_id": load.config_load_id,
            "is_new": load.is_new,
            "sha256": load.content_sha256,
            "tenants_to_derive_again": load.rederived_tenants,
        }
    )
