"""Files of utilities are billed like any other messages, once, and without the names of metering points.

One kWh costs 1.00 AUD or EUR; the files are written by hand and no household of theirs exists.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.run import destination_of, import_files
from tests.support import Pipeline

NMI = "4102000042"
# Market time is +10:00 all year: 1 May there begins on 30 April at 14:00 UTC.
CONTRACT = {"time_zone": "Australia/Brisbane", "grace_hours": 240}
BY_DAY = """
select to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24'), metric, trim_scale(quantity)::text
from finance.usage_daily order by 1, 2
"""
REFUSED = """
select reason, raw::jsonb ->> 'quantity', raw::jsonb ->> 'quality' from finance.quarantined_messages order by source_row
"""


def nem12(made_at: str, first: str = "1.5", unit: str = "kWh", *events: str) -> str:
    """The last day of May 2024: 47 half hours of 0.5 and the last one of `first`, so that midnight is near."""
    quality = "V" if events else "A"
    values = ",".join(["0.5"] * 47 + [first])
    return "\n".join(
        (
            f"100,NEM12,{made_at},MDP1,RETAILER1",
            f"200,{NMI},E1,1,E1,N1,01009,{unit},30,",
            f"300,20240531,{values},{quality},,,20240601000000,",
            *events,
            "900\n",
        )
    )


@pytest.fixture
def home(pipeline: Pipeline, tmp_path: Path) -> Path:
    """A folder with aliases of a configured tenant's devices."""
    pipeline.tenant("acme", "meter-1", **CONTRACT)
    pipeline.configure()
    lines = [f"{NMI},E1,meter-1,energy", f"{NMI},forward,meter-1,energy"]
    for name, line in zip(("nem12", "greenbutton"), lines, strict=True):
        (tmp_path / f"{name}.csv").write_text(f"identifier,channel,device_id,metric\n{line}\n")
    return tmp_path


def take(pipeline: Pipeline, home: Path, text: str, source: str = "nem12") -> list[tuple[str, bool]]:
    """Import a file and process what it brought."""
    file = home / "delivered"
    file.write_text(text)
    destination = destination_of(Path(str(pipeline.settings.config_folder)), "acme", pipeline.settings.landing)
    imported = import_files(source, [file], home / f"{source}.csv", destination)
    pipeline.process()
    return imported.paths


def test_nem12_is_billed_in_the_period_in_which_its_intervals_begin(pipeline: Pipeline, home: Path) -> None:
    # 47 x 0.5 + 1.5 = 25 kWh; the last interval ends on 1 June and belongs to May.
    paths = take(pipeline, home, nem12("202406020300"))
    assert [path.rpartition("/")[0] for path, _ in paths] == ["region=eu/date=2024-06-01"]
    assert pipeline.fleet("acme") == {"acme:2024-05-01": "25"}
    assert pipeline.rows(BY_DAY) == [("05-30 14", "energy", "25")]
    # It is a month old and its clock is right.
    trusted = "select distinct timestamp_source, clock_offset_seconds, quality, unit from finance.billing_events"
    assert [tuple(map(str, row)) for row in pipeline.rows(trusted)] == [("device", "0.000000", "A", "kWh")]
    assert pipeline.close("2024-05", "2024-07-01") == [("INV-acme-2024-05-01", 1, "25.00")]


def test_the_same_intervals_again_are_no_new_use(pipeline: Pipeline, home: Path) -> None:
    first = take(pipeline, home, nem12("202406020300"))
    assert [is_new for _, is_new in first] == [True]
    assert take(pipeline, home, nem12("202406020300")) == [(path, False) for path, _ in first]
    # Made anew a day later, with the same readings in another unit.
    pipeline.configuration.tables["unit_conversions"].append({"metric": "energy", "unit": "MWh", "factor": "1000"})
    values = nem12("202406030300", unit="MWH").replace("0.5", "0.0005").replace("1.5", "0.0015")
    assert [is_new for _, is_new in take(pipeline, home, values)] == [True]
    assert pipeline.fleet("acme") == {"acme:2024-05-01": "25"}
    balance = "select sum(message_count), sum(stored_count), sum(duplicate_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(96, 48, 48)]
    assert pipeline.refused() == []


