"""The tests' own platform: several databases in one process must not be mistaken for each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from unittest import mock

import pytest

from tests import support
from tests.support import Pipeline, message


def test_two_platforms_in_one_process_keep_apart(new_pipeline: Callable[..., Pipeline]) -> None:
    first, second = new_pipeline(), new_pipeline()
    for platform, quantity in ((first, 1), (second, 2), (first, 4)):
        if not platform.configuration.tables["tenants"]:
            platform.tenant("acme", "m-1")
        platform.land(message("acme", "m-1", quantity, quantity, "2019-02-03"))
        platform.process()

    assert first.fleet("acme") == {"acme:2019-02-01": "5"}
    assert second.fleet("acme") == {"acme:2019-02-01": "2"}
    assert first.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "5.00")]
    assert second.rows("select * from finance.invoices") == []
    assert first.prove() == {}


def test_hurried_dbt_leaves_what_dbt_leaves(new_pipeline: Callable[..., Pipeline]) -> None:
    left = []
    for hurried in (support.hurried_dbt, nullcontext):
        platform = new_pipeline()
        platform.tenant("acme", "m-1", tax_percent=10)
        platform.land(
            message("acme", "m-1", 1, 4, "2019-02-03"),
            message("acme", "m-1", 1, 4, "2019-02-03", "2019-02-04"),
            message("acme", "m-2", 1, 9, "2019-02-03"),
        )
        with mock.patch.object(support, "hurried_dbt", hurried):
            platform.process()
            # 4 x 1.00, and 10 % tax; the duplicate and the message of nobody's meter are not billed.
            assert platform.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "4.40")]
            left.append((platform.published(), complaints(platform)))
    assert left[0] == left[1]


def complaints(platform: Pipeline) -> list[str]:
    """What dbt says of a model that the database refuses, and of tests whose lines do not come to their invoice."""
    # A price that is none.
    platform.execute("""
        insert into rating.facts (fact_no, fact)
        values (1, '{"id": "old", "model": "per_unit", "params": {"unit_price": "dear"}, "quantity": "1"}')
    """)
    with pytest.raises(AssertionError, match="dear") as model:
        support.run_dbt(platform.settings, "run", "--select", "tag:facts")
    platform.execute("""
        alter table store.invoice_lines disable trigger append_only;
        update store.invoice_lines set amount = amount + 1
    """)
    with pytest.raises(AssertionError, match="lines_sum_to_subtotal") as audit:
        platform.audit()
    texts = [str(model.value), *sorted(str(audit.value).splitlines())]
    return [text.replace(str(platform.settings.home), "HOME") for text in texts]
