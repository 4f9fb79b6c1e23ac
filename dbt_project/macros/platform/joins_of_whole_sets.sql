{#
    joins_of_whole_sets: a pre-hook of a model that joins whole sets of the run. To the planner tenant, period and
    version are independent: of a million devices of ten thousand tenants it expects one row to match, and looks at a
    whole table for each that does.
#}
{% macro joins_of_whole_sets() %} set local enable_nestloop = off {% endmacro %}

{#
    joins_of_loads: the same where a run has many messages, which the planner cannot tell. A few are looked up one by one,
    however many devices there are.
#}
{% macro joins_of_loads() %}
    select set_config(setting, is_small::text, true)
    from unnest(array['enable_nestloop', 'enable_mergejoin']) as setting
    cross join (
        select coalesce(sum(message_count), 0) <= greatest(1000, (
            select reltuples / 20 from pg_class where oid = '{{ source('store', 'high_water') }}'::regclass
        )) as is_small
        from {{ source('ledger', 'loads') }}
        where status = 'claimed'
    ) as claimed
{% endmacro %}

{#
    or_lookups_of: a second pre-hook of such a model, which looks up stored events for each row of some rare models, too.
    Where one has a row, nested loops stay: a whole join would read a tenant's events for each.
#}
{% macro or_lookups_of(models) -%}
    {%- set relations = [] -%}
    {%- for name in models -%} {%- do relations.append('exists (select 1 from ' ~ ref(name) ~ ')') -%} {%- endfor -%}
    {%- if execute and run_query('select ' ~ relations | join(' or ')).columns[0].values()[0] -%}
        set local enable_nestloop = on
    {%- endif -%}
{%- endmacro %}

{#
    unsorted_joins: a pre-hook of a model that joins the messages of a run to what is known of their devices. The planner
    expects as many of these as there are messages, and would sort all of them on disk for what a hash in memory does.
#}
{% macro unsorted_joins() %} set local enable_mergejoin = off {% endmacro %}

{#
    joins_over_events: a pre-hook of a model that wants the events of a few periods. What stands for an event is a join
    itself, and a join of so many that the planner, left to its own limit, would make that one of all events first and
    then ask which are wanted. Below what makes it guess the order of all.
#}
{% macro joins_over_events() %} set local join_collapse_limit = 11; set local from_collapse_limit = 11 {% endmacro %}

{#
    lookups_by_key: a pre-hook of a model that looks up, row by row, what it also writes. A plan of when the table was small
    reads all of it for each row, with what another lane has written meanwhile. What has no key costs such a plan so much that
    a server which compiles plans would compile every one.
#}
{% macro lookups_by_key() %} set local enable_seqscan = off; set local jit = off {% endmacro %}
