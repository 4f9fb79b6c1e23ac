"""Plain aggregation of what a close rates: use by device and metric, then by tenant, and nothing else.

Run as `python -m tests.benchmarks.aggregate_job URL`; the use is where the close reads it.
"""

from __future__ import annotations

import sys

import psycopg

BY_DEVICE = """
create temporary table by_device as
select tenant_no, period_no, device_no, metric_no, sum(quantity) as quantity, sum(event_count) as event_count
from store.usage_days
group by tenant_no, period_no, device_no, metric_no
"""
BY_TENANT = """
create temporary table by_tenant as
select tenant_no, period_no, metric_no, sum(quantity) as quantity, count(*) as device_count
from by_device
group by tenant_no, period_no, metric_no
"""


def main(url: str) -> None:
    """Aggregate on the server."""
    with psycopg.connect(url) as session:
        session.execute(BY_DEVICE)
        session.execute(BY_TENANT)


if __name__ == "__main__":
    main(sys.argv[1])
