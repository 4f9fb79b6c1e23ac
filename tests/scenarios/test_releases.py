"""What was refused is released once the configuration is mended, and ends as if it had been right from the start."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orchestration.database.connection import connect
from orchestration.errors import BadInputError, BusyError
from orchestration.quarantine import Filter, counts, release, row
from tests.support import Pipeline, message

NewPipeline = Callable[..., Pipeline]
DAY = "2019-02-10"
PATH = f"region=eu/date={DAY}/file.jsonl"
BALANCE = (
    "select message_count, stored_count, duplicate_count, quarantined_count, late_not_billed_count"
    " from governance.load_balance order by source_file"
)
WATERMARK = "select last_received_at, received_until_at from usage.int_watermarks"
# A good row, a row that stays wrong, and of a meter that nobody declared: a message, its duplicate and a conflict.
FILE = (
    message("acme", "m-1", 1, 1, f"{DAY}T08:00"),
    message("acme", "m-2", 1, 2, f"{DAY}T09:00"),
    message("acme", "m-2", 1, 2, f"{DAY}T09:00", f"{DAY}T09:05"),
    message("acme", "m-2", 1, 9, f"{DAY}T09:00", f"{DAY}T09:06"),
    message("acme", "m-1", 2, "NaN", f"{DAY}T10:00"),
    message("acme", "m-1", 3, 4, f"{DAY}T11:00"),
)


def declare(platform: Pipeline, *devices: str) -> None:
    """Meters that were forgotten."""
    platform.configuration.tables["devices"] += [{"tenant_id": "acme", "device_id": device} for device in devices]


@pytest.fixture
def refused(pipeline: Pipeline) -> Pipeline:
    """A platform whose only file has three messages of a meter that is not declared."""
    pipeline.tenant("acme", "m-1")
    pipeline.land(*FILE, name="file.jsonl")
    pipeline.process()
    assert pipeline.refused() == [("bad_quantity", 1), ("unknown_device", 3)]
    assert pipeline.rows(BALANCE) == [(6, 2, 0, 4, 0)]
    return pipeline


def test_a_released_row_goes_the_ordinary_way_and_keeps_its_file_and_row(refused: Pipeline) -> None:
    before = refused.rows(WATERMARK)
    declare(refused, "m-2")
    released = refused.release(Filter(tenant_id="acme"), "Ada", "m-2 was declared")
    assert released.files == [(PATH, 3)]
    assert [(reason, count) for reason, _, count in released.staying] == [("bad_quantity", 1)]
    # Recorded, not metered: the refusals stand and the books balance.
    assert refused.rows(BALANCE) == [(6, 2, 0, 4, 0)]
    assert refused.refused() == [("bad_quantity", 1), ("unknown_device", 3)]
    refused.process()

    # 1 + 4 of m-1, 2 of m-2, whose second arrival is a duplicate and whose third says 9 for the same reading.
    assert refused.fleet("acme") == {"acme:2019-02-01": "7"}
    assert refused.refused() == [("bad_quantity", 1), ("sequence_conflict", 1)]
    assert refused.rows(BALANCE) == [(6, 3, 1, 2, 0)]
    events = "select source_file, source_row from finance.billing_events where device_id = 'm-2'"
    assert refused.rows(events) == [(PATH, 2)]
    assert refused.rows(WATERMARK) == before
    refused.audit()
    assert refused.prove() == {}
    decided = refused.rows("select payload::jsonb from audit.log where stream = 'quarantine'")
    assert [(entry["decided_by"], entry["reason"], entry["rows"]) for (entry,) in decided] == [
        ("Ada", "m-2 was declared", [2, 3, 4])
    ]


def test_a_history_with_a_release_ends_as_one_that_was_right_from_the_start(
    refused: Pipeline, new_pipeline: NewPipeline
) -> None:
    right = new_pipeline()
    right.tenant("acme", "m-1")
    declare(right, "m-2")
    right.land(*FILE, name="file.jsonl")
    # The same instant of receipt in another file: whose digest is smaller is kept, also when a release brings it.
    rivals = [
        message("acme", "m-2", 1, 3, f"{DAY}T09:00", session_id=text) | {"received_at": FILE[1]["received_at"]}
        for text in "abcdefgh"
    ]
    for platform in (refused, right):
        for number, rival in enumerate(rivals):
            platform.land(rival, name=f"rival-{number}.jsonl")
    right.process()
    declare(refused, "m-2")
    refused.release(Filter(), "Ada", "declared")
    refused.process()
    assert refused.published() == right.published()

    refused.close("2019-02", "2019-03-04")
    right.close("2019-02", "2019-03-04")
    assert refused.published() == right.published()


def test_a_release_after_the_close_amends_the_invoice(refused: Pipeline) -> None:
    assert refused.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "5.00")]
    declare(refused, "m-2")
    refused.release(Filter(), "Ada", "declared")
    refused.process()
    # Received before the boundary, loaded after the close: not late.
    assert refused.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "7.00")]
    assert refused.prove() == {}


def test_what_is_released_twice_is_stored_once_and_what_fails_again_is_refused_again(refused: Pipeline) -> None:
    one = Filter(file=PATH, row=2)
    assert refused.release(one, "Ada", "too early").files == [(PATH, 1)]
    assert refused.release(one, "Ada", "twice").files == []
    refused.process()
    # Nobody declared the meter: the row is refused again, at its place.
    assert refused.refused() == [("bad_quantity", 1), ("unknown_device", 3)]
    assert refused.rows(BALANCE) == [(6, 2, 0, 4, 0)]

    declare(refused, "m-2")
    assert refused.release(Filter(), "Ada", "declared").files == [(PATH, 3)]
    refused.process()
    assert refused.release(Filter(), "Ada", "again").files == []
    refused.process()
    assert refused.fleet("acme") == {"acme:2019-02-01": "7"}
    assert refused.rows(BALANCE) == [(6, 3, 1, 2, 0)]
    refused.audit()


def test_plain_rows_are_released_too(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", region="us")
    pipeline.land(message("acme", "m-1", 1, 1, f"{DAY}T08:00", unit="kWh"))
    pipeline.land(
        message("acme", "m-1", 2, -2, f"{DAY}T09:00"), message("acme", "m-1", 3, 5, f"{DAY}T09:01", unit="MWh")
    )
    pipeline.process()
    assert pipeline.refused() == [("wrong_region", 3)]

    pipeline.configuration.tables["tenants"][0]["region"] = "eu"
    pipeline.release(Filter(), "Ada", "the tenant is European")
    pipeline.process()
    assert pipeline.refused() == [("negative_delta", 1), ("unit_mismatch", 1)]
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "1"}


def test_what_no_configuration_mends_is_not_released(refused: Pipeline) -> None:
    refused.land(
        message("acme", "00:11:22:33:44:55", 1, 1, f"{DAY}T12:00"),
        message("acme", "m-1", 1, 7, f"{DAY}T08:00", f"{DAY}T08:09"),
        message("acme", "m-1", 9, 7, "2018-12-01T08:00", f"{DAY}T08:09"),
        name="others.jsonl",
    )
    path = refused.land_bytes("broken.parquet", b"PAR1 and nothing else", DAY)
    refused.process()
    for reason in ("bad_quantity", "hardware_identifier", "sequence_conflict", "no_contract", "unreadable_file"):
        assert reason in dict(refused.refused())
        with pytest.raises(BadInputError, match=f"{reason} cannot be released: "):
            refused.release(Filter(reason=reason), "Ada", "please")
    with pytest.raises(BadInputError, match="there is no reason 'lost'; the reasons are bad_quantity, "):
        refused.release(Filter(reason="lost"), "Ada", "please")
    with connect(refused.settings, "meterline_auditor") as session:
        assert "deliver the repaired file" in row(session, path, None)["remedy"]


def test_a_release_needs_a_name_a_reason_the_right_and_its_turn(refused: Pipeline) -> None:
    with pytest.raises(BadInputError, match="--by NAME and --because TEXT"):
        refused.release(Filter(), "Ada", " ")
    with connect(refused.settings) as busy:
        busy.execute("select pg_advisory_xact_lock(hashtext('meterline.process'))")
        with pytest.raises(BusyError):
            refused.release(Filter(), "Ada", "declared")
    for role in ("meterline_ingest", "meterline_transform", "meterline_finance", "meterline_auditor"):
        with pytest.raises(Exception, match="permission denied"), connect(refused.settings, role) as session:
            release(session, Filter(), "Ada", "declared")


def test_the_desk_counts_and_shows(refused: Pipeline) -> None:
    with connect(refused.settings, "meterline_auditor") as session:
        found = [
            (each["reason"], each["tenant_id"], each["source_file"], each["message_count"])
            for each in counts(session, Filter())
        ]
        assert found == [("bad_quantity", "acme", PATH, 1), ("unknown_device", "acme", PATH, 3)]
        assert counts(session, Filter(tenant_id="nobody")) == []
        shown = row(session, PATH, 2)
        assert shown["detail"] == "device_id 'm-2' is not in devices.csv for this tenant"
        assert shown["remedy"] == "add the device to devices.csv, then release"
        assert json.loads(shown["raw"])["device_id"] == "m-2"
        with pytest.raises(BadInputError, match=f"row 1 of {PATH} is not in quarantine"):
            row(session, PATH, 1)
