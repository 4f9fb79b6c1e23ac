"""A changed configuration beside a large load: each series that is looked at again is read by itself."""

from __future__ import annotations

from datetime import timedelta

from tests.support import Message, Pipeline, instant, message

DEVICES, READINGS, NEW = 60, 100, 1_500
# How often the run may read a stored event: the models that ask for reviewed ones, each once or a few times. A
# look-up that read the tenant's events for each series would read each of them once a series.
READS_AN_EVENT = 20
READ = """
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
from pg_stat_user_tables
where relid in (select inhrelid from pg_inherits where inhparent = 'store.slim_events'::regclass)
"""


def reading(number: int) -> Message:
    """One of a tenant's readings, a minute apart, its devices in turn."""
    at = instant("2019-03-01T08:00") + timedelta(minutes=number // DEVICES)
    return message("t-1", f"m-{number % DEVICES}", number // DEVICES, 1, at)


def test_reviewed_series_are_not_looked_for_among_all_events(pipeline: Pipeline) -> None:
    pipeline.tenant("t-1", *(f"m-{number}" for number in range(DEVICES)))
    stored = DEVICES * READINGS
    pipeline.land(*map(reading, range(stored)))
    pipeline.process()

    pipeline.configuration.tables["contracts"][0]["grace_hours"] = 24
    pipeline.land(*map(reading, range(stored, stored + NEW)))
    ((before,),) = pipeline.rows(READ)
    pipeline.process()
    ((after,),) = pipeline.rows(READ)

    assert pipeline.rows("select count(*) from metering.int_reviewed_series")[0][0] == DEVICES
    assert after - before < READS_AN_EVENT * stored
