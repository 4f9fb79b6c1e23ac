"""Follows the landing zone: what arrives is metered within seconds, by the same job as a day is, in micro-batches.

The process stays: definitions and dbt project are read once, and each batch is a run in Dagster like any other.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Event
from types import FrameType

import psycopg

from orchestration import alerts, verbs
from orchestration.console import say
from orchestration.database.connection import connect
from orchestration.errors import BadInputError, BusyError, GateFailedError, MeterlineError
from orchestration.ingest.landing import LandingFile, days_with_files
from orchestration.ingest.unread import unread_files
from orchestration.runner import run_job
from orchestration.settings import Settings

# Late files of older days are looked for less often: a listing of years costs more than a batch.
RECENT_DAYS = 2
WHOLE_ZONE_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 300.0
# So many events are told one by one; more of them at once are a number.
TOLD_ONE_BY_ONE = 20

NEWEST_EVENT = "select coalesce(max(threshold_event_no), 0) from finance.threshold_events"
NEW_EVENTS = """
select tenant_id, period_id, coalesce(device_id, ''), metric, kind, name, threshold_quantity, quantity
from finance.threshold_events
where threshold_event_no > %s
order by threshold_event_no
"""
# What prices open periods; where any of it changed, their thresholds are found anew.
PRICING = """
select
    (select max(config_load_id) from config.loads),
    (select max(decision_no) from store.rate_decisions),
    (select max(period_no) from store.periods)
"""


@dataclass
class Follower:
    """One process that follows; `pause` seconds lie between two looks, and it ends after `idle_seconds` of nothing."""

    settings: Settings
    pause: float
    idle_seconds: float | None = None
    stop: Event = field(default_factory=Event)
    # Whether a batch ended, or a process before this one may have, between reading files and metering them.
    _is_unfinished: bool = True
    _priced: object = None
    _whole_zone_at: float = float("-inf")
    _failures: int = 0

    def run(self) -> None:
        """Follow until the stop is set, or nothing came for long enough.

        Raises BadInputError for a landing zone or configuration that is wrong from the start; what fails later is said,
        alerted and tried again.
        """
        verbs.widen_partitions(self._first_day(), datetime.now(UTC).date())
        last_work = time.monotonic()
        while not self.stop.is_set():
            if self._step():
                last_work = time.monotonic()
            elif self.idle_seconds is not None and time.monotonic() - last_work >= self.idle_seconds:
                return
            self.stop.wait(min(self.pause * 2**self._failures, LONGEST_PAUSE_SECONDS) if self._failures else self.pause)

    def _step(self) -> bool:
        """Meter what has come; whether there was anything."""
        try:
            days = [file.received_date for file in self._unread()]
            if not days and self._is_unfinished:
                days = list(days_with_files(self.settings.landing) or ())[-1:]
            if not days:
                return False
            self._is_unfinished = True
            self._batch(min(days), max(days))
            self._failures, self._is_unfinished = 0, False
        except GateFailedError as error:
            self._failures, self._is_unfinished = 0, False
            say(f"held: {error}")
        except BusyError:
            say("another run is metering or closing; waiting for it")
        except (MeterlineError, psycopg.OperationalError) as error:
            self._failures += 1
            say(f"failed, and will be tried again: {error}")
        return True

    def _first_day(self) -> date:
        present = days_with_files(self.settings.landing)
        return present[0] if present else datetime.now(UTC).date()

    def _unread(self) -> list[LandingFile]:
        """Unread files of the latest days, and now and then of all."""
        since = date.min
        if time.monotonic() - self._whole_zone_at < WHOLE_ZONE_SECONDS:
            present = days_with_files(self.settings.landing)
            since = present[1] - timedelta(days=RECENT_DAYS) if present else date.min
        else:
            self._whole_zone_at = time.monotonic()
        with connect(self.settings, "meterline_ingest") as session:
            return unread_files(session, self.settings.landing, since, date.max)

    def _batch(self, first: date, last: date) -> None:
        from orchestration.partitions import range_tags

        started = time.monotonic()
        with connect(self.settings, "meterline_finance") as session:
            ((newest,),) = session.execute(NEWEST_EVENT).fetchall()
        done = run_job("process_days", tags=range_tags(first, last))
        loaded = done["raw/messages"]
        self._price_open_periods()
        say(
            f"{datetime.now(UTC):%H:%M:%S} {loaded['new_files']:,} files, {loaded['messages']:,} messages in "
            f"{time.monotonic() - started:.1f} s"
        )
        self._tell(newest)
        held = done["ledger/loads"]["held"] + done.get("ledger/judged_loads", {"held": []})["held"]
        if held:
            raise GateFailedError("\n".join(held))

    def _price_open_periods(self) -> None:
        """Find the thresholds of open periods where what prices them has changed since they were found."""
        with connect(self.settings, "meterline_transform") as session:
            pricing = session.execute(PRICING).fetchone()
        if pricing != self._priced:
            run_job("preview_invoices", ops={"billing__previewed_periods": {"config": {"period": "", "as_of": ""}}})
            self._priced = pricing

    def _tell(self, newest: int) -> None:
        """Alert which thresholds were passed since the event with that number."""
        with connect(self.settings, "meterline_finance") as session:
            events = session.execute(NEW_EVENTS, (newest,)).fetchall()
        for tenant_id, period_id, device_id, metric, kind, name, threshold, quantity in events[:TOLD_ONE_BY_ONE]:
            who = f"{tenant_id} {device_id}".strip()
            what = f"{kind} {name}".strip()
            title = f"{who} passed {what} of {threshold.normalize():f} {metric}"
            alerts.send(alerts.Alert(title, f"{quantity.normalize():f} were used in {period_id}"))
        if len(events) > TOLD_ONE_BY_ONE:
            more = f"{len(events) - TOLD_ONE_BY_ONE:,} more thresholds were passed"
            alerts.send(alerts.Alert(more, "all of them are in finance.threshold_events"))


def follow(settings: Settings, pause: float, idle_seconds: float | None) -> None:
    """Follow the landing zone until SIGTERM or Ctrl-C; the batch at work is finished first. Raises BadInputError."""
    if not settings.landing.exists():
        raise BadInputError(f"{settings.landing}: no such landing zone; set METERLINE_LANDING to it or create it")
    follower = Follower(settings, pause, idle_seconds)
    with _stopping(follower.stop.set):
        say(f"following {settings.landing} every {pause:g} s; Ctrl-C ends it after the batch at work")
        follower.run()


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Let the signals that end a service end this one when it is between two batches."""

    def handle(signum: int, frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
