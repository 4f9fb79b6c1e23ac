"""Jobs that write tariffs of other forms, and calendars of holidays, into a configuration folder."""

from pathlib import Path

from dagster import AssetKey, AssetObservation, Config, MetadataValue, OpExecutionContext, job, op

from orchestration.errors import BadInputError
from orchestration.failures import clear_failures
from orchestration.importing.holidays import write_holidays
from orchestration.importing.sce import read_sce
from orchestration.importing.tariff import CardName, add_to_folder
from orchestration.importing.urdb import read_urdb

TARIFFS = AssetKey(["config", "imported_tariffs"])
HOLIDAYS = AssetKey(["config", "imported_holidays"])
FORMS = {"urdb": read_urdb, "sce": read_sce}


class TariffConfig(Config):
    """A file of one tariff, its form (urdb, sce), the folder to write into, and what the card is to be called."""

    file: str
    form: str = "urdb"
    folder: str
    rate_card_id: str
    rate_card_version: int = 1
    effective_from_date: str = ""
    currency_code: str = "USD"
    metric: str = "energy"
    export_metric: str = ""
    tier_meaning: str = ""
    demand_minutes: str = ""


@op
def write_tariff(context: OpExecutionContext, config: TariffConfig) -> None:
    """Read the tariff and add its rows to the CSVs of the folder, all or none."""
    with clear_failures():
        if config.form not in FORMS:
            raise BadInputError(f"--format {config.form!r} cannot be imported; use one of {', '.join(sorted(FORMS))}")
        name = CardName(
            rate_card_id=config.rate_card_id,
            rate_card_version=config.rate_card_version,
            effective_from_date=config.effective_from_date,
            currency_code=config.currency_code,
            metric=config.metric,
            export_metric=config.export_metric,
            tier_meaning=config.tier_meaning,
            demand_minutes=config.demand_minutes,
        )
        tariff = FORMS[config.form](Path(config.file), name)
        changed = add_to_folder(tariff, Path(config.folder))
    rows = {table: len(added) for table, added in tariff.tables.items()}
    metadata = {
        "changed_files": MetadataValue.json(changed),
        "notes": MetadataValue.json(tariff.notes),
        "rows": MetadataValue.json(rows),
    }
    context.log_event(AssetObservation(asset_key=TARIFFS, metadata=metadata))


@job(description="Write a tariff of another form (OpenEI URDB, SCE) into a configuration folder as a rate card.")
def import_rates() -> None:
    """One step; the files that it changed are its metadata."""
    write_tariff()


class HolidaysConfig(Config):
    """Whose public holidays (ISO 3166 codes), of which years, into which folder, under which calendar's name."""

    country: str
    subdivision: str = ""
    first_year: int
    last_year: int
    folder: str
    calendar: str = ""


@op
def write_calendar(context: OpExecutionContext, config: HolidaysConfig) -> None:
    """Add the dates that are not there yet to holidays.csv."""
    years = (config.first_year, config.last_year)
    with clear_failures():
        count = write_holidays(Path(config.folder), config.country, config.subdivision, years, config.calendar)
    context.log_event(AssetObservation(asset_key=HOLIDAYS, metadata={"new_dates": count}))


@job(description="Write the public holidays of a country into a configuration folder.")
def import_holidays() -> None:
    """One step; how many dates were new is its metadata."""
    write_calendar()
