{# First eight bytes of sha256 as a signed integer; 0 stands for no session, so the one text that hashes to 0 is 1. #}
{% macro session_key(session_id) -%}
    coalesce(nullif(
        ('x' || encode(substring(sha256(convert_to({{ session_id }}, 'UTF8')) from 1 for 8), 'hex'))::bit(64)::bigint, 0
    ), 1)
{%- endmacro %}
