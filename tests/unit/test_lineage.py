"""Columns are traced through CTEs, joins and expressions to the columns that they are read from."""

from orchestration.lineage import columns_of, schema_of

CATALOGUE = {
    "store": {
        "lines": {"invoice_no": "integer", "quantity": "numeric", "price": "numeric"},
        "invoices": {"invoice_no": "integer", "name": "text"},
    }
}
QUERY = """
with charged as (
    select invoice_no, sum(quantity * price) as amount, count(*) as line_count
    from "meterline"."store"."lines"
    group by invoice_no
)
select invoices.name, charged.amount, charged.line_count, 'EUR' as currency
from store.invoices
inner join charged using (invoice_no)
"""


def test_a_column_is_made_from_all_that_its_expression_reads():
    columns = columns_of(QUERY, schema_of(CATALOGUE))
    assert columns["name"] == [("store", "invoices", "name")]
    assert columns["amount"] == [("store", "lines", "price"), ("store", "lines", "quantity")]
    assert columns["currency"] == []
    assert list(columns) == ["name", "amount", "line_count", "currency"]
