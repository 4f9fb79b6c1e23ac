"""What a user of the command sees of an edit: what changes, when it counts, and what a trace then shows."""

from __future__ import annotations

import re

from tests.integration.test_gate_verbs import meterline
from tests.support import Pipeline, message


def test_an_edit_is_told_and_traced(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 17, 910, "2019-02-10T08:00"))
    pipeline.process()
    why = ("--by", "Ada", "--because", "digits swapped")
    unknown = meterline(pipeline, "edit", "acme", "m-1", "energy", "18", "91", *why)
    assert unknown.returncode == 2
    assert "message 18 (epoch 0) of acme m-1 energy is no billed event" in unknown.stderr
    assert "Traceback" not in unknown.stderr

    done = meterline(pipeline, "edit", "acme", "m-1", "energy", "17", "91", *why)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of acme:2019-02-01: 910.0000000000 becomes 91" in done.stdout
    assert "the next `meterline process` counts it" in done.stdout
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "91.00")]

    traced = meterline(pipeline, "trace", "INV-acme-2019-02-01", "--line", "1")
    assert traced.returncode == 0, traced.stdout + traced.stderr
    assert "edited_quantity" in traced.stdout
    assert re.search(r"910 +91 +2019-02-10 08:00:00Z", traced.stdout), traced.stdout
    # Nothing multiplies this meter, so no column says so.
    assert "multiplier" not in traced.stdout
