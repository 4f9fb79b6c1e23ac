"""`meterline follow`: what arrives is metered as it arrives, and ends as a day that is processed at once does."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path

import psycopg

from tests.integration.test_cli import METERLINE, meterline, refused, shell
from tests.support import PUBLISHED, Pipeline, message
from tests.unit.test_alerts import Webhook, served

APPLIED = "select count(*) from ledger.loads where status = 'applied' and region is not null"
CLAIMED = "select exists (select from ledger.loads where status = 'claimed')"
# As a run takes it for as long as it meters.
TAKE_TURN = "select pg_advisory_lock(hashtext('meterline.process'))"
WAIT_SECONDS = 240


@dataclass(frozen=True)
class Following:
    """The command at work, and where its words go."""

    process: subprocess.Popen[bytes]
    output: Path

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait until a function of no argument says so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not happened():
            is_well = self.process.poll() is None and time.monotonic() < deadline
            assert is_well, f"{what} did not happen:\n{self.output.read_text()}"
            time.sleep(0.5)

    def said(self, text: str, times: int = 1) -> bool:
        """Whether it has said something so often."""
        return self.output.read_text().count(text) >= times


@contextmanager
def following(pipeline: Pipeline, output: Path, alerts: str) -> Iterator[Following]:
    """The command at work on the platform, its words in `output`."""
    command = [METERLINE, "follow", "--every", "0.5"]
    environment = shell(pipeline.environment() | {"METERLINE_ALERTS": alerts})
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield Following(process, output)
        finally:
            process.kill()
            process.wait()


def test_what_arrives_is_metered_and_told_and_ends_as_a_day_does(new_pipeline, tmp_path):
    followed: Pipeline = new_pipeline()
    followed.configuration.rate_card("ladder", (100, "0.30"), (200, "0.28"), (None, "0.26"), price_model="graduated")
    followed.tenant("five", "m-1", "m-2", rate_card_id="ladder")
    followed.configuration.row(
        "budgets", budget_id="cellar", tenant_id="five", device_id="m-2", metric="energy", quantity=9
    )
    first = [message("five", "m-1", n, 10, f"2019-06-03T10:{n:02}:00") for n in range(1, 6)]
    followed.land(*first)
    followed.configuration.write(Path(str(followed.settings.config_url)))
    output = tmp_path / "output.txt"

    def applied(count: int) -> Callable[[], bool]:
        return lambda: followed.rows(APPLIED) == [(count,)]

    handler = type("Handler", (Webhook,), {"received": []})
    with (
        psycopg.connect(str(followed.settings.database_url), autocommit=True) as other,
        served(HTTPServer(("127.0.0.1", 0), handler)) as port,
    ):
        other.execute(TAKE_TURN)
        with following(followed, output, f"http://127.0.0.1:{port}") as command:
            waiting = "another run is metering or closing; waiting for it"
            command.wait_for("waiting for its turn", lambda: command.said(waiting))
            other.execute("select pg_advisory_unlock_all()")
            command.wait_for("the first file", applied(1))
            # Out of order within the hour, repeated, and beyond the bound of 100 as well as the budget of 9.
            followed.land(
                message("five", "m-2", 1, "9.5", "2019-06-03T10:01:30", "2019-06-03T10:06:00"),
                *first[2:],
                message("five", "m-1", 6, 45, "2019-06-03T10:07:00"),
            )
            command.wait_for("the second file", applied(2))
            followed.land(message("five", "m-1", 7, 1, "2019-06-04T00:00:30"))
            # Told to end while it meters, it finishes what it is at.
            command.wait_for("the third file", lambda: followed.rows(CLAIMED) == [(True,)])
            command.process.send_signal(signal.SIGTERM)
            assert command.process.wait(WAIT_SECONDS) == 0, output.read_text()
    assert applied(3)()
    assert output.read_text().count(waiting) == 1
    # 5 x 10 + 9.5 + 45 = 104.5.
    assert sorted((alert["title"], alert["text"]) for alert in handler.received) == [
        ("five m-2 passed budget cellar of 9 energy", "9.5 were used in five:2019-06-01"),
        ("five passed tier of 100 energy", "104.5 were used in five:2019-06-01"),
    ]

    settings = followed.settings
    at_once: Pipeline = new_pipeline(landing=Path(str(settings.landing_url)), config=Path(str(settings.config_url)))
    at_once.process()
    assert at_once.published(PUBLISHED) == followed.published(PUBLISHED)
    assert followed.rows("select sum(quantity)::text from finance.usage_minutely") == [("105.5000000000",)]


def test_a_landing_zone_that_is_not_there_is_refused(pipeline):
    finished = meterline("follow", "--until-idle", "0", **pipeline.environment())
    assert "no such landing zone; set METERLINE_LANDING to it or create it" in refused(finished)
