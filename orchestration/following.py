"""Follows the landing zone: what arrives is metered within seconds, by the same job as a day is, in micro-batches.

The process stays: definitions and dbt project are read once, and each batch is a run in Dagster like any other.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Event
from types import FrameType

import psycopg

from orchestration import verbs
from orchestration.console import say
from orchestration.database.connection import connect
from orchestration.errors import BadInputError, BusyError, MeterlineError
from orchestration.ingest.landing import LandingFile, days_with_files
from orchestration.ingest.unread import unread_files
from orchestration.observability import signals
from orchestration.observability.instruments import FILES_WAITING, FOLLOWING_LAG
from orchestration.observability.runs import partition_of
from orchestration.runner import run_job
from orchestration.settings import Settings
from orchestration.turns import refuse_while_busy

# Late files of older days are looked for less often: a listing of years costs more than a batch.
RECENT_DAYS = 2
WHOLE_ZONE_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 300.0
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
    _is_waiting: bool = False
    _priced: object = None
    _whole_zone_at: float = float("-inf")
    _failures: int = 0
    _days_ahead: frozenset[date] = frozenset()
    _seen: list[LandingFile] = field(default_factory=list)

    def run(self) -> None:
        """Follow until the stop is set, or nothing came for long enough; what fails is said and tried again."""
        present = days_with_files(self.settings.landing)
        verbs.widen_partitions(present[0] if present else _today(), _today())
        last_work = time.monotonic()
        while not self.stop.is_set():
            if self._step():
                last_work = time.monotonic()
            elif self.idle_seconds is not None and time.monotonic() - last_work >= self.idle_seconds:
                return
            longer = self.pause * 2 ** min(self._failures, 16)
            self.stop.wait(min(longer, LONGEST_PAUSE_SECONDS) if self._failures else self.pause)

    def _step(self) -> bool:
        """Meter what has come; whether there was anything."""
        try:
            days = self._days_to_process()
            if not days:
                return False
            # A run that finds out by itself is a failed run, and an alert.
            with connect(self.settings, "meterline_transform") as session:
                refuse_while_busy(session)
            self._is_waiting = False
            self._batch(min(days), max(days))
        except BusyError:
            if not self._is_waiting:
                say("another run is metering or closing; waiting for it")
            self._is_waiting = True
        except (MeterlineError, psycopg.Error, OSError) as error:
            self._failures += 1
            say(f"failed, and will be tried again: {error}")
        return True

    def _days_to_process(self) -> list[date]:
        """Days of unread files that have begun; where a batch did not end, at least the last one with files."""
        days = self._unread_days()
        ahead = frozenset(day for day in days if day > _today())
        if ahead - self._days_ahead:
            say(f"left alone, because it is {_today()}: files of {', '.join(map(str, sorted(ahead)))}")
        self._days_ahead = ahead
        begun = [day for day in days if day not in ahead]
        if not begun and self._is_unfinished:
            present = days_with_files(self.settings.landing)
            begun = [min(present[1], _today())] if present else []
        return begun

    def _unread_days(self) -> list[date]:
        """Days of the unread files among the latest days, and now and then among all."""
        since = date.min
        if time.monotonic() - self._whole_zone_at < WHOLE_ZONE_SECONDS:
            present = days_with_files(self.settings.landing)
            since = min(present[1], _today()) - timedelta(days=RECENT_DAYS) if present else date.min
        else:
            self._whole_zone_at = time.monotonic()
        with connect(self.settings, "meterline_ingest") as session:
            self._seen = unread_files(session, self.settings.landing, since, date.max)
        signals.tell(FILES_WAITING, len(self._seen), {})
        return [file.received_date for file in self._seen]

    def _batch(self, first: date, last: date) -> None:
        from orchestration.partitions import range_tags

        started = time.monotonic()
        self._is_unfinished = True
        tags = range_tags(first, last)
        with signals.span("follow batch", {"meterline.partition": partition_of(tags)}):
            done = run_job("process_days", tags=tags)
            self._is_unfinished = False
            self._tell_lag()
            self._price_open_periods()
        loaded, judged = done["raw/messages"], done.get("ledger/judged_loads", {"held": [], "thresholds_told": 0})
        say(
            f"{datetime.now(UTC):%H:%M:%S} {loaded['new_files']:,} files, {loaded['messages']:,} messages in "
            f"{time.monotonic() - started:.1f} s, {judged['thresholds_told']} thresholds passed"
        )
        for held in done["ledger/loads"]["held"] + judged["held"]:
            say(f"held: {held}")
        # They stay unread: without a pause there would be a run for them at every look.
        self._failures = self._failures + 1 if loaded["files_not_handed_over"] else 0
        if self._failures:
            say(f"{loaded['files_not_handed_over']} files could not be opened and will be tried again")

    def _tell_lag(self) -> None:
        """How long the files of this batch lay in the landing zone."""
        for file in self._seen:
            if file.landed_at is not None:
                waited = (datetime.now(UTC) - file.landed_at).total_seconds()
                signals.tell(FOLLOWING_LAG, max(0.0, waited), {"meterline.region": file.region})
        self._seen = []

    def _price_open_periods(self) -> None:
        """Find the thresholds of open periods where what prices them has changed since they were found."""
        with connect(self.settings, "meterline_transform") as session:
            pricing = session.execute(PRICING).fetchone()
        if pricing != self._priced:
            run_job("preview_invoices", ops={"billing__previewed_periods": {"config": {"period": "", "as_of": ""}}})
            self._priced = pricing


def follow(settings: Settings, pause: float, idle_seconds: float | None) -> None:
    """Follow the landing zone until SIGTERM or Ctrl-C; the batch at work is finished first. Raises BadInputError."""
    if not settings.landing.exists():
        raise BadInputError(f"{settings.landing}: no such landing zone; set METERLINE_LANDING to it or create it")
    follower = Follower(settings, pause, idle_seconds)
    # In the main thread Dagster would take the signal for its own, and end the step at work.
    with ThreadPoolExecutor(1) as thread, _stopping(follower.stop.set):
        say(f"following {settings.landing} every {pause:g} s; Ctrl-C ends it after the batch at work")
        following = thread.submit(copy_context().run, follower.run)
        while wait([following], timeout=0.5).not_done:
            pass
        following.result()


def _today() -> date:
    return datetime.now(UTC).date()


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