def test_a_revised_reading_waits_for_a_person(pipeline: Pipeline, home: Path) -> None:
    take(pipeline, home, nem12("202406020300"))
    take(pipeline, home, nem12("202406030300", "9.5", "kWh", "400,1,47,A,,", "400,48,48,F14,32,"))
    assert pipeline.fleet("acme") == {"acme:2024-05-01": "25"}
    assert pipeline.rows(REFUSED) == [("sequence_conflict", "9.5", "F14")]


def test_an_interval_without_data_is_no_zero(pipeline: Pipeline, home: Path) -> None:
    take(pipeline, home, nem12("202406020300", "0", "kWh", "400,1,46,S14,32,", "400,47,48,N,,"))
    quality = (
        "select quality, attributes ->> 'reason_code', count(*), sum(quantity)::int from metering.int_named_events"
    )
    assert pipeline.rows(f"{quality} group by 1, 2") == [("S14", "32", 46, 23)]


def test_green_button_is_billed_after_a_declared_conversion(pipeline: Pipeline, home: Path) -> None:
    # 1717156800 is 2024-05-31T12:00:00Z: 22:00 in Brisbane. 1250 and 0.75 kWh = 750 Wh: 2 kWh.
    pipeline.configuration.tables["unit_conversions"].append({"metric": "energy", "unit": "Wh", "factor": "0.001"})
    point = f"/espi/RetailCustomer/1/UsagePoint/{NMI}/MeterReading/1"
    readings = "".join(
        f"<IntervalReading><ReadingQuality><quality>{code}</quality></ReadingQuality><timePeriod><duration>3600</duration>"
        f"<start>{start}</start></timePeriod><value>{value}</value></IntervalReading>"
        for start, value, code in ((1717156800, 125, 0), (1717160400, 75, 9))
    )
    entries = (
        ("ReadingType", "/espi/ReadingType/1", "", "<powerOfTenMultiplier>1</powerOfTenMultiplier><uom>72</uom>"
         "<flowDirection>1</flowDirection><accumulationBehaviour>4</accumulationBehaviour>"),
        ("MeterReading", point, '<link rel="related" href="/espi/ReadingType/1"/>', ""),
        ("IntervalBlock", f"{point}/IntervalBlock/1", "", readings),
    )  # fmt: skip
    feed = "".join(
        f'<entry><link rel="self" href="{path}"/>{link}<content><{kind} xmlns="http://naesb.org/espi">{body}</{kind}>'
        "</content></entry>"
        for kind, path, link, body in entries
    )
    take(
        pipeline,
        home,
        f'<feed xmlns="http://www.w3.org/2005/Atom"><updated>2024-06-02T00:00:00Z</updated>{feed}</feed>',
        "greenbutton",
    )
    assert pipeline.fleet("acme") == {"acme:2024-05-01": "2"}
    assert pipeline.rows("select distinct quality from finance.billing_events order by 1") == [
        ("estimated using linear interpolation",), ("valid",),
    ]  # fmt: skip


def test_the_job_writes_everything_or_nothing_and_no_identifier(pipeline: Pipeline, home: Path) -> None:
    from orchestration.one_step_jobs import import_readings
    from orchestration.resources import Platform

    good, bad = home / "good.csv", home / "bad.csv"
    good.write_text(nem12("202406020300"))
    bad.write_text(nem12("202406030300").replace("900\n", ""))
    config = {"source": "nem12", "tenant_id": "acme", "aliases": str(home / "nem12.csv")}

    def run(*files: Path) -> bool:
        with mock.patch.dict(os.environ, pipeline.environment()):
            return import_readings.execute_in_process(
                run_config={
                    "ops": {"import_readings_op": {"config": config | {"files": [str(file) for file in files]}}}
                },
                resources={"platform": Platform()},
                raise_on_error=False,
            ).success

    landing = Path(str(pipeline.settings.landing))
    assert not run(good, bad)
    assert not landing.exists()
    assert run(good)
    written = [path for path in landing.rglob("*") if path.is_file()]
    assert len(written) == 1
    assert NMI not in written[0].read_text() + str(written[0])
    with pytest.raises(BadInputError, match=r"--tenant 'other' is not in .*tenants\.csv"):
        destination_of(Path(str(pipeline.settings.config_folder)), "other", pipeline.settings.landing)
