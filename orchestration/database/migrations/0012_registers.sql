set role meterline_owner;

-- More use in an hour than this is no use; absent: anything is plausible.
alter table config.device_types add column max_use_per_hour text;

create table config.register_exchanges (
    tenant_id text not null, device_id text, metric text, exchanged_at text, reason text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.register_exchanges (row_sha256) where valid_to_load is null;
grant select on config.register_exchanges
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.register_exchanges to meterline_ingest;

-- What is known of a register after a reading: enough to go on from here without the readings before it.
create type store.register_state as (
    high numeric,
    high_at timestamptz,
    last_at timestamptz,
    previous_high numeric,
    previous numeric,
    before_previous numeric,
    swing_low numeric,
    swing_high numeric,
    swing_age integer,
    is_interleaved boolean,
    use numeric,
    flag text
);

-- The state after the next reading (DECISIONS.md says why). A checkpoint takes the place of all readings before it.
create function store.next_register_state(
    state store.register_state,
    checkpoint store.register_state,
    reading numeric,
    read_at timestamptz,
    is_in_chain boolean,
    is_exchange boolean,
    exchanged_at timestamptz,
    register_max numeric,
    max_use_per_hour numeric
) returns store.register_state language plpgsql immutable parallel safe set search_path = pg_catalog as $$
declare
    step numeric;
begin
    if checkpoint.last_at is not null then
        return checkpoint;
    end if;
    state.use := 0;
    state.flag := null;
    state.previous_high := state.high;
    if not is_in_chain then
        state.flag := 'deferred';
        return state;
    end if;
    if state.last_at is null or is_exchange or exchanged_at > state.last_at then
        state.flag := case when state.last_at is null then 'first' else 'exchange' end;
        state.high := reading;
        state.high_at := read_at;
        state.last_at := read_at;
        state.previous := reading;
        state.before_previous := null;
        state.swing_age := null;
        state.is_interleaved := false;
        return state;
    end if;

    -- A swing goes up and back to where it came from, far more than the register moved on meanwhile. A second one at
    -- once, to the same heights, is no water hammer but another register.
    state.swing_age := state.swing_age + 1;
    if
        state.previous > state.before_previous and reading < state.previous and reading >= state.before_previous
        and state.previous - reading > 100 * (reading - state.before_previous)
    then
        state.is_interleaved := state.is_interleaved or coalesce(
            state.swing_age = 2
            and state.previous >= state.swing_high
            and state.previous - reading > 100 * (state.previous - state.swing_high)
            and (state.previous > state.swing_high or reading > state.swing_low),
            false
        );
        state.swing_age := 0;
        state.swing_low := reading;
        state.swing_high := state.previous;
    end if;
    state.before_previous := state.previous;
    state.previous := reading;
    state.last_at := read_at;
    if state.is_interleaved then
        state.flag := 'interleaved';
        return state;
    end if;

    step := reading - state.high;
    if step < 0 and register_max + step >= 0 and 2 * (register_max + step) <= register_max then
        step := register_max + step;
        state.flag := 'rollover';
    end if;
    if step < 0 then
        state.flag := 'reverse';
    elsif step * 3600 > max_use_per_hour * extract(epoch from read_at - state.high_at) then
        state.flag := 'jump';
    else
        state.use := step;
        state.high := reading;
        state.high_at := read_at;
    end if;
    return state;
end
$$;

create aggregate store.register_state_after(
    store.register_state, numeric, timestamptz, boolean, boolean, timestamptz, numeric, numeric
) (
    sfunc = store.next_register_state,
    stype = store.register_state,
    parallel = safe
);

-- One row per billed reading of a register whose use is its difference: the reading, its use, and the state after it, from
-- which a later run goes on. Derived: rows from a chain's earliest touched instant on are written anew.
create table store.register_uses (
    event_at timestamptz not null,
    stored_device_ts timestamptz not null,
    seq_epoch bigint not null,
    msg_seq bigint not null,
    tenant_no integer not null,
    device_no integer not null,
    period_no integer not null,
    metric_no smallint not null,
    is_in_chain boolean not null,
    is_exchange boolean not null,
    is_skew_candidate boolean not null,
    flag text,
    reading numeric(20, 10) not null,
    previous_high numeric(20, 10),
    quantity numeric(30, 10) not null,
    state store.register_state not null,
    primary key (tenant_no, device_no, metric_no, event_at, seq_epoch, msg_seq, stored_device_ts)
);
comment on column store.register_uses.quantity is 'Use, in the unit of the register.';
create index on store.register_uses (tenant_no, period_no) where flag is not null;

-- Which declared exchanges the chains have seen, newest row last; what differs from the configuration is still to do.
create table store.seen_exchanges (
    seen_no integer generated always as identity primary key,
    tenant_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    exchanged_at timestamptz not null,
    is_declared boolean not null
);
create index on store.seen_exchanges (device_no, metric_no, exchanged_at);
call store.make_append_only('store.seen_exchanges');

grant select on store.register_uses, store.seen_exchanges
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, delete on store.register_uses to meterline_transform;
grant insert on store.seen_exchanges to meterline_transform;
revoke execute on function store.next_register_state from public;
grant execute on function store.next_register_state to meterline_transform, meterline_auditor, meterline_finance;

reset role;
