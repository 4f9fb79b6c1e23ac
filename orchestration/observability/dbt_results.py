"""Spans of what dbt built and tested, by its own results."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from orchestration.observability import signals

SUCCESS = ("success", "pass", "warn", "skipped", "no-op")


def tell_results(results: Iterable[Any]) -> None:
    """A span for each model and test that began, within the open one."""
    if not signals.is_on():
        return
    for result in results:
        times = [(_seconds(timing.started_at), _seconds(timing.completed_at)) for timing in result.timing]
        spans = [(began, ended) for began, ended in times if began is not None and ended is not None]
        if not spans:
            continue
        node, status = result.node, str(result.status)
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": f"{node.database}|{node.schema}",
            "db.collection.name": getattr(node, "alias", node.name),
            "meterline.dbt.node": node.unique_id,
            "meterline.dbt.status": status,
            "meterline.dbt.rows": (result.adapter_response or {}).get("rows_affected"),
        }
        error = "" if status in SUCCESS else status
        kind = str(node.resource_type)
        signals.past(f"{kind} {node.name}", min(b for b, _ in spans), max(e for _, e in spans), attributes, error)


def _seconds(moment: datetime | None) -> float | None:
    """Seconds since 1970; dbt writes UTC without a zone."""
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
