{#
    A load of many messages is metered in lanes (METERLINE_LANES): the models of a load are built once in each of them, at
    the same time, for the tenants whose number leaves the lane's when it is divided by how many lanes there are. What a
    model reads of its lane has only those; what it reads of the store, the ledger or the raw messages it has to ask for.
    One lane has all tenants.
#}
{% macro in_lane(tenant_no) -%}
    {%- if lanes() | int > 1 -%}
    {#- Put as a comparison: of an equation the planner would expect one row of two hundred. -#}
    (({{ tenant_no }} + {{ lanes() | int - lane() | int }}) % {{ lanes() }} < 1)
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{# How many there are. Who only reads the models, as a linter does, has no model. #}
{% macro lanes() -%}
    {%- if model is defined -%} {{ model.config.lanes or 1 }} {%- else -%} 1 {%- endif -%}
{%- endmacro %}

{# The one of this model, from 0 on. #}
{% macro lane() -%}
    {%- if model is defined -%} {{ model.config.lane or 0 }} {%- else -%} 0 {%- endif -%}
{%- endmacro %}
