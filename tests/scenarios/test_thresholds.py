"""Use that passes a tier bound, the included units or a budget is told once each, and what is coming is foreseen.

`five` pays by five tiers after 50 included kWh, so that its thresholds in June are 50 (included), 50 + 100 = 150, 250,
450 and 850 (tiers; the fifth has no bound).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import HTTPServer

import pytest

from orchestration import thresholds
from orchestration.database.connection import connect
from tests.support import Pipeline, instant, message
from tests.unit.test_alerts import Webhook, served

EVENTS = """
select tenant_id, coalesce(device_id, ''), kind, name, trim_scale(threshold_quantity)::text, trim_scale(quantity)::text,
    last_event_at
from finance.threshold_events order by tenant_id, threshold_quantity, name
"""
COMING = """
select kind, name, trim_scale(threshold_quantity)::text, trim_scale(quantity)::text, passed_at is not null, projected_at
from finance.thresholds where tenant_id = %s and period_id like %s
order by threshold_quantity, name
"""


@dataclass
class Story:
    """What was seen on the way."""

    pipeline: Pipeline
    events: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)
    coming: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    def look(self, when: str) -> None:
        """Note the events so far, and what is coming for `five` in June."""
        self.events[when] = self.pipeline.rows(EVENTS)
        self.coming[when] = self.pipeline.rows(COMING, "five", "%-06-01")


@pytest.fixture(scope="module")
def story(shared_pipeline: Pipeline) -> Story:
    pipeline = shared_pipeline
    configuration = pipeline.configuration
    configuration.rate_card(
        "ladder",
        (100, "0.30"),
        (200, "0.28"),
        (400, "0.26"),
        (800, "0.24"),
        (None, "0.22"),
        price_model="graduated",
        included_units=50,
    )
    pipeline.tenant("five", "m-1", "m-2", rate_card_id="ladder", late_policy="reopen")
    pipeline.tenant("plain", "m-1", "m-2")
    configuration.row("budgets", budget_id="cellar", tenant_id="plain", device_id="m-2", metric="energy", quantity=30)
    configuration.row("budgets", budget_id="house", tenant_id="plain", metric="energy", quantity="100")
    story = Story(pipeline)

    # The first day: 2 x 10 kWh. Nobody knows yet where prices change; the preview finds that.
    pipeline.land(message("five", "m-1", 1, 10, "2019-06-01T12:00"), message("five", "m-2", 1, 10, "2019-06-01T13:00"))
    pipeline.process()
    pipeline.preview()
    story.look("first day")

    # To 150: the included 50 are passed, the bound of 150 is reached and belongs to the tier below it.
    pipeline.land(message("five", "m-1", 2, 130, "2019-06-06T00:00"))
    pipeline.process()
    story.look("at the bound")

    # A unit more, with repetitions of what was there; the same file again is nothing.
    again = message("five", "m-1", 2, 130, "2019-06-06T00:00")
    pipeline.land(message("five", "m-2", 2, 1, "2019-06-07T00:00"), again)
    pipeline.process()
    pipeline.process()
    story.look("beyond")

    # Past two bounds at once, and a budget of one device and one of the tenant: 40 of m-2, 110 of both.
    pipeline.land(
        message("five", "m-1", 3, 300, "2019-06-08T00:00"),
        message("plain", "m-1", 1, 70, "2019-06-08T00:00"),
        message("plain", "m-2", 1, 40, "2019-06-08T06:00"),
    )
    pipeline.process()
    story.look("two at once")

    # The close ends all watching; late use of the closed month passes nothing, use of July passes its own.
    pipeline.close("2019-06", "2019-07-05")
    late = message("five", "m-1", 4, 5_000, "2019-06-20T00:00", "2019-07-06T00:00", sent_ts="2019-07-06T00:00:00+00:00")
    pipeline.land(late, message("five", "m-1", 5, 60, "2019-07-05T00:00"))
    pipeline.process()
    pipeline.preview()
    story.look("closed")
    pipeline.land(message("five", "m-1", 6, 1, "2019-07-06T06:00"))
    pipeline.process()
    story.look("July")
    pipeline.audit()
    return story


def test_bounds_of_a_price_are_watched_from_the_first_preview_on(story: Story):
    assert story.events["first day"] == []
    # 20 kWh in the first 13 hours: 50 would be reached after 32.5 hours, 150 after 97.5, 250 after 162.5, 450 after
    # 292.5, 850 after 552.5 of June's 720.
    assert story.coming["first day"] == [
        ("included", "", "50", "20", False, instant("2019-06-02T08:30")),
        ("tier", "", "150", "20", False, instant("2019-06-05T01:30")),
        ("tier", "", "250", "20", False, instant("2019-06-07T18:30")),
        ("tier", "", "450", "20", False, instant("2019-06-13T04:30")),
        ("tier", "", "850", "20", False, instant("2019-06-24T00:30")),
    ]


def test_a_bound_belongs_to_the_tier_below_it(story: Story):
    at_the_bound = ("five", "", "included", "", "50", "150", instant("2019-06-06T00:00"))
    assert story.events["at the bound"] == [at_the_bound]
    beyond = ("five", "", "tier", "", "150", "151", instant("2019-06-07T00:00"))
    assert story.events["beyond"] == [at_the_bound, beyond]


def test_what_was_passed_is_told_once_and_what_is_coming_goes_on_from_there(story: Story):
    # 151 kWh in the 6 days until 7 June: 250 after 250 / 151 x 6 days = 9.9338 days, 238 h 24 min 38 s; 450 after
    # 17.8808 days, 429 h 8 min 20 s; 850 would be after 33.8 days, when June is over.
    *passed, second, third, last = story.coming["beyond"]
    assert [row[:5] for row in passed] == [("included", "", "50", "151", True), ("tier", "", "150", "151", True)]
    assert all(row[5] is None for row in passed)
    assert second[5].replace(microsecond=0) == instant("2019-06-10T22:24:38")
    assert third[5].replace(microsecond=0) == instant("2019-06-18T21:08:20")
    assert last[5] is None


def test_several_thresholds_may_be_passed_at_once(story: Story):
    new = [row for row in story.events["two at once"] if row not in story.events["beyond"]]
    moment = instant("2019-06-08T00:00")
    assert new == [
        ("five", "", "tier", "", "250", "451", moment),
        ("five", "", "tier", "", "450", "451", moment),
        ("plain", "m-2", "budget", "cellar", "30", "40", instant("2019-06-08T06:00")),
        ("plain", "", "budget", "house", "100", "110", instant("2019-06-08T06:00")),
    ]


def test_a_closed_period_passes_nothing_and_the_next_one_begins_anew(story: Story):
    # 60 kWh of July are more than its 50 included, which the preview finds that finds those.
    assert [row for row in story.events["closed"] if row not in story.events["two at once"]] == [
        ("five", "", "included", "", "50", "60", instant("2019-07-05T00:00"))
    ]
    assert story.coming["closed"] == []
    assert story.events["July"] == story.events["closed"]


def test_every_event_is_told_until_it_could_be_delivered(story: Story, monkeypatch: pytest.MonkeyPatch):
    handler = type("Handler", (Webhook,), {"received": [], "status": 503})

    def tell() -> int:
        with connect(story.pipeline.settings, "meterline_transform") as session:
            return thresholds.tell(session)

    with served(HTTPServer(("127.0.0.1", 0), handler)) as port:
        monkeypatch.setenv("METERLINE_ALERTS", f"http://127.0.0.1:{port}/hook")
        assert tell() == 0
        handler.received.clear()
        handler.status = 204
        # Seven events: 50, 150, 250 and 450 of June, 50 of July, and two budgets.
        assert (tell(), tell()) == (7, 0)
    assert sorted(alert["title"] for alert in handler.received) == [
        "five passed included of 50 energy",
        "five passed included of 50 energy",
        "five passed tier of 150 energy",
        "five passed tier of 250 energy",
        "five passed tier of 450 energy",
        "plain m-2 passed budget cellar of 30 energy",
        "plain passed budget house of 100 energy",
    ]
    assert {alert["text"] for alert in handler.received if "house" in alert["title"]} == {
        "110 were used in plain:2019-06-01"
    }
