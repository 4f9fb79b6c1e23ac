"""Changing a price without fear: previews, simulations, and versions that are staged, promoted and rolled back.

One platform, one story: February is closed, a second version of the card `basic` is tried on it, promoted for the
pilots, bills their March, and is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.rate_releases import Simulation
from tests.support import Pipeline, instant, message

# 0.30 a kWh; the candidate is cheaper up to 300 kWh and dearer beyond.
TENANTS = {"large": 400, "small": 100, "pilot": 200, "probe": 500, "elsewhere": 70}
LINES = """
select invoice_id, line_number, rate_card_version, trim_scale(quantity)::text, amount::text
from finance.{table} where invoice_id like %s order by 1, 2
"""
AMOUNTS = "select invoice_id, subtotal_amount, tax_amount, total_amount, {rest} from finance.{table} order by 1"


@dataclass
class Story:
    """What was seen on the way."""

    pipeline: Pipeline
    simulated: Simulation
    refusals: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    def refuse(self, name: str, *decision: str, by: str, cohort: str = "") -> None:
        """Note with which words a decision about version 2 is refused."""
        with pytest.raises(BadInputError) as refused:
            self.pipeline.decide(decision[0], "basic", 2, by, cohort)
        self.refusals[name] = str(refused.value)


def configure(pipeline: Pipeline) -> None:
    configuration = pipeline.configuration
    configuration.rate_card("basic", (None, "0.30"), rate_card_version=1)
    configuration.rate_card(
        "basic", (300, "0.28"), (None, "0.40"), rate_card_version=2, release="staged", price_model="graduated"
    )
    configuration.rate_card("steps", (100, "5.00"), (None, "4.00"), price_model="volume")
    configuration.rate_card("steps", (100, "5.00"), (None, "4.00", "10.00"), price_model="graduated", charge="g")
    configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    for tenant in TENANTS:
        cohort = {"pilot": "pilot", "probe": "test"}.get(tenant)
        card = "basic" if tenant not in {"probe", "elsewhere"} else "euro-per-kwh"
        policy = "reopen" if tenant == "pilot" else "grace"
        pipeline.tenant(tenant, "m-1", rate_card_id=card, cohort=cohort, late_policy=policy, tax_percent=10)
    configuration.rate_card("wide", (None, "0.50"), rate_card_version=1)
    configuration.rate_card("wide", (None, "0.60"), rate_card_version=2, release="staged")
    for tenant, cohort in (("wide-pilot", "pilot"), ("wide-rest", None)):
        pipeline.tenant(tenant, "m-1", rate_card_id="wide", cohort=cohort)
    pipeline.tenant("gappy", "m-1", device_type="hourly", estimation="linear")


def measure(pipeline: Pipeline) -> None:
    start = instant("2019-03-31T00:30")
    pipeline.land(
        *(message(tenant, "m-1", 1, use, "2019-02-10") for tenant, use in TENANTS.items()),
        *(message(tenant, "m-1", 2, 50, "2019-03-10") for tenant in (*TENANTS, "wide-pilot", "wide-rest")),
        # Fourteen hours of 1 kWh on the last day of March, then silence.
        *(message("gappy", "m-1", n, 1, start + timedelta(hours=n)) for n in range(14)),
        message("pilot", "m-1", 3, 20, "2019-04-02"),
        message("small", "m-1", 3, 20, "2019-04-02"),
    )


@pytest.fixture(scope="module")
def story(shared_pipeline: Pipeline) -> Story:
    pipeline = shared_pipeline
    configure(pipeline)
    measure(pipeline)
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    story = Story(pipeline, pipeline.simulate("basic", 2))
    pipeline.simulate("wide", 2)
    pipeline.decide("staged", "wide", 2, "Ada")
    pipeline.decide("promoted", "wide", 2, "Grace", "pilot")
    story.drafts["in March"] = pipeline.preview("2019-03", "2019-03-31T18:00Z")
    story.seen["lines in March"] = pipeline.rows(LINES.format(table="draft_invoice_lines"), "%gappy%")

    story.refuse("not staged", "promoted", by="Grace", cohort="pilot")
    pipeline.decide("staged", "basic", 2, "Ada")
    story.refuse("by the same person", "promoted", by="ada ", cohort="pilot")
    price = next(row for row in pipeline.configuration.tables["rate_card_tiers"] if row.get("rate_card_version") == 2)
    price["unit_price"] = "0.27"
    pipeline.configure()
    story.refuse("other prices", "promoted", by="Grace", cohort="pilot")
    price["unit_price"] = "0.28"
    pipeline.configure()
    pipeline.decide("promoted", "basic", 2, "Grace", "pilot")
    pipeline.decide("promoted", "wide", 2, "Grace")
    story.refuse("again", "promoted", by="Grace", cohort="pilot")
    price["unit_price"] = "0.27"
    with pytest.raises(BadInputError) as refused:
        pipeline.configure()
    story.refusals["changed"] = str(refused.value).splitlines()[0]
    price["unit_price"] = "0.28"

    rest = "input_hash"
    story.drafts["at the end"] = pipeline.preview("2019-03", "2019-04-04")
    story.seen["drafts"] = pipeline.rows(AMOUNTS.format(table="draft_invoices", rest=rest))
    story.seen["draft lines"] = pipeline.rows(LINES.format(table="draft_invoice_lines"), "%-03-%")
    pipeline.preview("2019-03", "2019-04-04")
    story.seen["drafts again"] = pipeline.rows(AMOUNTS.format(table="draft_invoices", rest=rest))
    pipeline.close("2019-03", "2019-04-04")
    story.seen["drafts of closed"] = pipeline.rows("select * from finance.draft_invoices where period_id like '%-03-%'")
    story.seen["lines"] = pipeline.rows(LINES.format(table="invoice_lines"), "%-03-%")
    story.seen["invoices"] = pipeline.rows(
        "select invoice_id, subtotal_amount, tax_amount, total_amount, input_hash from finance.invoices as invoice"
        " inner join finance.period_closes using (period_id, invoice_version) where period_id like '%-03-%' order by 1"
    )

    pipeline.decide("rolled_back", "basic", 2, "Grace")
    story.refuse("nothing to roll back", "rolled_back", by="Grace")
    story.refuse("stale stage", "promoted", by="Grace")
    # Ten more of March come late, and the pilot's contract has closed periods opened again.
    pipeline.land(message("pilot", "m-1", 4, 10, "2019-03-20", "2019-04-06", sent_ts="2019-04-06T00:00:00Z"))
    pipeline.process()
    story.seen["amended"] = pipeline.close("2019-03", "2019-04-07")
    story.drafts["in April"] = pipeline.preview()
    return story


def test_a_draft_is_the_bill_to_date_with_no_estimate_of_what_is_to_come(story: Story) -> None:
    # 50 kWh at 0.30 are 15.00, and 10 percent of tax. gappy, at 1.00 without tax: 14 kWh were read until 14:00, and
    # the four silent hours until 18:00 are estimated at 1 kWh each.
    assert story.drafts["in March"]["INV-large-2019-03-01"] == "16.50"
    assert story.drafts["in March"]["INV-gappy-2019-03-01"] == "18.00"
    assert story.seen["lines in March"] == [("INV-gappy-2019-03-01", 1, 1, "18", "18.00")]
    # With the ten silent hours until midnight.
    assert story.drafts["at the end"]["INV-gappy-2019-03-01"] == "24.00"


def test_a_preview_at_the_last_instant_is_the_invoice_that_the_close_makes(story: Story) -> None:
    assert story.seen["drafts"] == story.seen["invoices"]
    assert story.seen["draft lines"] == story.seen["lines"]
    assert story.seen["drafts of closed"] == []


def test_two_previews_without_new_messages_are_equal(story: Story) -> None:
    assert story.seen["drafts again"] == story.seen["drafts"]
    assert len(story.seen["drafts"]) == 8


def test_nothing_of_a_trial_reaches_the_books(story: Story) -> None:
    closed = story.pipeline.rows(
        "select distinct kind from ledger.close_requests where close_id in (select close_id from store.period_closes)"
    )
    assert closed == [("close",)]


def test_a_simulation_says_who_pays_how_much_more(story: Story) -> None:
    # With 10 percent of tax. large: 400 x 0.30 = 120, 300 x 0.28 + 100 x 0.40 = 124. pilot: 60, 56. small: 30, 28. The
    # test tenant comes first, by the same two versions although it is on another card: 150, 84 + 200 x 0.40 = 164.
    columns = ("tenant_id", "current_version", "current_amount", "candidate_amount", "difference_percent")
    assert [tuple(str(row[name]) for name in columns) for row in story.simulated.tenants] == [
        ("probe", "1", "165.00", "180.40", "9.33"),
        ("large", "1", "132.00", "136.40", "3.33"),
        ("small", "1", "33.00", "30.80", "-6.67"),
        ("pilot", "1", "66.00", "61.60", "-6.67"),
    ]
    assert {code: str(sum_) for code, sum_ in story.simulated.total(of_test_tenants=False).items()} == {"EUR": "-2.20"}
    # Graduated without fees: the 301st unit costs its price, which is no step.
    assert story.simulated.cliffs == []


def test_the_steps_of_a_price_are_found_at_its_bounds(story: Story) -> None:
    # Volume: 100 x 5.00 = 500, 101 x 4.00 = 404. Graduated: 500, then 4.00 and the fee of 10.00.
    cliffs = "select charge, effect, amount_at_bound::text, amount_beyond::text from finance.rate_cliffs order by 2"
    assert story.pipeline.rows(cliffs) == [(None, "costs_less", "500", "404"), ("g", "jumps", "500", "514")]


def test_a_version_is_promoted_by_another_person_than_the_one_who_staged_it(story: Story) -> None:
    not_staged = "version 2 of rate card 'basic' was not staged with exactly these prices"
    said = {
        "not staged": not_staged,
        "by the same person": "Ada staged version 2 of rate card 'basic' and cannot promote it, too",
        "other prices": not_staged,
        "again": "version 2 of rate card 'basic' is promoted there already",
        "nothing to roll back": "version 2 of rate card 'basic' prices nothing, so there is nothing to roll back",
        "stale stage": not_staged,
    }
    assert {name: story.refusals[name].split(";")[0] for name in said} == said
    audited = """
    select action from audit.log
    where stream = 'rates' and payload::jsonb ->> 'rate_card_id' = 'basic' order by seq
    """
    assert [action for (action,) in story.pipeline.rows(audited)] == [
        "rate_version_staged",
        "rate_version_promoted",
        "rate_version_rolled_back",
    ]


@pytest.mark.parametrize("role", ["ingest", "transform", "score", "finance", "auditor"])
def test_nobody_but_the_approver_decides(story: Story, role: str) -> None:
    decide = "select ledger.decide_rate_version('basic', 2, 'staged', null, 'Mallory', 'why not')"
    with (
        connect(story.pipeline.settings, f"meterline_{role}") as session,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        session.execute(decide)


def test_a_decision_is_written_by_the_function_alone(story: Story) -> None:
    write = "insert into store.rate_decisions default values"
    for role in ("transform", "approver"):
        with (
            connect(story.pipeline.settings, f"meterline_{role}") as session,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            session.execute(write)


def test_a_version_prices_the_cohort_that_it_was_promoted_for(story: Story) -> None:
    # 50 x 0.28 = 14.00 for the pilot, 50 x 0.30 = 15.00 for the others.
    lines = {str(row[0]): (row[2], row[4]) for row in story.seen["lines"]}
    assert lines["INV-pilot-2019-03-01"] == (2, "14.00")
    assert lines["INV-small-2019-03-01"] == (1, "15.00")


def test_a_version_that_was_promoted_for_all_prices_those_outside_the_cohort_too(story: Story) -> None:
    # 50 kWh at 0.50 are 25.00 and at 0.60 30.00. First the pilots had version 2, at the close of March all of them.
    in_march, lines = story.drafts["in March"], {str(row[0]): (row[2], row[4]) for row in story.seen["lines"]}
    assert {name: in_march[f"INV-wide-{name}-2019-03-01"] for name in ("pilot", "rest")} == {
        "pilot": "30.00",
        "rest": "25.00",
    }
    assert lines["INV-wide-rest-2019-03-01"] == (2, "30.00")
    assert lines["INV-wide-pilot-2019-03-01"] == (2, "30.00")


def test_after_a_rollback_what_is_closed_stays_as_billed_and_what_is_open_has_the_old_price(story: Story) -> None:
    # 60 kWh of March at 0.28 are 16.80, and 1.68 of tax, although version 2 was taken back before the amendment.
    assert story.seen["amended"] == [("INV-pilot-2019-03-01", 2, "18.48")]
    # 20 kWh of April at 0.30, and 0.60 of tax.
    assert story.drafts["in April"]["INV-pilot-2019-04-01"] == "6.60"


def test_what_was_billed_under_decisions_is_reproduced(story: Story) -> None:
    assert story.pipeline.prove() == {}
    story.pipeline.audit()


def test_a_version_is_immutable_once_it_was_promoted_and_once_it_has_billed(story: Story) -> None:
    assert "version 2 was promoted as it stood and is immutable" in story.refusals["changed"]
    configuration = story.pipeline.configuration
    tiers = [row for row in configuration.tables["rate_card_tiers"] if row.get("rate_card_version") == 2]
    tiers[0]["unit_price"] = "0.27"
    with pytest.raises(BadInputError, match="version 2 was used by a closed period and is immutable"):
        story.pipeline.configure()
    tiers[0]["unit_price"] = "0.28"
