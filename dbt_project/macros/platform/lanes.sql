{#
    A load of many messages is metered in lanes (METERLINE_LANES): the models of a load are built once in each of them, at
    the same time, for tenants with numbers from the start of the lane to that of the next one. What a model reads of its
    lane has only those; what it reads of the store, the ledger or the raw messages it has to ask for. One lane has all.
#}
{% macro in_lane(tenant_no) -%}
    {%- set starts, lane = lane_starts(), lane() | int -%}
    {%- if starts | length == 1 -%} true
    {%- elif lane == 0 -%} {{ tenant_no }} < {{ starts[1] }}
    {%- elif lane + 1 == starts | length -%} {{ tenant_no }} >= {{ starts[lane] }}
    {%- else -%} {{ tenant_no }} between {{ starts[lane] }} and {{ starts[lane + 1] - 1 }}
    {%- endif -%}
{%- endmacro %}

{# The first tenant's number of each lane. Who only reads the models, as a linter does, has no model. #}
{% macro lane_starts() -%}
    {{ return(model.config.lane_starts if model is defined and model.config.lane_starts else [0]) }}
{%- endmacro %}

{# The lane of this model, from 0 on. #}
{% macro lane() -%}
    {%- if model is defined -%} {{ model.config.lane or 0 }} {%- else -%} 0 {%- endif -%}
{%- endmacro %}

{%- macro as_array(starts) -%} array[{{ starts | join(', ') }}]::integer[] {%- endmacro %}

{# All rows of a model of the load, for a model that is built once: it depends on what each lane has made. #}
{% macro of_all_lanes(name) -%}
    {%- set parents = model.depends_on.nodes if model is defined else [] -%}
    select * from {{ ref(name) }}
    {%- for key in parents if key.startswith('model.meterline.' ~ name ~ '.') %}
    union all
    select * from {{ graph.nodes[key].relation_name }}
    {%- endfor %}
{%- endmacro %}
