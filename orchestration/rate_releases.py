"""Versions of rate cards before and after they are in force: what they would change, and who decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from orchestration.closing import Candidate
from orchestration.errors import BadInputError
from orchestration.turns import refuse_while_busy

CONFIGURED = """
select array_agg(distinct rate_card_version::integer order by rate_card_version::integer)
from config.rate_cards
where rate_card_id = %s and valid_to_load is null
"""
# Test tenants first, then by how much more they pay.
SIMULATED = """
select
    tenant_id, period_id, cohort, is_test_tenant, current_version, current_amount, candidate_amount, difference_amount,
    difference_percent, currency_code
from finance.rate_simulations
where simulation_id = %s
order by not is_test_tenant, difference_amount desc, tenant_id collate "C"
"""
CLIFFS = """
select
    concat_ws(', ', coalesce(metric, 'all metrics'), charge_basis, charge, part) as charge, price_model, up_to,
    amount_at_bound, amount_beyond, step_amount, effect
from finance.rate_cliffs
where rate_card_id = %s and rate_card_version = %s
order by 1, up_to
"""
DECIDE = "select ledger.decide_rate_version(%s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True)
class Decision:
    """What a named person decides about a version (`staged`, `promoted` or `rolled_back`; no cohort: for all)."""

    decision: str
    rate_card_id: str
    version: int
    cohort: str
    by: str
    reason: str


@dataclass(frozen=True)
class Simulation:
    """What a candidate would change: tenants (the test tenants first), and the bounds at which its price has a step."""

    simulation_id: int
    tenants: list[dict[str, Any]]
    cliffs: list[dict[str, Any]]

    def total(self, *, of_test_tenants: bool) -> dict[str, Decimal]:
        """Differences of the test tenants, or of the others, added up by currency."""
        sums: dict[str, Decimal] = {}
        for row in self.tenants:
            if row["is_test_tenant"] is of_test_tenants:
                currency = str(row["currency_code"])
                sums[currency] = sums.get(currency, Decimal(0)) + row["difference_amount"]
        return sums


def refuse_unknown(session: psycopg.Connection, candidate: Candidate) -> None:
    """Raise BadInputError for a version that is not in the configuration, or that is compared with itself."""
    row = session.execute(CONFIGURED, (candidate.rate_card_id,)).fetchone()
    versions = (row[0] if row else None) or []
    if not versions:
        raise BadInputError(f"rate card {candidate.rate_card_id!r} is not in rate_cards.csv")
    for version in (candidate.version, candidate.against):
        if version is not None and version not in versions:
            known = ", ".join(map(str, versions))
            raise BadInputError(
                f"rate card {candidate.rate_card_id!r} has no version {version} in rate_cards.csv; it has {known}"
            )
    if candidate.version == candidate.against:
        raise BadInputError(f"version {candidate.version} would be compared with itself; name another with --against")


def simulation(session: psycopg.Connection, close_id: int, candidate: Candidate) -> Simulation:
    """What the models made of a simulation."""
    with session.cursor(row_factory=dict_row) as cursor:
        tenants = cursor.execute(SIMULATED, (close_id,)).fetchall()
        cliffs = cursor.execute(CLIFFS, (candidate.rate_card_id, candidate.version)).fetchall()
    return Simulation(close_id, tenants, cliffs)


def decide(session: psycopg.Connection, asked: Decision) -> int:
    """Record a decision about a version; returns its number.

    Raises BadInputError where it may not be made, BusyError while another run is metering or closing.
    """
    by, reason = asked.by.strip(), asked.reason.strip()
    if not (by and reason):
        raise BadInputError("a decision is a named person's: give --by NAME and --reason TEXT")
    refuse_while_busy(session)
    parameters = (asked.rate_card_id, asked.version, asked.decision, asked.cohort or None, by, reason)
    try:
        row = session.execute(DECIDE, parameters).fetchone()
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise BadInputError(f"{error.diag.message_primary}; {error.diag.message_hint}") from error
    assert row is not None
    return int(row[0])
