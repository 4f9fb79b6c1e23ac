"""Hears what Dagster says of every run in the process that runs it: its lines, and its spans with their steps.

The instance's configuration names the handler, so it is there whoever launched the run.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any

from orchestration.observability import lines, signals
from orchestration.observability.instruments import RUN_DURATION

# Dagster's names of events, and the tags by which a run knows its partitions and its caller.
RUN_START, STEP_STARTS = "PIPELINE_START", ("STEP_START", "STEP_RESTARTED")
RUN_ENDS = {"PIPELINE_SUCCESS": "success", "PIPELINE_FAILURE": "failure", "PIPELINE_CANCELED": "canceled"}
STEP_ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY")
TOLD = (RUN_START, *STEP_STARTS, *RUN_ENDS, *STEP_ENDS)
PARTITION = "dagster/partition"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
PARENT_TAG = "meterline/traceparent"

# By run, and by run and step, what is at work in this process: spans, and when runs began.
_spans: dict[tuple[str, str], Any] = {}
_began: dict[str, float] = {}


class RunHandler(logging.Handler):
    """A handler of Dagster's log of runs."""

    def __init__(self) -> None:
        """Let the lines of this process be what the environment asks for."""
        super().__init__()
        lines.configure()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; whatever is wrong with it, the run goes on."""
        meta = getattr(record, "dagster_meta", None)
        if not meta or not meta["run_id"]:
            return
        try:
            _tell(record.levelno, meta)
            _trace(meta)
        except Exception:
            self.handleError(record)


class _WithoutConsole(logging.Logger):
    """A class of loggers in which Dagster's console of a run, whose lines are text, has nothing to write to."""

    def addHandler(self, hdlr: logging.Handler) -> None:
        """Take every handler but that one."""
        if not (self.name == "dagster" and type(hdlr).__module__.startswith("coloredlogs")):
            super().addHandler(hdlr)


def prepare() -> None:
    """Before there is a run: where lines are JSON, let them stand in the place of the text that Dagster prints."""
    # A notice to developers, that the configuration of handlers may change with a release.
    warnings.filterwarnings("ignore", message="Handling yaml-defined logging configuration")
    if lines.is_json():
        lines.configure()
        logging.setLoggerClass(_WithoutConsole)


def partition_of(tags: Mapping[str, str]) -> str:
    """The day, month, or range of days (first..last) that a run is about; empty where it has none."""
    ends = [tags[name] for name in RANGE if name in tags]
    return tags.get(PARTITION) or "..".join(dict.fromkeys(ends))


def _tell(level: int, meta: Mapping[str, Any]) -> None:
    """A line for what people should hear, and what all lines until the next one carry."""
    event, kind = meta["dagster_event"], _kind(meta)
    if kind == RUN_START:
        lines.remember(run_id=meta["run_id"], job=meta["job_name"], partition=partition_of(meta["job_tags"]))
    if kind in STEP_STARTS:
        lines.remember(step=meta["step_key"])
    if lines.is_json() and (event is None or kind in TOLD):
        least = logging.INFO if event is not None else level
        lines.write(max(level, least), meta["orig_message"], step=meta["step_key"], error=_error(event))
    if kind in STEP_ENDS:
        lines.remember(step=None)
    if kind in RUN_ENDS:
        lines.remember(run_id=None, job=None, partition=None, step=None)


def _trace(meta: Mapping[str, Any]) -> None:
    """Begin and end the spans of the run and its steps."""
    run_id, step, kind = meta["run_id"], meta["step_key"] or "", _kind(meta)
    if kind == RUN_START:
        about = {
            "meterline.run.id": run_id,
            "meterline.job": meta["job_name"],
            "meterline.partition": partition_of(meta["job_tags"]),
        }
        _began[run_id] = time.monotonic()
        _spans[run_id, ""] = signals.begin(f"run {meta['job_name']}", about, meta["job_tags"].get(PARENT_TAG, ""))
    elif kind in STEP_STARTS:
        _spans[run_id, step] = signals.begin(f"step {step}", {"meterline.run.id": run_id, "meterline.step": step})
    elif kind in STEP_ENDS:
        signals.end(_spans.pop((run_id, step), None), {}, _error(meta["dagster_event"]))
    elif kind in RUN_ENDS:
        outcome = RUN_ENDS[kind]
        signals.end(_spans.pop((run_id, ""), None), {}, "" if outcome == "success" else outcome)
        about = {"meterline.job": meta["job_name"], "meterline.outcome": outcome}
        signals.tell(RUN_DURATION, time.monotonic() - _began.pop(run_id, time.monotonic()), about)


def _kind(meta: Mapping[str, Any]) -> str:
    event = meta["dagster_event"]
    return "" if event is None else str(event.event_type_value)


def _error(event: Any) -> str:
    """The class of what ended a step, where the platform refused its own; not the words, which may name persons."""
    data = None if event is None else event.event_specific_data
    told, error = getattr(data, "user_failure_data", None), getattr(data, "error", None)
    if told is not None:
        kind = told.metadata.get("error")
        return str(kind.value) if kind else "Failure"
    while error is not None and error.cause is not None:
        error = error.cause
    return "" if error is None else error.cls_name or "Error"
