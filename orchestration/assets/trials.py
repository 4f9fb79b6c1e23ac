"""Rating that bills nothing: previews of open periods, and simulations of prices on what was used."""

from datetime import UTC, date, datetime
from typing import Any

from dagster import AssetKey, Config, MaterializeResult, MetadataValue, asset

from orchestration import closing, rate_releases, thresholds
from orchestration.closing import Candidate
from orchestration.failures import clear_failures
from orchestration.rate_releases import Decision
from orchestration.resources import Dbt, Platform
from orchestration.turns import BOOKS, refuse_while_busy, turn

SIMULATED_RATES = AssetKey(["billing", "simulated_rates"])
DRAFTS = """
select invoice_id, as_of, subtotal_amount, tax_amount, total_amount, currency_code
from finance.draft_invoices
where previewed_at >= (select requested_at from ledger.close_requests where close_id = %s)
order by invoice_id collate "C"
"""


class PreviewConfig(Config):
    """`period`: month in which they end (empty: those that may not close yet); `as_of`: empty is the watermark."""

    period: str = ""
    as_of: str = ""


class DecisionConfig(Config):
    """A version of a rate card, for whom (no cohort: for all), who decides, and why."""

    rate_card_id: str
    rate_card_version: int
    cohort: str = ""
    by: str
    reason: str

    def record(self, platform: Platform, decision: str) -> int:
        """Record the decision; returns its number."""
        asked = Decision(decision, self.rate_card_id, self.rate_card_version, self.cohort, self.by, self.reason)
        with platform.session("meterline_approver") as session:
            return rate_releases.decide(session, asked)


class CandidateConfig(Config):
    """A version of a rate card, and the one to compare it with (0: the one in force)."""

    rate_card_id: str
    rate_card_version: int
    against: int = 0

    def candidate(self) -> Candidate:
        """The same as the models are asked."""
        return Candidate(self.rate_card_id, self.rate_card_version, self.against or None)


@asset(
    key=AssetKey(["billing", "previewed_periods"]),
    deps=[AssetKey(["config", "loads"]), AssetKey(["ledger", "loads"])],
    pool=BOOKS,
    group_name="billing",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def previewed_periods(config: PreviewConfig, platform: Platform, dbt: Dbt) -> MaterializeResult:  # type: ignore[type-arg]
    """Drafts of the invoices of open periods, by the models of a close; nothing is billed."""
    with clear_failures():
        month = closing.parse_month(config.period) if config.period else closing.NO_MONTH
        close_id = _ask(platform, "preview", month, closing.parse_instant(config.as_of) if config.as_of else None)
        _rate(platform, dbt)
    with platform.session("meterline_transform") as session:
        thresholds.tell(session)
    with platform.session("meterline_finance") as session:
        drafts = session.execute(DRAFTS, (close_id,)).fetchall()
    rows = [[str(value) for value in row] for row in drafts]
    return MaterializeResult(metadata={"drafts": len(drafts), "invoices": MetadataValue.json(rows)})


@asset(
    key=SIMULATED_RATES,
    deps=[AssetKey(["config", "loads"]), AssetKey(["billing", "closed_periods"])],
    pool=BOOKS,
    group_name="billing",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def simulated_rates(config: CandidateConfig, platform: Platform, dbt: Dbt) -> MaterializeResult:  # type: ignore[type-arg]
    """Who would pay how much more or less by a version of a rate card, from the last closed periods."""
    candidate = config.candidate()
    with clear_failures():
        close_id = _ask(platform, "simulate", closing.NO_MONTH, datetime.now(UTC), candidate)
        _rate(platform, dbt)
    with platform.session("meterline_finance") as session:
        made = rate_releases.simulation(session, close_id, candidate)
    return MaterializeResult(
        metadata={
            "simulation_id": close_id,
            "tenants": MetadataValue.json(_printable(made.tenants)),
            "cliffs": MetadataValue.json(_printable(made.cliffs)),
            "difference": MetadataValue.json(_sums(made, of_test_tenants=False)),
            "difference_of_test_tenants": MetadataValue.json(_sums(made, of_test_tenants=True)),
        }
    )


@asset(
    key=AssetKey(["governance", "staged_rates"]),
    deps=[SIMULATED_RATES],
    pool=BOOKS,
    group_name="governance",
    kinds={"postgres"},
    owners=["team:finance"],
)
def staged_rates(config: DecisionConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """A version of a rate card whose simulation a named person looked at; only exactly these prices can be promoted."""
    with clear_failures():
        number = config.record(platform, "staged")
    return MaterializeResult(metadata={"decision_no": number})


def _ask(platform: Platform, kind: str, month: date, as_of: datetime | None, candidate: Candidate | None = None) -> int:
    with platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.refuse_unapplied(session)
        if candidate is not None:
            rate_releases.refuse_unknown(session, candidate)
        return closing.request(session, kind, month, as_of, candidate)


def _rate(platform: Platform, dbt: Dbt) -> None:
    with turn(platform.settings):
        dbt.rate()


def _printable(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


def _sums(made: rate_releases.Simulation, *, of_test_tenants: bool) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in made.total(of_test_tenants=of_test_tenants).items()}
