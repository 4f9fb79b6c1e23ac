"""Rating facts of other systems against the rules: into the working set of the models, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from orchestration.rate_facts import refusals, stored

OUTCOME = """
select
    fact.fact ->> 'id',
    coalesce(fact.fact ->> 'model', ''),
    count(answer.fact_no) > 0 and bool_and(answer.amount is not distinct from answer.expected_amount),
    coalesce(
        string_agg(
            answer.place || trim_scale(answer.expected_amount)::text, ', ' order by answer.part, answer.position
        ),
        fact.fact ->> 'expected_amount', ''
    ),
    coalesce(
        fact.refused_because,
        string_agg(
            answer.place || coalesce(trim_scale(answer.amount)::text, 'nothing'), ', '
            order by answer.part, answer.position
        ),
        'nothing'
    )
from rating.facts as fact
left join rating.rating_facts as answer on fact.fact_no = answer.fact_no
group by fact.fact_no
order by fact.fact_no
"""


@dataclass(frozen=True)
class Verdict:
    """Whether a fact holds: what its source says, and what the rules make of it (or why they do not)."""

    fact_id: str
    model: str
    holds: bool
    expected: str
    got: str


def store_facts(session: psycopg.Connection, facts: list[Any]) -> int:
    """Make the facts the working set; returns how many of them cannot be rated."""
    reasons = refusals(facts)
    session.execute("truncate rating.facts")
    with session.cursor().copy("copy rating.facts (fact_no, fact, refused_because) from stdin") as copy:
        for number, (fact, reason) in enumerate(zip(facts, reasons, strict=True), start=1):
            copy.write_row((number, Jsonb(stored(fact, number, reason)), reason))
    return sum(reason is not None for reason in reasons)


def outcome(session: psycopg.Connection) -> list[Verdict]:
    """What the models made of the working set, a verdict for each fact in the order of the file."""
    return [Verdict(*row) for row in session.execute(OUTCOME)]
