set role meterline_owner;

-- Which dbt run may write. dbt closes its connections between models, so no lock of its own can last for a run; a
-- platform's run holds one beside it, and this row keeps out what does not.
create table ledger.turns (
    holder text not null,
    began_at timestamptz not null default clock_timestamp()
);
insert into ledger.turns (holder) values ('nobody');

create function ledger.hold_turn(run text) returns void language plpgsql as $$
begin
    -- Shared, until the model's transaction ends: whoever begins meanwhile waits for this model, and no longer.
    perform 1 from ledger.turns where holder = run for share;
    if not found then
        raise exception 'another run began after this one and has taken over; what this one finished stands, the other goes on'
            using errcode = 'object_in_use';
    end if;
end
$$;

grant select, update on ledger.turns to meterline_transform;
grant select on ledger.turns to meterline_auditor;
revoke execute on function ledger.hold_turn from public;
grant execute on function ledger.hold_turn to meterline_transform;

reset role;
