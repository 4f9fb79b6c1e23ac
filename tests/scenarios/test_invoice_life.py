"""From draft to paid: who moves an invoice, under which number it goes out, how an approved adjustment comes on it.

One kWh costs 1.00 EUR where nothing else is said, contracts are in UTC with 72 hours of grace. Every tenant's February
is closed twice, and what persons do lies between.
"""

from __future__ import annotations

import os
import re
import threading
from datetime import date
from decimal import Decimal
from typing import Any
from unittest import mock

import psycopg
import pytest
from dagster import JobDefinition

from orchestration import invoice_jobs, invoice_verbs, invoicing
from orchestration.console import console
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.resources import Platform
from tests.support import Message, Pipeline, message

STATES = """
select invoice_version, total_amount::text, status, invoice_number, difference_amount::text
from finance.invoices where tenant_id = %s order by 1
"""
MOVES = """
select invoice_version, to_status, actor from finance.invoice_transitions
where tenant_id = %s order by invoice_version, transition_no
"""
NOTES = """
select corrected_invoice_version, invoice_version, note_type, amount::text, note_number, invoice_number
from finance.invoice_notes where tenant_id = %s order by invoice_version
"""
LINES = """
select line_type, amount::text, description from finance.invoice_lines
where invoice_id = %s and invoice_version = %s order by line_number
"""
PROPOSALS = """
select invoice_version, amount::text, line_amount::text, use::text, status, adjusted_invoice_version
from finance.proposals where tenant_id = %s order by proposed_at
"""


def name(tenant: str) -> str:
    return f"INV-{tenant}-2019-02-01"


def move(pipeline: Pipeline, becomes: str, *tenants: str, by: str = "Ada", version: int | None = None) -> Any:
    signed = invoicing.Signed(by, "as agreed")
    with connect(pipeline.settings, "meterline_approver") as session:
        return invoicing.move(session, becomes, [name(tenant) for tenant in tenants], signed, version)


def propose(pipeline: Pipeline, tenant: str, amount: str, by: str = "Ada", reason: str = "goodwill") -> str:
    with connect(pipeline.settings, "meterline_approver") as session:
        return invoicing.propose(session, name(tenant), Decimal(amount), invoicing.Signed(by, reason))


def decide(pipeline: Pipeline, proposal: str, decision: str, by: str = "Grace") -> None:
    with connect(pipeline.settings, "meterline_approver") as session:
        invoicing.decide(session, proposal, decision, invoicing.Signed(by, "on record"))


def proposal_of(pipeline: Pipeline, tenant: str) -> str:
    rows = pipeline.rows("select proposal_id from finance.proposals where tenant_id = %s", tenant)
    return str(rows[0][0])


def in_time(tenant: str, quantity: object) -> Message:
    """Received on 1 March and loaded after the first close: no late use, so that the next close amends."""
    return message(tenant, "m-1", 2, quantity, "2019-02-20", "2019-03-01", sent_ts="2019-03-01T00:00:00Z")


def too_late(tenant: str, quantity: object) -> Message:
    return message(tenant, "m-1", 3, quantity, "2019-02-20", "2019-03-20", sent_ts="2019-03-20T00:00:00Z")


