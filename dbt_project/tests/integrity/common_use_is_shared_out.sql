-- The shares of a day's common use are that use, to the last decimal, and no day gives more than the master meter has
-- counted beyond its sub-meters so far.
select view_no, metric_no, local_date, allocated_quantity, sum(quantity) as shared_quantity
from {{ ref('int_common_shares') }}
group by view_no, metric_no, local_date, allocated_quantity
having sum(quantity) <> allocated_quantity
