{# An identity between columns that must hold on every row, with the rows that break it. #}
{% test holds(model, expression) %}
    select * from {{ model }} where not ({{ expression }})
{% endtest %}
