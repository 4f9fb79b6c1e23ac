"""What became of the messages of some loads, without a count of all that was ever loaded."""

from __future__ import annotations

# Rows as of governance.load_balance for the loads of the parameter `loads`, which names none twice. The run that
# metered them has counted them; what it did not meter, or what counts with another file, is counted again.
OF_LOADS = """(
    with latest as (select * from governance.run_balance where load_id = any(%(loads)s)),

    known as materialized (
        select count(*) = cardinality(%(loads)s::integer[]) as is_whole
        from latest
        inner join ledger.loads using (load_id)
        where loads.released_load_id is null
    )

    select
        region, received_date, message_count, stored_count, duplicate_count, quarantined_count, late_not_billed_count
    from latest
    where (select is_whole from known)
    union all
    select
        region, received_date, message_count, stored_count, duplicate_count, quarantined_count, late_not_billed_count
    from governance.load_balance
    where load_id = any(%(loads)s) and not (select is_whole from known)
) as balance"""
