"""`meterline bench --close`: one close of many tenants, beside plain aggregation of the same use on the same server."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.progress import report
from tests.benchmarks import cards
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.measure import Cost, run
from tests.benchmarks.report import megabytes
from tests.benchmarks.sandbox import Sandbox, child_environment

MONTH = "2019-06"
AS_OF = "2019-07-04"
RECEIVED_AT = datetime(2019, 6, 12, 12, tzinfo=UTC)
FILES = 4
RATED = """
select count(distinct tenant_id), count(*),
    (select count(*) from store.closed_usage), (select sum(quantity) from store.closed_usage)
from finance.invoices
"""


@dataclass(frozen=True)
class Fleet:
    """Tenants of equal size; what the sandbox and the report need to know of them."""

    landing: Path
    config: Path
    tenant_count: int
    device_count: int


def measure(folder: Path, tenant_count: int, device_count: int) -> None:
    """Generate, process, close and aggregate; print. Raises VoidBenchmarkError unless every device was rated."""
    fleet = generate(folder, tenant_count, device_count)
    sandbox = Sandbox(folder / "home", fleet)
    try:
        with working("benchmark"):
            report("preparing")(0, 0)
            sandbox.prepare()
            report("processing")(0, 0)
            sandbox.meterline("process")
            report("closing")(0, 0)
            closed = sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF)
            models = sandbox.model_seconds("close")
            _refuse_incomplete(sandbox, fleet)
            plain = _aggregate(sandbox)
            nothing = sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF)
    finally:
        sandbox.stop()
    _show(fleet, closed, plain, nothing, models)


def generate(folder: Path, tenant_count: int, device_count: int) -> Fleet:
    """Write a message of each device and the configuration of tenants of equal size on twenty rate cards."""
    config, landing = folder / "config", folder / "landing" / "region=eu" / f"date={RECEIVED_AT.date()}"
    for path in (config, landing):
        path.mkdir(parents=True)
    each = device_count // tenant_count
    tenants = [f"t-{number:05}" for number in range(1, tenant_count + 1)]
    devices = [(tenant, f"d-{number:04}") for tenant in tenants for number in range(1, each + 1)]
    _write(
        config / "tenants.csv",
        ("tenant_id", "region", "currency_code"),
        ((name, "eu", cards.CURRENCY) for name in tenants),
    )
    _write(
        config / "contracts.csv",
        ("contract_id", "tenant_id", "starts_at", "time_zone", "rate_card_id", "tax_percent"),
        ((name, name, "2019-01-01", "UTC", cards.card_id(n), 19) for n, name in enumerate(tenants)),
    )
    _write(config / "metrics.csv", ("metric", "unit"), [(cards.METRIC, "kWh")])
    _write(config / "device_types.csv", ("device_type",), [("meter",), ("valve",)])
    _write(
        config / "devices.csv",
        ("tenant_id", "device_id", "device_type"),
        ((tenant, device, ("meter", "valve")[int(device[2:]) % 2]) for tenant, device in devices),
    )
    _write_cards(config)
    for number in range(FILES):
        part = devices[number::FILES]
        moments = [RECEIVED_AT + timedelta(milliseconds=n) for n in range(len(part))]
        columns = {
            "tenant_id": [tenant for tenant, _ in part],
            "device_id": [device for _, device in part],
            "metric": [cards.METRIC] * len(part),
            "msg_seq": pa.array([1] * len(part), pa.int64()),
            "quantity": [f"{n % 997}.{n % 10}" for n in range(len(part))],
            "device_ts": pa.array(moments, pa.timestamp("us", "UTC")),
            "received_at": pa.array(moments, pa.timestamp("us", "UTC")),
        }
        pq.write_table(pa.table(columns), landing / f"part-{number}.parquet")
    return Fleet(folder / "landing", config, tenant_count, len(devices))


def _write_cards(config: Path) -> None:
    charges, tiers = cards.rows()
    _write(config / "rate_cards.csv", cards.CARD_COLUMNS, charges)
    _write(config / "rate_card_tiers.csv", cards.TIER_COLUMNS, tiers)
    _write(config / "time_of_use.csv", cards.PART_COLUMNS, cards.PARTS)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _refuse_incomplete(sandbox: Sandbox, fleet: Fleet) -> None:
    with connect(sandbox.settings) as session:
        row = session.execute(RATED).fetchone()
    if row is None or row[:3] != (fleet.tenant_count, fleet.tenant_count, fleet.device_count):
        raise VoidBenchmarkError(
            f"the close rated {row}, not {fleet.device_count} devices of {fleet.tenant_count} tenants"
        )


def _aggregate(sandbox: Sandbox) -> Cost:
    command = [sys.executable, "-m", "tests.benchmarks.aggregate_job", sandbox.url("postgres")]
    return run(command, child_environment(), sandbox.home / "aggregate.txt", sandbox.server)


def _show(fleet: Fleet, closed: Cost, plain: Cost, nothing: Cost, models: Sequence[tuple[str, float]]) -> None:
    say(
        f"{fleet.tenant_count:,} tenants, {fleet.device_count:,} device-periods, {len(cards.CARDS)} rate cards: every "
        "device rated, one run.\n"
    )
    contenders = (("meterline close", closed), ("plain aggregation", plain), ("a close with nothing new", nothing))
    reference = plain.all_cpu
    table(
        "A close",
        ["", "s", "client CPU s", "server CPU s", "us CPU/device-period", "x plain", "MB client", "MB server"],
        [
            [
                name, f"{cost.wall:,.1f}", f"{cost.cpu:,.1f}", f"{cost.server_cpu:,.1f}",
                f"{cost.all_cpu * 1e6 / fleet.device_count:,.1f}",
                f"{cost.all_cpu / reference:,.1f}",
                megabytes(cost.peak_bytes), megabytes(cost.server_peak_bytes),
            ]
            for name, cost in contenders
        ],
    )  # fmt: skip
    table("Models and checks that took longest", ["", "s"], [[name, f"{seconds:.1f}"] for name, seconds in models[:12]])
