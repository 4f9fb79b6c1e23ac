"""Helpers that several tests use: dbt in this process, and a whole platform fed from Python data."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from orchestration import closing, dbt_lanes, dbt_runs, quarantine, rate_releases, verification
from orchestration.close_gates import judge_close
from orchestration.config.load import load_configuration
from orchestration.database.connection import connect, database_environment
from orchestration.errors import MeterlineError
from orchestration.gatekeeping import override
from orchestration.ingest.landing import days_with_files
from orchestration.ingest.loader import LoadResult, load_days
from orchestration.load_gates import judge_delivered, judge_landed
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.turns import turn
from tests.hurry import hurried_dbt

Message = dict[str, Any]

LOAD = ("build", "--select", "tag:load", "--exclude-resource-type", "unit_test")
CLOSE = ("build", "--select", "tag:close", "--exclude", "tag:load", "--exclude-resource-type", "unit_test")
EXPLAIN = ("build", "--select", "tag:explain", "--exclude-resource-type", "unit_test")
PUBLISH = ("build", "--select", "tag:publish", "--exclude-resource-type", "unit_test")
AUDIT = ("test", "--select", "tag:audit", "--exclude-resource-type", "unit_test")

# Which tables a history leaves, and the columns in which two equal histories may differ: when and by which run.
PUBLISHED = (
    "billing_events",
    "boundary_reviews",
    "clock_health",
    "device_silence",
    "device_state",
    "device_usage",
    "duplicate_rates",
    "fleet_usage",
    "invoice_lines",
    "invoices",
    "late_events",
    "period_closes",
    "quarantined_messages",
    "usage_daily",
    "usage_hourly",
    "usage_minutely",
)
OF_THE_RUN = ("close_id", "config_load_id", "last_load_id", "loaded_at", "recorded_at")
INVOICE_VERSIONS = """
select invoice_id, invoice_version, total_amount::text from finance.invoices order by 1, 2
"""
FLEET = """
select period_id, metric, trim_scale(quantity)::text from finance.fleet_usage where tenant_id = %s order by 1, 2
"""
COLUMNS = """
select table_name, string_agg(quote_ident(column_name), ', ' order by ordinal_position)
from information_schema.columns
where table_schema = 'finance' and table_name = any(%s) and column_name <> all(%s)
group by table_name
order by table_name
"""


# --- dbt in this process ---------------------------------------------------------------------------------------------


def run_dbt(settings: Settings, *arguments: str) -> None:
    """Run dbt against the platform of `settings` as a step does.

    Raises AssertionError with dbt's messages when a model or a test of the data fails.
    """
    with mock.patch.dict(os.environ, database_environment(settings) | {"DO_NOT_TRACK": "1"}):
        dbt_runs.parsed_project(settings)
        try:
            with hurried_dbt():
                if arguments == LOAD and settings.lanes > 1:
                    _exhaust(dbt_lanes.run(settings, arguments, "", lane_starts(settings.lanes)))
                else:
                    dbt_runs.run_quietly(settings, *arguments)
        except dbt_runs.DbtError as error:
            raise AssertionError(str(error)) from None


def lane_starts(count: int) -> tuple[int, ...]:
    """Lanes of one tenant each, but the last, in the order in which tenants were met."""
    return (0, *range(2, count + 1))


def _exhaust(events: Iterator[Any]) -> None:
    for _ in events:
        pass


def rate_and_publish(settings: Settings) -> dict[str, str]:
    """What the assets of a close do once it was requested; returns what the gates held, as subject and rule."""
    run_dbt(settings, *CLOSE)
    with connect(settings, "meterline_transform") as session:
        verdicts = judge_close(session, closing.open_request(session))
    run_dbt(settings, *PUBLISH)
    return {finding.subject: finding.rule for finding in (*verdicts.periods.held, *verdicts.new_invoices.held)}


@cache
def _dagster_instance() -> Any:
    """Of steps that are called as functions and write nothing to it; one is made in the time of ten models."""
    from dagster import DagsterInstance

    return DagsterInstance.ephemeral()


# --- telemetry and configuration as Python data ----------------------------------------------------------------------


def instant(text: str) -> datetime:
    """`2019-03-01T00:00:00Z`, or without seconds or zone, as an instant; UTC where nothing is said."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def message(
    tenant: str,
    device: str,
    seq: int,
    quantity: object,
    at: str | datetime,
    received: str | datetime | None = None,
    **others: object,
) -> Message:
    """A message measured `at` by the device's clock; received a second later where nothing else is said."""
    measured = instant(at) if isinstance(at, str) else at
    arrived = instant(received) if isinstance(received, str) else received or measured + timedelta(seconds=1)
    return {
        "tenant_id": tenant,
        "device_id": device,
        "metric": "energy",
        "msg_seq": seq,
        "quantity": str(quantity),
        "device_ts": stamp(measured),
        "received_at": stamp(arrived),
        **others,
    }


