"""What a source calls its fields, in which unit and in which zone it writes, is configuration; nothing is lost.

One kWh costs 1.00 EUR; contracts are in UTC.
"""

from __future__ import annotations

import json

import pytest

from orchestration import tracing
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from tests.support import Message, Pipeline, message

EVENTS = """
select device_id, msg_seq, trim_scale(quantity)::text, unit
from finance.billing_events order by device_id, msg_seq
"""
MEASURED = """
select msg_seq, to_char(event_at at time zone 'UTC', 'MM-DD HH24:MI') from finance.billing_events order by msg_seq
"""
REFUSED = "select source_row, reason, detail from finance.quarantined_messages order by source_file, source_row"


def renamed(row: Message, **names: str) -> Message:
    """The message with fields under other names."""
    return {names.get(name, name): value for name, value in row.items()}


def local(seq: int, clock_time: str, received: str, tenant: str = "acme") -> Message:
    """One kWh measured at a clock time that says nothing of its zone, and sent when it was received."""
    return {**message(tenant, "m-1", seq, 1, received, received), "device_ts": clock_time, "sent_ts": f"{received}Z"}


def test_a_renamed_field_is_read_under_its_declared_name(pipeline: Pipeline) -> None:
    # Firmware 2 of acme's meters says `usage` and `measured`; the file of the old gateway says `val`.
    for tenant in ("acme", "other"):
        pipeline.tenant(tenant, "m-1")
    pipeline.configuration.tables["field_mappings"] += [
        {"from_field": "usage", "to_field": "quantity", "tenant_id": "acme", "path_pattern": ""},
        {"from_field": "measured", "to_field": "device_ts", "tenant_id": "acme", "path_pattern": ""},
        {"from_field": "uom", "to_field": "unit", "tenant_id": "", "path_pattern": ""},
        {"from_field": "val", "to_field": "quantity", "tenant_id": "", "path_pattern": "*/gateway_1-*.jsonl"},
    ]
    names = {"quantity": "usage", "device_ts": "measured"}
    pipeline.land(
        renamed(message("acme", "m-1", 1, 5, "2019-02-10T12:00"), **names),
        # What a message has under its own name is not replaced.
        {**message("acme", "m-1", 2, 7, "2019-02-10T13:00"), "usage": "900"},
        renamed(message("other", "m-1", 1, 11, "2019-02-10T12:00"), quantity="usage"),
        {**message("acme", "m-1", 3, 13, "2019-02-10T14:00"), "uom": "Wh"},
    )
    old = renamed(message("other", "m-1", 2, 17, "2019-02-10T12:00"), quantity="val")
    pipeline.land(old, name="gateway_1-a.jsonl")
    # An underscore is an underscore, no sign for any character.
    pipeline.land({**old, "msg_seq": 3}, name="gatewayX1-a.jsonl")
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "12"}
    assert pipeline.fleet("other") == {"other:2019-02-01": "17"}
    assert pipeline.rows(REFUSED) == [
        (1, "missing_field", "quantity is absent, null or empty"),
        (3, "missing_field", "quantity is absent, null or empty"),
        (4, "unit_mismatch", "unit 'Wh' where metrics.csv declares kWh"),
    ]


def test_a_declared_unit_is_converted_exactly(pipeline: Pipeline) -> None:
    # 1 Wh = 0.001 kWh. 0.0000001 Wh = 0.0000000001 kWh is the least there is; a tenth of it has 11 decimals.
    pipeline.tenant("acme", "m-1")
    pipeline.configuration.tables["unit_conversions"].append({"metric": "energy", "unit": "Wh", "factor": "0.001"})
    rows = [
        message("acme", "m-1", 1, "1500", "2019-02-10T12:00", unit="Wh", quality="A"),
        message("acme", "m-1", 2, "0.0000001", "2019-02-10T12:01", unit="Wh"),
        message("acme", "m-1", 3, "0.00000001", "2019-02-10T12:02", unit="Wh"),
        message("acme", "m-1", 4, "2", "2019-02-10T12:03", unit="kWh"),
        message("acme", "m-1", 5, "3", "2019-02-10T12:04"),
        message("acme", "m-1", 6, "1", "2019-02-10T12:05", unit="MJ"),
        # A row of doubtful form takes the same way.
        message("acme", "m-1", 7, "1E3", "2019-02-10T12:06", unit="Wh"),
    ]
    pipeline.land(*rows)
    pipeline.process()
    # 1.5 kWh is the same quantity as 1500 Wh, so this is a redelivery and no conflict.
    pipeline.land({**rows[0], "quantity": "1.5", "unit": "kWh", "received_at": "2019-02-11T00:00:00Z"})
    pipeline.process()

    assert pipeline.rows(EVENTS) == [
        ("m-1", 1, "1.5", "kWh"),
        ("m-1", 2, "0.0000000001", "kWh"),
        ("m-1", 4, "2", "kWh"),
        ("m-1", 5, "3", None),
        ("m-1", 7, "1", "kWh"),
    ]
    assert pipeline.rows(REFUSED) == [
        (3, "bad_quantity", "quantity in the unit of metrics.csv must have at most 10 integer digits and 10 decimals"),
        (6, "unit_mismatch", "unit 'MJ' where metrics.csv declares kWh"),
    ]
    raw = (
        "select raw::jsonb ->> 'quantity', raw::jsonb ->> 'unit' from finance.quarantined_messages order by source_row"
    )
    assert pipeline.rows(raw)[0] == ("0.00000001", "Wh"), "refused as it was delivered"
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "7.5000000001"}
    assert pipeline.close("2019-02", "2019-03-31") == [("INV-acme-2019-02-01", 1, "7.50")]


