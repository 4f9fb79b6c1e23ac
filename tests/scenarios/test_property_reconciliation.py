"""A master meter against the sub-meters behind it, which several customers may have: a report, never a bill.

Days are local days of the landlord's contract, in UTC unless said.
"""

from __future__ import annotations

from orchestration import observations
from orchestration.database.connection import connect
from tests.support import Pipeline, message

DAYS = """
select property_id, local_date::text, period_id, trim_scale(master_quantity)::text, trim_scale(sub_quantity)::text,
    trim_scale(difference_quantity)::text, trim_scale(sub_ratio)::text, is_within_tolerance, sub_meter_count,
    missing_devices
from finance.property_reconciliations order by 1, 2
"""
PERIOD = "landlord:2019-02-01"


def meter(pipeline: Pipeline, tenant: str, device: str, role: str | None, house: str = "house", **others: str) -> None:
    """Declare a meter of a property."""
    row = {"tenant_id": tenant, "device_id": device, "property_id": house, "meter_role": role, **others}
    pipeline.configuration.tables["devices"].append(row)


def test_the_master_is_compared_with_the_sub_meters_of_all_customers(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["properties"] = [{"property_id": "house", "tolerance_percent": "2"}]
    for tenant in ("landlord", "shop", "flat"):
        pipeline.tenant(tenant)
    meter(pipeline, "landlord", "main", "master")
    meter(pipeline, "shop", "s-1", "sub")
    meter(pipeline, "flat", "f-1", "sub")
    # A meter of the house that is neither is left out; one that is put in on the 12th does not count before.
    meter(pipeline, "flat", "boiler", None)
    meter(pipeline, "flat", "f-2", "sub", activated_at="2019-02-12T00:00:00Z")
    days = {
        # 100 against 98: 2 % are within the tolerance; a third of a kWh less is not.
        "10": [("landlord", "main", "100"), ("shop", "s-1", "60"), ("flat", "f-1", "38"), ("flat", "boiler", "50")],
        "11": [("landlord", "main", "100"), ("shop", "s-1", "60"), ("flat", "f-1", "37.6666666667")],
        # The flat's first meter is silent, its new one runs: 100 against 60 + 1.
        "12": [("landlord", "main", "100"), ("shop", "s-1", "60"), ("flat", "f-2", "1")],
        # The master is silent: nothing can be said.
        "13": [("shop", "s-1", "60"), ("flat", "f-1", "38"), ("flat", "f-2", "1")],
        # Zeros are readings: 0 against 0 agrees, and has no ratio.
        "14": [("landlord", "main", "0"), ("shop", "s-1", "0"), ("flat", "f-1", "0"), ("flat", "f-2", "0")],
    }
    pipeline.land(
        *(
            message(tenant, device, int(day), use, f"2019-02-{day}T12:00")
            for day, meters in days.items()
            for tenant, device, use in meters
        )
    )
    pipeline.process()
    assert pipeline.rows(DAYS) == [
        ("house", "2019-02-10", PERIOD, "100", "98", "2", "0.98", True, 2, None),
        ("house", "2019-02-11", PERIOD, "100", "97.6666666667", "2.3333333333", "0.976667", False, 2, None),
        ("house", "2019-02-12", PERIOD, "100", "61", "39", "0.61", False, 3, "flat/f-1"),
        ("house", "2019-02-13", PERIOD, None, "99", None, None, None, 3, "landlord/main"),
        ("house", "2019-02-14", PERIOD, "0", "0", "0", None, True, 3, None),
    ]
    pipeline.audit()

    pipeline.close("2019-02", "2019-03-31")
    with connect(pipeline.settings, "meterline_finance") as session:
        (told,) = observations.unreconciled_properties(session, 1)
    # On three of five days, the silent master's among them: 300 against 98 + 97.67 + 61 + 99 in all.
    assert told.text == (
        f"property house, energy, period {PERIOD}: on 3 of 5 days the sub-meters are not within 2 % of the master "
        "meter (master 300, sub-meters 355.6666666667, 2 readings of a day missing). See "
        "finance.property_reconciliations."
    )
    # A report holds nothing and bills nothing: each customer pays for its own meters; the flat for
    # 38 + 37.67 + 38 of the first, 1 + 1 of the second and 50 of the boiler.
    assert pipeline.held == {}
    amounts = "select tenant_id, total_amount::text from finance.invoices order by 1"
    assert pipeline.rows(amounts) == [("flat", "165.67"), ("landlord", "300.00"), ("shop", "240.00")]


def test_a_day_is_the_landlords_local_day_and_five_percent_is_the_usual_tolerance(pipeline: Pipeline) -> None:
    for tenant in ("landlord", "flat"):
        pipeline.tenant(tenant, time_zone="Europe/Berlin")
    meter(pipeline, "landlord", "main", "master")
    meter(pipeline, "flat", "f-1", "sub")
    # 23:30 UTC on the 10th is the 11th in Berlin. 95 of 100 is within 5 %.
    pipeline.land(
        message("landlord", "main", 1, 100, "2019-02-10T23:30"),
        message("flat", "f-1", 1, 95, "2019-02-11T12:00"),
    )
    pipeline.process()
    assert pipeline.rows(DAYS) == [("house", "2019-02-11", PERIOD, "100", "95", "5", "0.95", True, 1, None)]
