{#
    Where the platform's database is spread over several machines (METERLINE_SHARDS), what has a tenant lies with the
    tenant's other rows, and what has none on every machine. The checks of prices keep their tables to themselves.
#}
{% macro is_spread() %}
    {{ return(env_var('METERLINE_SHARDS', '') != '') }}
{% endmacro %}

{# Whether the model being built is one of those that are placed: what a load and its hours and days are made of. #}
{% macro is_placed() %}
    {{ return(is_spread() and this.schema in ('metering', 'usage')) }}
{% endmacro %}

{# All over the connections to the nodes: what a transaction has done in its own session, they cannot go on with. #}
{% macro reach_all_nodes() %}
    {%- if is_placed() -%}
        {% call statement('reach') %} set local citus.enable_local_execution = off {% endcall %}
    {%- endif -%}
{% endmacro %}

{% macro place(relation, columns) %}
    {%- if 'tenant_no' in columns -%}
        {% call statement('place') %}
            select create_distributed_table('{{ relation }}', 'tenant_no', colocate_with => 'store.high_water')
        {% endcall %}
    {%- else -%}
        {% call statement('place') %} select create_reference_table('{{ relation }}') {% endcall %}
    {%- endif -%}
{% endmacro %}

{# Names only. Where a query has to be planned for many machines before it is taken apart, a view of it says them. #}
{% macro columns_of_query(query) %}
    {%- if not is_placed() -%}
        {{ return(get_column_schema_from_query(query) | map(attribute='column') | list) }}
    {%- endif -%}
    {% call statement('shape') %} create temporary view meterline_shape as ({{ query }}) {% endcall %}
    {%- set names = columns_of('meterline_shape') -%}
    {% call statement('shape') %} drop view meterline_shape {% endcall %}
    {{ return(names) }}
{% endmacro %}

{#
    The query of a model for many machines. A common table expression is rows of the coordinator there, which no machine
    can join by tenant: each becomes a scratch table of its own, and the query reads those. A query without any, or with
    one that reads itself, is returned as it is.
#}
{% macro spread_query(query) %}
    {%- set found = common_tables(query) -%}
    {%- set known = [] -%}
    {%- for name, body in found.tables -%}
        {%- set relation = api.Relation.create(
            database=this.database, schema=this.schema, identifier=this.identifier ~ '__' ~ name, type='table'
        ) -%}
        {%- set rows = with_tables(body, known) -%}
        {%- set columns = columns_of_query(rows) -%}
        {%- if not load_cached_relation(relation) -%}
            {% call statement('create') %}
                create unlogged table if not exists {{ relation }} as ({{ rows }}) with no data
            {% endcall %}
            {%- if not run_query("select 1 from pg_dist_partition where logicalrelid = '" ~ relation ~ "'::regclass").rows -%}
                {{ place(relation, columns) }}
            {%- endif -%}
        {%- endif -%}
        {% call statement('fill') %}
            truncate {{ relation }};
            insert into {{ relation }} ({{ columns | join(', ') }}) {{ rows }}
        {% endcall %}
        {% call statement('analyse') %} analyze {{ relation }} {% endcall %}
        {%- do known.append((name, relation)) -%}
    {%- endfor -%}
    {{ return(with_tables(found.rest, known)) }}
{% endmacro %}

{# A query that reads the tables under the names of the expressions. Nothing between: a subquery hides where rows lie. #}
{% macro with_tables(query, known) %}
    {%- set text = namespace(value=query) -%}
    {%- for name, relation in known -%}
        {%- set text.value = modules.re.sub(
            '(?i)\\b(from|join)\\s+' ~ name ~ '\\b(?![.(])(\\s+as\\s+\\w+)?',
            '\\1 ' ~ relation ~ '@@\\2@@' ~ name ~ '@@', text.value
        ) -%}
    {%- endfor -%}
    {%- set text.value = modules.re.sub('@@(\\s+as\\s+\\w+)@@\\w+@@', '\\1', text.value) -%}
    {{ return(modules.re.sub('@@@@(\\w+)@@', ' as \\1', text.value)) }}
{% endmacro %}

{# The common table expressions at the head of a query, as pairs of name and body, and what follows them. #}
{% macro common_tables(query) %}
    {%- set re = modules.re -%}
    {%- set text = re.sub('--[^\n]*', '', query).strip() -%}
    {%- set scan = namespace(at=0, tables=[], more=false) -%}
    {%- set head = re.match('with\s+(?!recursive\s)', text) -%}
    {%- if head -%}
        {%- set scan.at = head.end() -%}
        {%- set scan.more = true -%}
    {%- endif -%}
    {%- for _ in range(100) if scan.more -%}
        {%- set opened = re.match('\s*(\w+) as (?:not )?(?:materialized )?\(', text[scan.at:]) -%}
        {%- set begin = scan.at + opened.end() -%}
        {%- set depth = namespace(value=1, end=none, quoted=false) -%}
        {%- for mark in re.finditer("['()]", text[begin:]) if depth.end is none -%}
            {%- if mark.group() == "'" -%} {%- set depth.quoted = not depth.quoted -%}
            {%- elif not depth.quoted -%}
                {%- set depth.value = depth.value + (1 if mark.group() == '(' else -1) -%}
                {%- if depth.value == 0 -%} {%- set depth.end = begin + mark.start() -%} {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do scan.tables.append((opened.group(1), text[begin:depth.end])) -%}
        {%- set comma = re.match('\s*,', text[depth.end + 1:]) -%}
        {%- set scan.at = depth.end + 1 + (comma.end() if comma else 0) -%}
        {%- set scan.more = comma is not none -%}
    {%- endfor -%}
    {{ return({'tables': scan.tables, 'rest': text[scan.at:]}) }}
{% endmacro %}
