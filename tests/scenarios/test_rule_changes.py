"""A release that reads a rule otherwise leaves alone what was closed before: it verifies and is amended as billed."""

from __future__ import annotations

import pytest

from tests.support import Pipeline, message

FEBRUARY, MARCH = "INV-acme-2019-02-01", "INV-acme-2019-03-01"
LINE = "select amount::text, description from finance.invoice_lines where invoice_id = %s order by invoice_version desc"
CHANGES = "select component, sum(amount)::text from finance.invoice_changes where invoice_id = %s group by 1"
WORDS = "active devices of energy by days in service"


def came(pipeline: Pipeline, since: str) -> None:
    """Let the rule have changed then. Nobody but the owner of the database could, and not without this."""
    pipeline.execute(
        "alter table store.rule_changes disable trigger append_only;"
        f"update store.rule_changes set since = {since} where rule = 'inclusive_end_of_devices';"
        "alter table store.rule_changes enable always trigger append_only"
    )


def retired(pipeline: Pipeline, first_until: str) -> None:
    """One device until a local time of February, its successor until 8 March."""
    pipeline.configuration.tables["devices"] = [
        {"tenant_id": "acme", "device_id": "d-1", "retired_at": first_until},
        {"tenant_id": "acme", "device_id": "d-2", "activated_at": "2019-03-01", "retired_at": "2019-03-08T00:00"},
    ]


@pytest.fixture
def acme(pipeline: Pipeline) -> Pipeline:
    """28.00 a device and month by days in service, with the last one."""
    card = {"charge_basis": "active_devices", "device_proration": "day"}
    pipeline.configuration.rate_card("by-day", (None, "28.00"), **card)
    pipeline.configuration.row("rate_card_terms", rate_card_id="by-day", proration_end="inclusive")
    pipeline.tenant("acme", rate_card_id="by-day")
    retired(pipeline, "2019-02-08T00:00")
    pipeline.land(message("acme", "d-1", 1, 5, "2019-02-03T12:00"), message("acme", "d-2", 1, 5, "2019-03-03T12:00"))
    pipeline.process()
    return pipeline


def test_what_was_closed_before_the_release_stays_as_billed(acme: Pipeline) -> None:
    # As the release before closed it: 7 of 28 days, without the 8th.
    came(acme, "'infinity'")
    assert acme.close("2019-02", "2019-04-05") == [(FEBRUARY, 1, "7.00")]
    came(acme, "clock_timestamp()")

    assert acme.prove() == {}
    assert acme.close("2019-02", "2019-04-05") == []
    assert acme.rows(LINE, FEBRUARY) == [("7.00", f"{WORDS}: every unit at 28.00")]

    # March is closed after it: 8 of 31 days are 7.2258, and without the last 7, 6.32.
    assert acme.preview("2019-03", "2019-04-05T00:00:00Z") == {MARCH: "7.23"}
    assert acme.close("2019-03", "2019-04-05") == [(MARCH, 1, "7.23")]
    assert acme.rows(LINE, MARCH) == [("7.23", f"{WORDS}, last day included: every unit at 28.00")]
    acme.explain("2019-03")
    assert acme.rows(CHANGES, MARCH) == [("volume", "0.23")]

    # It was retired a day later, it turns out: 8 of 28 days, and not 9.
    retired(acme, "2019-02-09T00:00")
    acme.configure()
    assert acme.close("2019-02", "2019-04-05") == [(FEBRUARY, 2, "8.00")]
    assert acme.prove() == {}
    acme.audit()


def test_on_a_new_platform_the_rule_holds_from_the_beginning(acme: Pipeline) -> None:
    # 8 of 28 days, and 9.
    assert acme.close("2019-02", "2019-04-05") == [(FEBRUARY, 1, "8.00")]
    retired(acme, "2019-02-09T00:00")
    acme.configure()
    assert acme.close("2019-02", "2019-04-05") == [(FEBRUARY, 2, "9.00")]
    assert acme.prove() == {}
