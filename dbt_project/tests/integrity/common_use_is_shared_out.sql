-- The shares of a day's common use are that use, to the last decimal.
select view_no, metric_no, local_date, allocated_quantity, sum(quantity) as shared_quantity
from {{ ref('int_common_shares') }}
group by view_no, metric_no, local_date, allocated_quantity
having sum(quantity) <> allocated_quantity
