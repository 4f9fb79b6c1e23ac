"""`meterline verify` finds what somebody with every right on the database did to the books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestration.database.connection import connect
from tests.support import Pipeline, message

# What a superuser can do once the guard is taken off, and the proof that has to break.
DAMAGE = {
    "an audit entry is reworded": (
        "audit.log",
        "update audit.log set payload = replace(payload, 'acme', 'acne') where stream = 'billing'",
        "audit_chain",
    ),
    "an audit entry is cut out": (
        "audit.log",
        "select audit.append('billing', 'noted', '{}'); delete from audit.log where stream = 'billing' and seq = 1",
        "audit_chain",
    ),
    "the newest audit entry is cut off": (
        "audit.log",
        "delete from audit.log where stream = 'configuration'",
        "configuration_is_audited",
    ),
    "an event is deleted": (
        "store.events_201902",
        "delete from store.events_201902 where msg_seq = 1",
        "conservation_of_messages",
    ),
    "an event's quantity is changed": (
        "store.events_201902",
        "update store.events_201902 set quantity = quantity + 1 where msg_seq = 2",
        "conservation_of_use",
    ),
    "an hour is changed": (
        None,
        "update store.usage_hours set quantity = quantity + 1 where event_count = 1",
        "conservation_of_use",
    ),
    "a line is made dearer": (
        "store.invoice_lines",
        "update store.invoice_lines set unit_price = unit_price + 1",
        "invoices_are_reproducible",
    ),
    "a clearance is rewritten": (
        "ledger.cleared_invoices",
        "update ledger.cleared_invoices set total_amount = total_amount - 1",
        "invoices_were_cleared",
    ),
    "who issued an invoice is changed": (
        "store.invoice_transitions",
        "update store.invoice_transitions set actor = 'nobody' where to_status = 'issued'",
        "moves_are_audited",
    ),
    "a number is left out": (
        "store.invoice_documents",
        "update store.invoice_documents set document_no = 2",
        "numbers_are_audited_and_without_gaps",
    ),
    "a total is made smaller": (
        "store.invoices",
        "update store.invoices set total_amount = total_amount - 1",
        "invoices_are_audited",
    ),
}


@pytest.fixture(scope="module")
def kept_books(shared_pipeline: Pipeline) -> Pipeline:
    """February closed with 30 kWh at 1.00, and an event of March."""
    pipeline = shared_pipeline
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-27T12:00"),
        message("acme", "m-1", 2, 20, "2019-02-28T12:00"),
        message("acme", "m-1", 3, 5, "2019-03-05T12:00"),
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "30.00")]
    return pipeline


@pytest.fixture
def books(kept_books: Pipeline, new_pipeline: Callable[..., Pipeline]) -> Pipeline:
    """A copy of the books that a test may damage."""
    return new_pipeline(like=kept_books)


def test_books_that_nobody_touched_are_proven(books: Pipeline) -> None:
    assert books.prove() == {}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_breaks_its_proof(books: Pipeline, damage: str) -> None:
    table, statement, proof = DAMAGE[damage]
    with connect(books.settings) as session:
        if table is not None:
            session.execute(f"alter table {table} disable trigger append_only".encode())
        session.execute(statement.encode())

    assert proof in books.prove()
