"""What `meterline process` finds to do before it starts a run."""

from __future__ import annotations

from orchestration.pending import is_nothing_new
from tests.support import Pipeline, message


def test_nothing_is_new_when_all_was_read_metered_and_judged(pipeline: Pipeline):
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 5, "2019-02-03"))
    pipeline.configure()
    assert not is_nothing_new(pipeline.settings)
    # As a run leaves it that was killed after each of its steps.
    pipeline.load()
    assert not is_nothing_new(pipeline.settings)
    pipeline.gate_landed()
    assert not is_nothing_new(pipeline.settings)
    pipeline.meter()
    assert is_nothing_new(pipeline.settings)
    pipeline.execute("update ledger.loads set events_judged_at = null")
    assert not is_nothing_new(pipeline.settings)
    pipeline.execute("update ledger.loads set events_judged_at = now()")

    pipeline.configuration.tenant("later", "m-1")
    pipeline.configuration.write(pipeline.settings.config_folder)
    assert not is_nothing_new(pipeline.settings)
    pipeline.configure()
    assert is_nothing_new(pipeline.settings)
    pipeline.land(message("later", "m-1", 1, 5, "2019-02-03"))
    assert not is_nothing_new(pipeline.settings)
