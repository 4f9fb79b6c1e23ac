"""What a user of the command sees of the quarantine: counts, a row, and its release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_gate_verbs import meterline
from tests.support import Pipeline, message

DAY = "2019-02-10"


@pytest.fixture
def refused(pipeline: Pipeline) -> Pipeline:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-2", 1, 7, f"{DAY}T08:00"), message("acme", "m-2", 2, "NaN", f"{DAY}T09:00"))
    pipeline.process()
    return pipeline


def test_what_is_refused_is_counted_shown_and_released(refused: Pipeline) -> None:
    path = f"region=eu/date={DAY}/part-0001.jsonl"
    listed = meterline(refused, "quarantine", "list", "--from", DAY)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "unknown_device: add the device to devices.csv, then release" in listed.stdout
    assert "2 refused, 1 of them for a reason that a release can mend" in listed.stdout

    shown = meterline(refused, "quarantine", "show", path, "1")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert f"{path} row 1, received on {DAY}: unknown_device, device_id 'm-2' is not in devices.csv" in shown.stdout

    decision = ("quarantine", "release", "--by", "Ada", "--because", "m-2 was declared")
    refusal = meterline(refused, *decision, "--reason", "bad_quantity")
    assert refusal.returncode == 2
    assert "bad_quantity cannot be released: the row itself is wrong" in refusal.stderr
    assert "Traceback" not in refusal.stderr

    refused.configuration.tables["devices"].append({"tenant_id": "acme", "device_id": "m-2"})
    refused.configuration.write(Path(str(refused.settings.config_url)))
    released = meterline(refused, *decision)
    assert released.returncode == 0, released.stdout + released.stderr
    assert f"Ada releases 1 rows of {path}" in released.stdout
    assert "1 of bad_quantity stay: " in released.stdout
    refused.process()
    assert refused.fleet("acme") == {"acme:2019-02-01": "7"}
