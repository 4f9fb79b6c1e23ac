{#
    joins_of_whole_sets: a pre-hook of a model that joins whole sets of the run. To the planner tenant, period and
    version are independent: of a million devices of ten thousand tenants it expects one row to match, and looks at a
    whole table for each that does. So it is with the messages of the claimed loads: it cannot tell how many they are.
#}
{% macro joins_of_whole_sets() %} set local enable_nestloop = off {% endmacro %}
