"""Histories as tenants of one platform: delivered in rounds, with crashes and closes in between, then compared."""

from __future__ import annotations

import random
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestration.errors import BadInputError
from tests.property.files import WRITERS
from tests.property.histories import EXACT_TWINS, METRICS, ROUNDS, TWINS, UNIT, History, Place
from tests.property.oracle import answer
from tests.support import Message, Pipeline

# The tables of a load, at one of which the run of a round dies.
CRASH_SITES = (
    "store.session_evidence", "store.series", "store.slim_events", "store.repeats", "store.event_restatements",
    "store.usage_hours", "store.usage_days", "ledger.marks",
)  # fmt: skip
FAIL = """
do $one$ begin
    create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
    create trigger fail before insert on {table} for each statement execute function public.fail();
end $one$
"""
MEND = "drop function public.fail() cascade"
CRASH_ROUND = 1
# Months closed after a round, as of an instant between two boundaries; the twins have not received the same by then.
CLOSES = {1: [("2019-03", "2019-04-02T12:00:00Z")]}
LAST_CLOSES = [(month, "2019-06-01") for month in ("2019-02", "2019-03", "2019-04")]

EVENTS = """
select event.tenant_id, event.device_id, event.metric, event.seq_epoch, event.msg_seq, event.quantity,
    event.event_at, event.received_at, event.device_ts, event.session_id, event.timestamp_source,
    event.clock_offset_seconds, event.is_skew_candidate, event.disposition::text, period.period_start_date
from metering.int_named_events as event left join store.periods as period using (period_no)
"""
REASONS = "select tenant_id, reason, count(*) from finance.quarantined_messages group by 1, 2"
# Everything that finance can see of a tenant; the first column names it, and no other.
NET = {
    "events": EVENTS,
    "periods": """
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, quantity, event_count, first_event_at,
            last_event_at, skew_candidate_count
        from finance.device_usage
    """,
    "fleet": "select tenant_id, split_part(period_id, ':', 2), metric, quantity from finance.fleet_usage",
    "late events": """
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, quantity, event_at, received_at,
            lateness_hours, decision, split_part(billed_period_id, ':', 2)
        from finance.late_events
    """,
    "invoices": """
        select tenant_id, split_part(period_id, ':', 2), subtotal_amount, tax_amount, total_amount
        from finance.invoices where status = 'issued'
    """,
    "lines": """
        select invoice.tenant_id, split_part(invoice.period_id, ':', 2), line.line_number, line.line_type, line.metric,
            line.tier_number, line.quantity, line.unit_price, line.amount
        from finance.invoices as invoice inner join finance.invoice_lines as line using (invoice_id, invoice_version)
        where invoice.status = 'issued'
    """,
    "reasons": "select distinct tenant_id, reason, detail from finance.quarantined_messages",
} | {
    table: f"""
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, bucket_start_at, quantity, event_count
        from finance.{table}
    """
    for table in ("usage_minutely", "usage_hourly", "usage_daily")
}
# What counts deliveries, and so differs where some were made twice.
COUNTS = {
    "refusals": "select tenant_id, reason, detail, count(*) from finance.quarantined_messages group by 1, 2, 3",
    "duplicates": "select tenant_id, hour_start_at, message_count, duplicate_count from finance.duplicate_rates",
}

Numbered = Mapping[int, History]


def name_of(number: int, twin: str) -> str:
    """The tenant that is this twin of a history."""
    return f"history-{number}-{twin}"


def play(platform: Pipeline, histories: Numbered, seed: int) -> dict[int, list[str]]:
    """Deliver all histories in rounds; returns what was found wrong with which of them.

    Raises AssertionError for what is wrong with the platform as a whole.
    """
    configure(platform, histories)
    chance = random.Random(seed)
    for turn in range(ROUNDS):
        land(platform, histories, turn)
        if turn == CRASH_ROUND:
            die(platform, chance.choice(CRASH_SITES))
        platform.process()
        close(platform, CLOSES.get(turn, []))
    close(platform, LAST_CLOSES)
    assert_whole(platform, histories)
    wrong: dict[int, list[str]] = defaultdict(list)
    prove(platform, wrong)
    compare_twins(platform, histories, wrong)
    compare_with_oracle(platform, histories, wrong)
    return dict(wrong)


def configure(platform: Pipeline, histories: Numbered) -> None:
    """A tenant for every twin, and a price for each metric but `level`."""
    for metric, aggregation in METRICS.items():
        if metric != "energy":
            platform.configuration.metric(metric, unit=UNIT, aggregation=aggregation)
        if metric not in ("energy", "level"):
            platform.configuration.rate_card("euro-per-kwh", (None, "0.37"), metric=metric)
    for number, history in histories.items():
        for twin in TWINS:
            platform.tenant(name_of(number, twin), "m-1", "m-2", **history.contract)


