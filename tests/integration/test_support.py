"""The tests' own platform: several databases in one process must not be mistaken for each other."""

from __future__ import annotations

from collections.abc import Callable

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