def test_a_gauge_may_be_converted_with_an_offset(pipeline: Pipeline) -> None:
    # 300.15 K - 273.15 = 27 degrees C.
    pipeline.tenant("acme", "m-1")
    pipeline.configuration.metric("temperature", unit="degC", reading_type="gauge", aggregation="max")
    pipeline.configuration.tables["unit_conversions"].append(
        {"metric": "temperature", "unit": "K", "factor": "1", "offset_quantity": "-273.15"}
    )
    pipeline.land(message("acme", "m-1", 1, "300.15", "2019-02-10T12:00", metric="temperature", unit="K"))
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01 temperature": "27"}


def test_a_conversion_by_which_telemetry_was_metered_stays(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    conversion = {"metric": "energy", "unit": "Wh", "factor": "0.01"}
    pipeline.configuration.tables["unit_conversions"].append(conversion)
    pipeline.configure()
    # Before the first message it may be corrected.
    conversion["factor"] = "0.001"
    pipeline.land(message("acme", "m-1", 1, "1500", "2019-02-10T12:00", unit="Wh"))
    pipeline.process()

    conversion["factor"] = "0.002"
    with pytest.raises(
        BadInputError, match=r"unit_conversions\.csv line 2: the conversion of 'Wh' for metric 'energy' "
    ):
        pipeline.configure()
    pipeline.configuration.tables["unit_conversions"].clear()
    with pytest.raises(BadInputError, match=r"was removed, but telemetry .* put the row back"):
        pipeline.configure()


def test_unknown_fields_are_kept_and_shown(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    extra = {"firmware": "2.1", "rssi": -71, "path": ["gw-1", "gw-2"], "nothing": None, "mac": "00:1B:44:11:3A:B7"}
    pipeline.land(
        {**message("acme", "m-1", 1, 5, "2019-02-10T12:00"), **extra},
        message("acme", "m-1", 2, 5, "2019-02-10T13:00"),
        {**message("acme", "m-1", 3, -5, "2019-02-10T14:00"), "firmware": "2.2"},
        {**message("acme", "m-1", 1, 6, "2019-02-10T15:00"), "firmware": "2.3"},
        {**message("acme", "m-1", 4, "five", "2019-02-10T16:00"), "firmware": "2.4"},
    )
    columns = "tenant_id,device_id,metric,msg_seq,quantity,device_ts,received_at,Zähler\n"
    stamps = "2019-02-10T17:00:00Z,2019-02-10T17:00:01Z"
    content = f"{columns}acme,m-1,energy,5,1,{stamps},Küche\nacme,m-1,energy,6,1,{stamps},\n"
    pipeline.land_bytes("a.csv", content.encode(), "2019-02-10")
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "12"}
    # Of a MAC address, a hardware identifier, the last four characters.
    shown = {"firmware": "2.1", "rssi": "-71", "path": '["gw-1","gw-2"]', "mac": "*************A:B7"}
    found = dict(pipeline.rows("select row_number, fields from metering.int_extra_fields where fields ? 'firmware'"))
    assert found[1] == shown
    assert sorted(found) == [1, 3, 4, 5], "a row without such fields has none"
    assert pipeline.rows("select row_number, fields from metering.int_extra_fields where fields ? 'Zähler'") == [
        (1, {"Zähler": "Küche"})
    ]
    refused = "select raw from finance.quarantined_messages order by source_row"
    assert [json.loads(raw)["firmware"] for (raw,) in pipeline.rows(refused)] == ["2.2", "2.3", "2.4"]

    pipeline.close("2019-02", "2019-03-31")
    with connect(pipeline.settings, "meterline_auditor") as session:
        events = tracing.trace(session, pipeline.settings.archive, "INV-acme-2019-02-01", 1).events
    assert [event["extra_fields"] for event in events] == [found[1], None, {"Zähler": "Küche"}, None]


def test_the_repeated_hour_is_told_by_the_order_of_the_readings(pipeline: Pipeline) -> None:
    # Madrid's clocks went from 03:00 back to 02:00 on 27 October 2019, at 01:00 UTC.
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("other", "m-1")
    pipeline.configuration.tables["sources"].append({"tenant_id": "acme", "time_zone": "Europe/Madrid"})
    readings = [
        local(1, "2019-10-27T01:30:00", "2019-10-27T12:00"),
        local(2, "2019-10-27 02:00", "2019-10-27T12:00"),
        local(3, "2019-10-27T02:30:00", "2019-10-27T12:00"),
        local(4, "2019-10-27T02:00:00", "2019-10-27T12:00"),
        local(5, "2019-10-27T02:30:00.000", "2019-10-27T12:00"),
        local(6, "2019-10-27T03:00:00", "2019-10-27T12:00"),
        # A stamp with a zone is left alone.
        local(7, "2019-10-27T02:00:00Z", "2019-10-27T12:00"),
    ]
    # Whatever the order of the rows, and with a redelivery among them.
    order = (5, 2, 6, 0, 3, 2, 4, 1)
    pipeline.land(*(readings[place] for place in order), local(1, "2019-10-27T02:00:00", "2019-10-27T12:00", "other"))
    pipeline.process()

    assert pipeline.rows(MEASURED) == [
        (1, "10-26 23:30"), (2, "10-27 00:00"), (3, "10-27 00:30"), (4, "10-27 01:00"), (5, "10-27 01:30"),
        (6, "10-27 02:00"), (7, "10-27 02:00"),
    ]  # fmt: skip
    assert pipeline.rows(REFUSED) == [(9, "bad_type", "device_ts is not of its type")]


def test_a_local_time_that_does_not_exist_moves_forward_by_the_gap(pipeline: Pipeline) -> None:
    # Madrid's clocks went from 02:00 to 03:00 on 31 March 2019, at 01:00 UTC: 02:30 is what 03:30 is called there.
    pipeline.tenant("acme", "m-1")
    source = {"path_pattern": "region=eu/*", "tenant_id": "", "time_zone": "UTC"}
    closer = {"path_pattern": "region=eu/date=2019-03-31/*", "tenant_id": "", "time_zone": "Europe/Madrid"}
    pipeline.configuration.tables["sources"] += [source, closer]
    pipeline.land(
        local(1, "2019-03-31T02:30:00", "2019-03-31T02:00"), local(2, "2019-03-30T02:30:00", "2019-03-30T03:00")
    )
    pipeline.process()
    assert pipeline.rows(MEASURED) == [(1, "03-31 01:30"), (2, "03-30 02:30")]


def test_new_metrics_types_and_optional_fields_need_configuration_alone(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    water = message("acme", "w-1", 1, 3, "2019-02-10T12:00", metric="water", unit="m3")
    pipeline.land(water)
    pipeline.process()
    assert pipeline.refused() == [("unknown_device", 1)]

    pipeline.configuration.metric("water", unit="m3")
    pipeline.configuration.tables["device_types"].append({"device_type": "ultrasonic", "max_clock_skew_seconds": 60})
    pipeline.configuration.tables["devices"].append(
        {"tenant_id": "acme", "device_id": "w-1", "device_type": "ultrasonic"}
    )
    # A field that is optional today may begin tomorrow.
    tagged = {"quality": "A", "session_id": "s", "attributes": {"floor": 3}, "sent_ts": "2019-02-11T12:00:00Z"}
    pipeline.land(
        {**water, "msg_seq": 2, "device_ts": "2019-02-11T12:00:00Z", "received_at": "2019-02-11T12:00:01Z"} | tagged
    )
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01 water": "3"}


def test_a_cloud_event_is_a_message_with_its_envelope_kept(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    event = {
        "specversion": "1.0", "id": "7f", "source": "/gateway/1", "type": "energy", "subject": "m-1", "sequence": "1",
        "time": "2019-02-10T12:00:00Z", "tenantid": "acme", "receivedat": "2019-02-10T12:00:01Z", "sessionid": "s",
        "datacontenttype": "application/json", "data": {"quantity": 5, "firmware": "2.1"},
    }  # fmt: skip
    # {"quantity": "7"} as bytes.
    as_bytes = {name: value for name, value in event.items() if name != "data"} | {
        "data_base64": "eyJxdWFudGl0eSI6ICI3In0=", "sequence": "2"
    }  # fmt: skip
    text = {**event, "sequence": "3", "data": "not an object"}
    pipeline.land_bytes("a.jsonl", "\n".join(map(json.dumps, (event, as_bytes, text))).encode(), "2019-02-10")
    pipeline.process()

    assert pipeline.rows(EVENTS) == [("m-1", 1, "5", None), ("m-1", 2, "7", None)]
    assert pipeline.rows(REFUSED) == [(3, "missing_field", "quantity is absent, null or empty")]
    kept = "select fields from metering.int_extra_fields where row_number = 1"
    envelope = {"ce-id": "7f", "ce-source": "/gateway/1", "ce-datacontenttype": "application/json"}
    assert pipeline.rows(kept) == [(envelope | {"firmware": "2.1"},)]