def land(platform: Pipeline, histories: Numbered, turn: int) -> None:
    """Write the files of this round. What comes again in a later one has the same bytes and another name."""
    contents: dict[Place, list[Message]] = defaultdict(list)
    for number, history in histories.items():
        for twin, deliveries in history.deliveries.items():
            for row, place in deliveries:
                contents[place].append(history.arrivals[row] | {"tenant_id": name_of(number, twin)})
    for place, rows in contents.items():
        if turn in place.rounds:
            name = f"{place.number}-{'-'.join(map(str, place.rounds))}"
            # A field that nobody declared makes two files of the same rows two files, also in the folders of two days.
            named = [row | {"file": f"{place.folder_day}/{name}"} for row in rows]
            file_format, write = list(WRITERS.items())[hash_of(place) % len(WRITERS)]
            platform.land_bytes(f"{name}.{turn}.{file_format}", write(named), place.folder_day)


def hash_of(place: Place) -> int:
    """A number that spreads files over formats, the same in every process."""
    return zlib.crc32(repr(place).encode())


def die(platform: Pipeline, table: str) -> None:
    """A run that fails where it writes that table, if it has anything to write there."""
    platform.execute(FAIL.format(table=table))
    with pytest.raises(AssertionError, match="stopped by the test"):
        platform.process()
    platform.execute(MEND)


def close(platform: Pipeline, months: list[tuple[str, str]]) -> None:
    """Close months for all tenants that have a period due in them."""
    for month, as_of in months:
        try:
            platform.close(month, as_of)
        except BadInputError:
            continue
        assert platform.held == {}, "a gate's hold is an answer of its own; histories stay below the gates' limits"


def assert_whole(platform: Pipeline, histories: Numbered) -> None:
    """Every message is accounted for, and all sums agree with their events."""
    delivered = sum(len(rows) for history in histories.values() for rows in history.deliveries.values())
    balance = "sum(stored_count + duplicate_count + quarantined_count + late_not_billed_count)::bigint"
    accounted = f"select sum(message_count)::bigint, {balance} from governance.load_balance"
    assert platform.rows(accounted) == [(delivered, delivered)]
    platform.audit()


def prove(platform: Pipeline, wrong: dict[int, list[str]]) -> None:
    """Every proof of `meterline verify` holds; a problem names the tenant, and so the history, that it is about."""
    for name, problems in platform.prove().items():
        for problem in problems:
            named = re.search(r"history-(\d+)-", problem)
            assert named, (name, problem)
            wrong[int(named[1])].append(f"{name}: {problem}")


def compare_twins(platform: Pipeline, histories: Numbered, wrong: dict[int, list[str]]) -> None:
    """Twins are equal in everything; the one with repeats in everything but the count of deliveries."""
    for queries, others in ((NET, TWINS[1:]), (COUNTS, EXACT_TWINS[1:])):
        for what, query in queries.items():
            net = by_tenant(platform, query)
            for number in histories:
                expected = net[name_of(number, TWINS[0])]
                for twin in others:
                    found = net[name_of(number, twin)]
                    if found != expected:
                        wrong[number].append(f"{what} of left and {twin}: {difference(expected, found)}")


def compare_with_oracle(platform: Pipeline, histories: Numbered, wrong: dict[int, list[str]]) -> None:
    """The first twin has the events and refusals that the rules say."""
    events, refusals = by_tenant(platform, EVENTS), by_tenant(platform, REASONS)
    for number, history in histories.items():
        tenant = name_of(number, TWINS[0])
        expected = answer(history.contract, history.arrivals)
        for what, rules, found in (
            ("events", sorted(map(shown, expected.events)), events[tenant]),
            ("reasons", sorted(map(shown, expected.refusals.items())), refusals[tenant]),
        ):
            if found != rules:
                wrong[number].append(f"{what} by the rules and left: {difference(rules, found)}")


def by_tenant(platform: Pipeline, query: str) -> dict[str, list[str]]:
    """Rows of a query by their first column, sorted."""
    net: dict[str, list[str]] = defaultdict(list)
    for tenant, *row in platform.rows(query):
        net[tenant].append(shown(row))
    return defaultdict(list, {tenant: sorted(rows) for tenant, rows in net.items()})


def shown(row: Iterable[object]) -> str:
    """Values as text, decimals without trailing zeros, instants in UTC."""
    return " ".join(map(_shown_value, row))


def _shown_value(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def difference(expected: list[str], found: list[str]) -> str:
    """What one has and the other has not."""
    missing = [f"\n    - {row}" for row in expected if row not in found]
    added = [f"\n    + {row}" for row in found if row not in expected]
    return "".join([*missing, *added]) or "the same rows, another number of times"


def shrunk(new_platform: Callable[[], Pipeline], history: History, seed: int) -> tuple[History, list[str]] | None:
    """The history alone, and as long as one with an arrival less still fails, that one; None where it does not fail.

    All candidates of a step are tenants of one run, so that a step costs one run.
    """
    failing = play(new_platform(), {0: history}, seed)
    if not failing:
        return None
    while True:
        candidates = {index: history.without(index) for index in range(len(history.arrivals))}
        still = play(new_platform(), candidates, seed) if len(candidates) > 1 else {}
        if not still:
            return history, failing.popitem()[1]
        number, problems = next(iter(still.items()))
        history, failing = candidates[number], {number: problems}
