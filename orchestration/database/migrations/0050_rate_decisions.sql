set role meterline_owner;

-- As before, but a cluster does not look up in a table of its nodes what is inserted as a value.
create or replace function ledger.decide_rate_version(
    card text, version integer, asked_decision text, asked_cohort text, person text, because text
) returns integer language plpgsql security definer set search_path = pg_catalog, ledger as $$
declare
    name text := format('version %s of rate card %L', version, card);
    content text := config.rate_version_sha256(card, version);
    configured integer;
    released text;
    before store.rate_decisions;
    staged store.rate_decisions;
    simulation integer;
    made integer;
begin
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise 'another run is metering or closing (lock meterline.process)' using errcode = 'lock_not_available';
    end if;
    select max(config_load_id) into configured from config.loads;
    select coalesce(min(release), 'dated') into released from config.rate_cards
    where rate_card_id = card and rate_card_version = version::text and valid_to_load is null
    having count(*) > 0;
    if not found then
        raise '% is not in the configuration', name using errcode = 'object_not_in_prerequisite_state',
            hint = 'Write its rows into rate_cards.csv and rate_card_tiers.csv.';
    end if;
    select * into before from store.rate_decisions
    where
        rate_card_id = card and rate_card_version = version
        and decision <> 'staged' and (cohort is null or asked_cohort is null or cohort = asked_cohort)
    order by decision_no desc limit 1;

    if asked_decision = 'staged' then
        select max(close_id) into simulation from ledger.close_requests
        where
            kind = 'simulate' and finished_at is not null and rate_card_id = card and rate_card_version = version
            and config_load_id = configured;
        if simulation is null then
            raise '% was not simulated as it stands', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'Run meterline rates stage, which does both.';
        end if;
    elsif asked_decision = 'promoted' then
        select * into staged from store.rate_decisions
        where
            rate_card_id = card and rate_card_version = version and decision = 'staged' and content_sha256 = content
            and decision_no > coalesce((
                select max(decision_no) from store.rate_decisions
                where rate_card_id = card and rate_card_version = version and decision = 'rolled_back'
            ), 0)
        order by decision_no desc limit 1;
        if not found then
            raise '% was not staged with exactly these prices', name
                using errcode = 'object_not_in_prerequisite_state',
                hint = 'Run meterline rates stage and look at what it would change.';
        elsif lower(trim(staged.decided_by)) = lower(trim(person)) then
            raise '% staged % and cannot promote it, too', staged.decided_by, name
                using errcode = 'object_not_in_prerequisite_state', hint = 'Another person approves it.';
        elsif before.decision = 'promoted' and (before.cohort is null or before.cohort = asked_cohort) then
            raise '% is promoted there already', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'There is nothing to do.';
        elsif released = 'dated' and before.decision is null then
            raise '% is released by its date, for everybody', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'Write release staged into rate_cards.csv to have it promoted.';
        end if;
    elsif before.decision = 'rolled_back' or (released = 'staged' and before.decision is null) then
        raise '% prices nothing, so there is nothing to roll back', name
            using errcode = 'object_not_in_prerequisite_state', hint = 'finance.rate_decisions lists the decisions.';
    elsif not exists (
        select from config.rate_cards as other
        where
            other.rate_card_id = card and other.rate_card_version <> version::text and other.valid_to_load is null
            and (
                coalesce(other.release, 'dated') = 'dated' or exists (
                    select from store.rate_decisions as made_before
                    where
                        made_before.rate_card_id = card and made_before.decision = 'promoted'
                        and made_before.rate_card_version = other.rate_card_version::integer
                )
            )
    ) then
        raise '% is the only one of its card, and without it nothing has a price', name
            using errcode = 'object_not_in_prerequisite_state', hint = 'Add the version that is to price instead.';
    end if;

    insert into store.rate_decisions (
        rate_card_id, rate_card_version, decision, cohort, content_sha256, config_load_id, close_id, decided_by, reason
    ) values (
        card, version, asked_decision, asked_cohort, content, configured, simulation, person, because
    ) returning decision_no into made;
    perform audit.append('rates', 'rate_version_' || asked_decision, jsonb_build_object(
        'decision_no', made, 'rate_card_id', card, 'rate_card_version', version, 'cohort', asked_cohort,
        'content_sha256', content, 'close_id', simulation, 'decided_by', person, 'reason', because
    )::text);
    return made;
end
$$;

reset role;
