"""Calibrations: what a meter's numbers are multiplied by, and how an invoice line says so.

One kWh costs 1.00 EUR. Periods are months in UTC with 72 hours of grace unless said otherwise.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from tests.support import Pipeline, message

LINES = "select description, trim_scale(quantity)::text from finance.invoice_lines where invoice_id = %s order by 1"


def calibrate(pipeline: Pipeline, tenant: str, starts_at: str, **columns: object) -> None:
    pipeline.configuration.tables.setdefault("calibrations", []).append(
        {"tenant_id": tenant, "device_id": "m-1", "metric": "energy", "starts_at": starts_at, **columns}
    )


def test_a_current_transformer_multiplies_from_its_day_on_and_the_line_says_so(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", "m-2")
    calibrate(pipeline, "acme", "2019-02-10", ends_at="2019-02-20", multiplier="40", reason="200/5 A")
    calibrate(pipeline, "acme", "2019-02-20", multiplier="0.125", offset_quantity="-0.5")
    pipeline.land(
        message("acme", "m-1", 1, 3, "2019-02-09T23:59:59Z"),
        message("acme", "m-1", 2, 2, "2019-02-10T00:00:00Z"),
        message("acme", "m-1", 3, 20, "2019-02-20T00:00:00Z"),
        message("acme", "m-2", 1, 7, "2019-02-15T00:00:00Z"),
    )
    pipeline.process()
    # 3 + 2 x 40 + (20 x 0.125 - 0.5) = 85 of m-1, and 7 of m-2 as they are.
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "92"}
    assert pipeline.rows("select sum(quantity)::text from finance.billing_events") == [("32.0000000000",)]
    assert pipeline.rows("select sum(quantity)::text from finance.usage_minutely") == [("92.0000000000",)]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "92.00")]
    ((line, quantity),) = pipeline.rows(LINES, "INV-acme-2019-02-01")
    assert line.endswith(", calibrated m-1 x 40; m-1 x 0.125 - 0.5")
    assert quantity == "92"
    assert pipeline.prove() == {}
    pipeline.audit()


def test_the_use_of_a_register_is_multiplied_and_not_its_readings(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.tenant("acme", "m-1")
    calibrate(pipeline, "acme", "2019-02-10", multiplier="60")
    pipeline.land(
        *(
            message("acme", "m-1", seq, reading, at)
            for seq, reading, at in (
                (1, 100, "2019-02-08"),
                (2, 110, "2019-02-09"),
                (3, 111, "2019-02-10"),
                (4, 113, "2019-02-11"),
            )
        )
    )
    pipeline.process()
    # 10 before the transformer; then 1 and 2, each times 60. Multiplied readings would have billed 111 x 60 - 110.
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "190"}
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "190.00")]
    assert pipeline.prove() == {}
    pipeline.audit()


def test_a_calibration_declared_afterwards_counts_open_periods_again_and_cannot_touch_closed_ones(
    pipeline: Pipeline,
) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(*(message("acme", "m-1", month, 10, f"2019-0{month}-15T12:00") for month in (2, 3)))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "10.00")]
    calibrate(pipeline, "acme", "2019-02-20", multiplier="3")
    pipeline.configuration.write(Path(str(pipeline.settings.config_url)))
    with pytest.raises(BadInputError, match="calibration of meter 'm-1' changes what closed periods"):
        pipeline.process()
    pipeline.configuration.tables["calibrations"][0]["starts_at"] = "2019-03-01"
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10", "acme:2019-03-01": "30"}
    # Taken back, as if it had never been.
    pipeline.configuration.tables["calibrations"].clear()
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10", "acme:2019-03-01": "10"}
    assert pipeline.prove() == {}
    pipeline.audit()


def test_late_use_is_proposed_as_it_would_have_counted(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    calibrate(pipeline, "acme", "2019-02-01", multiplier="4")
    pipeline.land(
        message("acme", "m-1", 1, 5, "2019-02-15T12:00"),
        message("acme", "m-1", 2, 6, "2019-02-16T12:00", received="2019-03-20", sent_ts="2019-03-20T00:00:00Z"),
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "20.00")]
    pipeline.reconcile()
    assert pipeline.rows("select trim_scale(amount)::text from finance.proposals") == [("24",)]