def configure(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("tiers", (10, "1.00"), (None, "0.50"), price_model="graduated")
    for tenant in ("auto", "grown", "voided"):
        pipeline.tenant(tenant, "m-1")
    for tenant in ("waits", "first", "second", "paid", "dropped"):
        pipeline.tenant(tenant, "m-1", invoice_approval="manual")
        pipeline.configuration.tables["tenants"][-1]["legal_entity"] = "ACME_ES"
    pipeline.tenant("goodwill", "m-1", tax_percent=20, minimum_spend_amount=110)
    pipeline.tenant("refused", "m-1")
    pipeline.tenant("late", "m-1", rate_card_id="tiers", tax_percent=20)
    pipeline.configuration.rate_card("gross", (None, "1.20"))
    pipeline.configuration.row("rate_card_terms", rate_card_id="gross", tax_behavior="inclusive")
    pipeline.tenant("late-gross", "m-1", rate_card_id="gross", tax_percent=20)
    pipeline.configuration.tables["tenants"][-1]["legal_entity"] = "GROSS"
    tenants = [str(row["tenant_id"]) for row in pipeline.configuration.tables["tenants"]]
    pipeline.land(*(message(t, "m-1", 1, 8 if t == "late" else 100, "2019-02-10") for t in tenants))


def run(pipeline: Pipeline, job: JobDefinition, op: str, config: dict[str, str]) -> None:
    with mock.patch.dict(os.environ, pipeline.environment()):
        job.execute_in_process({"ops": {op: {"config": config}}}, resources={"platform": Platform()})


@pytest.fixture(scope="module")
def life(shared_pipeline: Pipeline) -> Pipeline:
    pipeline = shared_pipeline
    configure(pipeline)
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")

    move(pipeline, "approved", "first", "second", "paid")
    issue_at_once(pipeline)
    move(pipeline, "issued", "paid")
    move(pipeline, "paid", "paid", "auto", by="Bob")
    move(pipeline, "void", "voided", "dropped")
    decide(pipeline, propose(pipeline, "goodwill", "-15.00"), "approved")
    decide(pipeline, propose(pipeline, "refused", "-15.00"), "rejected")

    pipeline.land(*(in_time(tenant, 5) for tenant in ("grown", "waits", "paid")))
    pipeline.land(too_late("late", 6), too_late("late-gross", 6))
    pipeline.process()
    pipeline.reconcile()
    for tenant in ("late", "late-gross"):
        decide(pipeline, proposal_of(pipeline, tenant), "approved")
    pipeline.close("2019-02", "2019-03-04")
    pipeline.reconcile()
    return pipeline


def issue_at_once(pipeline: Pipeline) -> None:
    """Two sessions issue at the same time; the one that was first takes it back."""
    issued: list[Any] = []
    other = threading.Thread(target=lambda: issued.append(move(pipeline, "issued", "second")))
    with connect(pipeline.settings, "meterline_approver") as session:
        invoicing.move(session, "issued", [name("first")], invoicing.Signed("Ada", "as agreed"))
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive(), "the second session did not wait for the first one's number"
        session.rollback()
    other.join(timeout=20)
    assert issued == [[(name("second"), 1, "approved")]]
    move(pipeline, "issued", "first")


def test_a_contract_that_asks_for_nobody_is_issued_by_its_close(life: Pipeline) -> None:
    assert life.rows(MOVES, "auto") == [
        (1, "draft", "close 1"),
        (1, "gated", "close 1"),
        (1, "approved", "close 1"),
        (1, "issued", "close 1"),
        (1, "paid", "Bob"),
    ]
    # The first of its legal entity's invoices by name: auto, goodwill, grown, late, refused, voided.
    assert life.rows(STATES, "auto") == [(1, "100.00", "paid", "default-INV-000001", None)]


def test_an_amendment_keeps_the_invoices_number_and_its_note_gets_one(life: Pipeline) -> None:
    assert life.rows(STATES, "grown") == [
        (1, "100.00", "amended", "default-INV-000003", None),
        (2, "105.00", "issued", "default-INV-000003", "5.00"),
    ]
    # Of the notes of the second close, in the order of the invoices' names: grown, late.
    assert life.rows(NOTES, "grown") == [(1, 2, "debit_note", "5.00", "default-DN-000001", "default-INV-000003")]
    assert life.rows(MOVES, "grown")[3:5] == [(1, "issued", "close 1"), (1, "amended", "close 3")]


def test_a_contract_may_ask_for_a_person_and_an_invoice_without_one_has_no_number(life: Pipeline) -> None:
    # The first version was replaced before anybody approved it; both wait, and neither has gone out.
    assert life.rows(STATES, "waits") == [(1, "100.00", "gated", None, None), (2, "105.00", "gated", None, None)]
    assert life.rows(NOTES, "waits") == []
    with pytest.raises(BadInputError, match="version 1 cannot become approved, because version 2 takes its place"):
        move(life, "approved", "waits", version=1)
    with pytest.raises(BadInputError, match=r"INV-waits-2019-02-01 version 2 is gated and cannot become issued"):
        move(life, "issued", "waits")


def test_what_the_customer_has_is_corrected_only_when_the_later_version_is_issued(life: Pipeline) -> None:
    assert life.rows(STATES, "paid") == [
        (1, "100.00", "paid", "ACME_ES-INV-000003", None),
        (2, "105.00", "gated", None, "5.00"),
    ]
    assert life.rows(NOTES, "paid") == []


def test_numbers_have_no_gap_although_who_was_first_took_it_back(life: Pipeline) -> None:
    assert life.rows(STATES, "second") == [(1, "100.00", "issued", "ACME_ES-INV-000001", None)]
    assert life.rows(STATES, "first") == [(1, "100.00", "issued", "ACME_ES-INV-000002", None)]
    # A version that was never issued and is void has none.
    assert life.rows(STATES, "dropped")[0] == (1, "100.00", "void", None, None)


def test_after_a_void_the_next_close_makes_another_invoice_with_a_number_of_its_own(life: Pipeline) -> None:
    # Nothing changed, and a void invoice is not owed: no note, and the number of the void one is used no more.
    assert life.rows(STATES, "voided") == [
        (1, "100.00", "void", "default-INV-000006", None),
        (2, "100.00", "issued", "default-INV-000007", None),
    ]
    assert life.rows(NOTES, "voided") == []
    reasons = "select reason from finance.period_closes where tenant_id = 'voided' order by invoice_version"
    assert life.rows(reasons) == [("scheduled",), ("reissue",)]
    assert life.rows(STATES, "dropped")[1:] == [(2, "100.00", "gated", None, None)]


def test_an_approved_credit_is_a_line_after_the_minimum_and_before_tax(life: Pipeline) -> None:
    # 100 + 10 to the minimum = 110, and 20 % tax: 132. Less 15: 95, and 19 of tax: 114, 18 less.
    assert life.rows(STATES, "goodwill") == [
        (1, "132.00", "amended", "default-INV-000002", None),
        (2, "114.00", "issued", "default-INV-000002", "-18.00"),
    ]
    ((line_type, amount, words),) = life.rows(LINES, name("goodwill"), 2)[2:3]
    proposal = proposal_of(life, "goodwill")
    assert (line_type, amount) == ("adjustment", "-15.00")
    assert words == f"adjustment {proposal}: goodwill, approved by Grace"
    assert life.rows(NOTES, "goodwill")[0][2:5] == ("credit_note", "18.00", "default-CN-000001")
    assert life.rows(PROPOSALS, "goodwill") == [(1, "-15.00", "-15.00", "{}", "approved", 2)]


def test_a_rejected_proposal_changes_nothing(life: Pipeline) -> None:
    assert life.rows(STATES, "refused") == [(1, "100.00", "issued", "default-INV-000005", None)]
    assert life.rows(PROPOSALS, "refused") == [(1, "-15.00", "-15.00", "{}", "rejected", None)]


def test_approved_late_use_is_billed_once(life: Pipeline) -> None:
    # 8 kWh: 8.00, with tax 9.60. 6 more: 10 x 1.00 + 4 x 0.50 = 12.00, so a line of 4.00, and 4.80 with tax.
    assert life.rows(STATES, "late") == [
        (1, "9.60", "amended", "default-INV-000004", None),
        (2, "14.40", "issued", "default-INV-000004", "4.80"),
    ]
    assert [row[:2] for row in life.rows(LINES, name("late"), 2)] == [("usage", "8.00"), ("adjustment", "4.00")]
    # A reconciliation after it finds nothing that was not approved.
    assert life.rows(PROPOSALS, "late") == [(1, "4.80", "4.00", '{"energy": 6}', "approved", 2)]


def test_late_use_of_prices_that_contain_the_tax_is_a_line_that_contains_it(life: Pipeline) -> None:
    # 6 x 1.20, of which 1.20 is tax; 100 x 1.20 were invoiced.
    assert life.rows(PROPOSALS, "late-gross") == [(1, "7.20", "7.20", '{"energy": 6}', "approved", 2)]
    assert [row[:2] for row in life.rows(LINES, name("late-gross"), 2)] == [("usage", "120.00"), ("adjustment", "7.20")]
    assert [row[:2] for row in life.rows(STATES, "late-gross")] == [(1, "120.00"), (2, "127.20")]


def test_a_move_that_there_is_not_is_refused_for_all(life: Pipeline) -> None:
    before = life.rows("select count(*) from store.invoice_transitions")
    with pytest.raises(BadInputError, match=r"INV-auto-2019-02-01 version 1 is paid and cannot become void"):
        move(life, "void", "second", "auto")
    with pytest.raises(BadInputError, match=r"INV-nobody-2019-02-01 is not known"):
        move(life, "paid", "second", "nobody")
    with pytest.raises(BadInputError, match="give --by NAME"):
        move(life, "paid", "second", by=" ")
    assert life.rows("select count(*) from store.invoice_transitions") == before


def test_nobody_approves_what_they_proposed_or_decides_twice(life: Pipeline) -> None:
    proposal = propose(life, "second", "-1.00", by="Ada", reason="a day without power")
    with pytest.raises(BadInputError, match="was proposed by Ada, so somebody else must approve it"):
        decide(life, proposal, "approved", by=" ada ")
    with pytest.raises(BadInputError, match=f"the same waits for a decision as {proposal}"):
        propose(life, "second", "-1.00", reason="a day without power")
    decide(life, proposal, "rejected", by="Ada")
    with pytest.raises(BadInputError, match="was rejected by Ada already"):
        decide(life, proposal, "approved")
    with pytest.raises(BadInputError, match=r"-1\.001 is no amount in EUR"):
        propose(life, "second", "-1.001")


def test_a_proposal_and_its_decision_are_jobs_and_are_shown(life: Pipeline) -> None:
    config = {"invoice_id": name("first"), "amount": "-2.50", "by": "Ada", "reason": "a late technician"}
    run(life, invoice_jobs.propose_adjustment, "record_proposal", config)
    with console.capture() as told:
        invoice_verbs.show_proposals(life.settings, "open")
    (proposal,) = re.findall(r"PRP-[0-9a-f]{16}", told.get().splitlines()[2])
    assert re.search(rf"{proposal} +manual +INV-first-2019-02-01 +-2.50 +EUR +open +Ada", told.get())
    config = {"proposal_id": proposal, "verb": "reject", "by": "Grace", "reason": "he came in time"}
    run(life, invoice_jobs.decide_proposal, "record_decision", config)
    with console.capture() as told:
        invoice_verbs.show_proposal(life.settings, proposal)
    assert "status: rejected" in told.get()
    assert "decision_reason: he came in time" in told.get()


def test_an_invoice_is_shown_with_its_versions_moves_and_lines(life: Pipeline) -> None:
    with console.capture() as told:
        invoice_verbs.show(life.settings, name("goodwill"))
        invoice_verbs.show_list(life.settings, "2019-02", "void", "")
    assert re.search(r"2 +issued +default-INV-000002 +95.00 +19.00 +114.00 +-18.00 +default-CN-000001", told.get())
    assert re.search(r"issued +amended +close 3 +replaced by a later version", told.get())
    assert re.search(r"adjustment +adjustment PRP-", told.get())
    # The list: what is void, and nothing else.
    assert re.findall(r"INV-(\w+)-2019-02-01 +\d +void", told.get()) == ["dropped", "voided"]
    with pytest.raises(BadInputError, match="no invoice 'INV-nobody'"):
        invoice_verbs.show(life.settings, "INV-nobody")


def test_only_an_approver_moves_and_decides(life: Pipeline) -> None:
    calls = (
        "select store.move_invoices(array['INV-second-2019-02-01'], null, 'paid', 'Ada', 'x')",
        "select store.decide_proposal('PRP-1', 'approved', 'Ada', 'x')",
        "insert into store.invoice_transitions default values",
        "insert into store.invoice_documents default values",
    )
    for role in ("meterline_transform", "meterline_finance"):
        for call in calls:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connect(life.settings, role) as session:
                session.execute(call.encode())


def test_a_whole_month_can_be_moved_where_each_can(life: Pipeline) -> None:
    with connect(life.settings, "meterline_approver") as session:
        gated, approved, issued = (
            invoicing.movable(session, date(2019, 2, 1), becomes) for becomes in ("approved", "issued", "paid")
        )
    # Of `waits` the newer version: what it replaces is never approved.
    assert gated == [name("dropped"), name("paid"), name("waits")]
    assert approved == []
    assert set(issued) == {
        name(tenant) for tenant in ("first", "goodwill", "grown", "late", "late-gross", "refused", "second", "voided")
    }


def test_versions_before_and_after_an_approval_are_made_again(life: Pipeline) -> None:
    assert life.prove() == {}
    life.audit()