def stamp(moment: datetime) -> str:
    """An instant as landing files carry it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def json_lines(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A landing file of these messages."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@dataclass
class Configuration:
    """A configuration folder in the making: tenants with their contract and devices, cards with their tiers."""

    tables: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "tenants",
                "calendars",
                "retention_classes",
                "contracts",
                "devices",
                "device_types",
                "metrics",
                "rate_cards",
                "rate_card_tiers",
                "rate_card_terms",
                "discounts",
                "taxes",
                "credits",
                "period_overrides",
                "field_mappings",
                "unit_conversions",
                "sources",
                "units",
                "occupancies",
                "allocations",
                "budgets",
            )
        }
    )

    def __post_init__(self) -> None:
        """Everybody's default: energy in kWh at 1.00 EUR, so that an amount is a number of kWh."""
        self.metric("energy", unit="kWh")
        self.rate_card("euro-per-kwh", (None, "1.00"), metric="energy")

    def metric(self, name: str, **columns: object) -> None:
        """Declare a metric."""
        self.tables["metrics"].append({"metric": name, **columns})

    def tenant(
        self, tenant_id: str, *devices: str, region: str = "eu", device_type: str | None = None, **contract: object
    ) -> None:
        """A tenant with devices and one contract, from 1 January 2019 in UTC where nothing else is said."""
        self.tables["tenants"].append({"tenant_id": tenant_id, "region": region, "currency_code": "EUR"})
        self.tables["devices"] += [
            {"tenant_id": tenant_id, "device_id": device, "device_type": device_type} for device in devices
        ]
        self.contract(f"{tenant_id}-1", tenant_id, **contract)

    def contract(self, contract_id: str, tenant_id: str, **columns: object) -> None:
        """Another contract of a tenant."""
        defaults = {"starts_at": "2019-01-01", "time_zone": "UTC", "rate_card_id": "euro-per-kwh"}
        self.tables["contracts"].append(defaults | {"contract_id": contract_id, "tenant_id": tenant_id} | columns)

    def calendar(self, name: str, *dates: str) -> None:
        """A custom calendar; its last date only ends the cycle before it."""
        self.tables["calendars"] += [{"calendar": name, "period_start_date": day} for day in dates]

    def rate_card(
        self,
        rate_card_id: str,
        *tiers: tuple[object, object] | tuple[object, object, object] | dict[str, object],
        metric: str | None = "energy",
        charge_basis: str = "usage",
        price_model: str = "per_unit",
        **columns: object,
    ) -> None:
        """A charge of a card; a tier is (up to, unit price[, flat fee]) or its columns; parts are numbered apart."""
        key = {"rate_card_id": rate_card_id, "metric": metric, "charge_basis": charge_basis}
        self.tables["rate_cards"].append({"currency_code": "EUR", "price_model": price_model} | key | columns)
        key |= {name: columns[name] for name in ("rate_card_version", "charge") if name in columns}
        numbers: Counter[object] = Counter()
        for tier in tiers:
            named = dict(zip(("up_to", "unit_price", "flat_fee"), tier, strict=False))
            cells = tier if isinstance(tier, dict) else named
            numbers[cells.get("part")] += 1
            self.tables["rate_card_tiers"].append(key | {"tier_number": numbers[cells.get("part")]} | cells)

    def row(self, table: str, **columns: object) -> None:
        """A row of a table that has no method of its own."""
        self.tables[table].append(columns)

    def write(self, folder: Path) -> None:
        """Write the CSVs; a table without rows has none."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            path = folder / f"{name}.csv"
            path.unlink(missing_ok=True)
            if rows:
                names = list(dict.fromkeys(column for row in rows for column in row))
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, names, restval="")
                    writer.writeheader()
                    writer.writerows(rows)


# --- what finance reads about it -------------------------------------------------------------------------------------


def documented_text(block: str) -> str:
    """A block of the documentation that finance reads, with its line breaks as blanks between words."""
    documentation = (DBT_PROJECT / "models" / "finance" / "_billing_docs.md").read_text()
    text = documentation.partition(f"{{% docs {block} %}}")[2].partition("{% enddocs %}")[0]
    assert text, block
    return re.sub(r"(?<=\S)\n(?=[^\s|])", " ", text)


def documented_tables(block: str) -> list[list[list[str]]]:
    """The tables of a block, each as rows of cells, without its heading."""
    tables: list[list[list[str]]] = [[]]
    for line in documented_text(block).splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.split("|")[1:-1]])
        elif tables[-1]:
            tables.append([])
    return [rows[2:] for rows in tables if rows]


# --- a platform ------------------------------------------------------------------------------------------------------


class Pipeline:
    """A platform with its own database, landing zone and configuration, run step by step in this process.

    The steps are those of the Dagster jobs, in their order; `settings` name a database whose relations are deployed.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the platform's database; landing zone and configuration, unless given, are written under its home."""
        self.settings = replace(
            settings,
            landing_url=settings.landing_url or str(settings.home / "landing"),
            config_url=settings.config_url or str(settings.home / "config"),
        )
        self._writes_configuration = settings.config_url is None
        self.configuration = Configuration()
        self._landed = 0
        self.held: dict[str, str] = {}

    def continue_as(self, other: Pipeline) -> None:
        """Take over another platform's landing zone and configuration, as they are and as they will be."""
        folders = {"landing_url": other.settings.landing_url, "config_url": other.settings.config_url}
        self.settings = replace(self.settings, **folders)
        self.configuration = other.configuration

    @property
    def database(self) -> str:
        """Name of the platform's database."""
        return database_environment(self.settings)["PGDATABASE"]

    def tenant(self, tenant_id: str, *devices: str, **columns: Any) -> None:
        """Configure a tenant; see Configuration.tenant."""
        self.configuration.tenant(tenant_id, *devices, **columns)

    def land(
        self, *messages: Mapping[str, object], name: str | None = None, day: str | None = None, region: str = "eu"
    ) -> list[str]:
        """Write messages as JSON lines, one new file per UTC day of receipt, or all into the file of `day`."""
        self._landed += 1
        by_day: dict[str, list[Mapping[str, object]]] = {}
        for row in messages:
            by_day.setdefault(day or str(row["received_at"])[:10], []).append(row)
        name = name or f"part-{self._landed:04d}.jsonl"
        return [
            self.land_bytes(name, json_lines(rows), folder_day, region) for folder_day, rows in sorted(by_day.items())
        ]

    def land_bytes(self, name: str, content: bytes, day: str, region: str = "eu") -> str:
        """Write a landing file as it is; returns its path relative to the landing zone."""
        relative = f"region={region}/date={day}/{name}"
        path = Path(str(self.settings.landing)) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return relative

    def process(self, first: date | None = None, last: date | None = None) -> list[LoadResult]:
        """Configuration, landing files of the received days (all where none are given), gate, metering, gate.

        What the gates held of it is in `held` afterwards, as subject and rule.
        """
        self.configure()
        results = self.load(first, last)
        self.gate_landed()
        self.meter()
        return results

    def configure(self) -> None:
        """The configuration as it stands."""
        if self._writes_configuration:
            self.configuration.write(Path(str(self.settings.config_url)))
        load_configuration(self.settings)

    def load(self, first: date | None = None, last: date | None = None) -> list[LoadResult]:
        """Landing files to raw rows, no further."""
        days = days_with_files(self.settings.landing)
        return [] if days is None else load_days(self.settings, first or days[0], last or days[1])

    def gate_landed(self) -> None:
        """Landed loads through their gate, as the asset accepted_loads does."""
        with connect(self.settings, "meterline_transform") as session:
            _, verdicts = judge_landed(session)
        self.held = {finding.subject: finding.rule for finding in verdicts.held}

    def meter(self) -> None:
        """Accepted loads to use and through the event store gate, as metering_models and judged_loads do."""
        with turn(self.settings):
            run_dbt(self.settings, *LOAD)
        with connect(self.settings, "meterline_transform") as session:
            _, verdicts = judge_delivered(session)
        self.held |= {finding.subject: finding.rule for finding in verdicts.held}
        waiting = self.rows("select source_file from ledger.loads where status in ('landed', 'accepted', 'claimed')")
        assert waiting == []

    def close(self, month: str, as_of: str | None = None) -> list[tuple[Any, ...]]:
        """Close the month as the job close_period does; returns (invoice_id, version, total) of what it made.

        What the gates held of it is in `held` afterwards, as subject and rule.
        Raises the MeterlineError with which the platform refuses.
        """
        from dagster import Failure, build_asset_context

        from orchestration.assets.billing import CloseConfig, close_requests
        from orchestration.resources import Platform

        month_closed = closing.parse_month(month).isoformat()
        context = build_asset_context(partition_key=month_closed, instance=_dagster_instance())
        before = self.rows(INVOICE_VERSIONS)
        with mock.patch.dict(os.environ, self.environment()):
            try:
                close_requests(context, config=CloseConfig(as_of=as_of or ""), platform=Platform())
            except Failure as failure:
                if isinstance(failure.__cause__, MeterlineError):
                    raise failure.__cause__ from None
                raise
        self.held = rate_and_publish(self.settings)
        return [row for row in self.rows(INVOICE_VERSIONS) if row not in before]

    def override(self, gate: str, subject: str, decided_by: str, reason: str) -> list[str]:
        """A named person's decision about what a gate holds, as the job override_gate records it."""
        with connect(self.settings, "meterline_approver") as session:
            return override(session, gate, subject, decided_by, reason)

    def reconcile(self) -> None:
        """Proposals for rejected late use, as the job reconcile makes them."""
        with connect(self.settings, "meterline_transform") as session:
            closing.refuse_unapplied(session)
            closing.request(session, "reconcile", closing.NO_MONTH, datetime.now(UTC))
        run_dbt(self.settings, *CLOSE)

    def preview(self, month: str = "", as_of: str = "") -> dict[str, str]:
        """Drafts of the open periods of a month, or of those that may not close yet: their totals by invoice."""
        with connect(self.settings, "meterline_transform") as session:
            first = closing.parse_month(month) if month else closing.NO_MONTH
            closing.request(session, "preview", first, closing.parse_instant(as_of) if as_of else None)
        run_dbt(self.settings, *CLOSE)
        return dict(self.rows("select invoice_id, total_amount::text from finance.draft_invoices order by 1"))

    def simulate(self, rate_card_id: str, version: int, against: int | None = None) -> rate_releases.Simulation:
        """A version of a card beside the one in force (or another), as the job simulate_rates rates them."""
        candidate = closing.Candidate(rate_card_id, version, against)
        with connect(self.settings, "meterline_transform") as session:
            rate_releases.refuse_unknown(session, candidate)
            asked = closing.request(session, "simulate", closing.NO_MONTH, datetime.now(UTC), candidate)
        run_dbt(self.settings, *CLOSE)
        with connect(self.settings, "meterline_finance") as session:
            return rate_releases.simulation(session, asked, candidate)

    def decide(self, decision: str, rate_card_id: str, version: int, by: str, cohort: str = "") -> int:
        """A named person's decision about a version of a card."""
        with connect(self.settings, "meterline_approver") as session:
            asked = rate_releases.Decision(decision, rate_card_id, version, cohort, by, "agreed")
            return rate_releases.decide(session, asked)

    def explain(self, month: str) -> None:
        """The bridges of a month's invoices, as the job explain_invoices makes them."""
        with connect(self.settings, "meterline_transform") as session:
            closing.request(session, "explain", closing.parse_month(month), datetime.now(UTC))
        run_dbt(self.settings, *CLOSE)
        run_dbt(self.settings, *EXPLAIN)

    def release(self, asked: quarantine.Filter, by: str, because: str) -> quarantine.Released:
        """Refused rows, by decision of a named person, for the next run to meter; as the job release_quarantined."""
        with connect(self.settings, "meterline_approver") as session:
            return quarantine.release(session, asked, by, because)

    def prove(self) -> dict[str, list[str]]:
        """Every proof of `meterline verify` that does not hold, with its problems."""
        with connect(self.settings, "meterline_auditor") as session:
            proofs = [*verification.prove(session), verification.prove_archive(session, self.settings.archive)]
        with connect(self.settings, "meterline_transform") as session:
            closing.request(session, "verify", closing.NO_MONTH, datetime.now(UTC))
        run_dbt(self.settings, *CLOSE)
        with connect(self.settings, "meterline_auditor") as session:
            proofs.append(verification.prove_reproduction(session))
        return {proof.name: proof.problems for proof in proofs if not proof.holds}

    def audit(self) -> None:
        """The dbt tests over all history, which daily runs leave out."""
        run_dbt(self.settings, *AUDIT)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with connect(self.settings) as session:
            return session.execute(query.encode(), parameters or None).fetchall()

    def fleet(self, tenant_id: str) -> dict[str, str]:
        """A tenant's use by period and metric (`energy` is not named), without trailing zeros."""
        rows = self.rows(FLEET, tenant_id)
        return {period if metric == "energy" else f"{period} {metric}": quantity for period, metric, quantity in rows}

    def refused(self) -> list[tuple[str, int]]:
        """Quarantined messages, counted by reason."""
        return self.rows("select reason, count(*) from finance.quarantined_messages group by 1 order by 1")

    def execute(self, statements: str) -> None:
        """Run statements as the login, a superuser."""
        with connect(self.settings) as session:
            session.execute(statements.encode())

    def published(self, tables: Iterable[str] = PUBLISHED) -> dict[str, list[str]]:
        """What finance reads, as sorted rows of text, without what differs between two runs of one history."""
        columns = dict(self.rows(COLUMNS, list(tables), list(OF_THE_RUN)))
        return {
            table: sorted(row for (row,) in self.rows(f"select ({names})::text from finance.{table}"))
            for table, names in columns.items()
        }

    def environment(self) -> dict[str, str]:
        """Variables by which a command finds this platform."""
        assert self.settings.database_url is not None
        return {
            "METERLINE_HOME": str(self.settings.home),
            "METERLINE_DATABASE_URL": self.settings.database_url,
            "METERLINE_LANDING": str(self.settings.landing_url),
            "METERLINE_CONFIG": str(self.settings.config_url),
        } | ({} if self.settings.shards is None else {"METERLINE_SHARDS": str(self.settings.shards)})
