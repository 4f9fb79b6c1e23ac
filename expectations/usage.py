"""The usage gate: may a tenant period be closed? It holds the period and no other; see dbt's model gate_usage."""

from __future__ import annotations

from expectations.gate import Gate, Rule, at_least, at_most, is_false

# Half of a fleet does not fall silent, and use does not grow tenfold, without somebody knowing why.
LEAST_DEVICE_RATIO = 0.5
LEAST_USE_RATIO = 0.1
GREATEST_USE_RATIO = 10
# One of ten or more devices with nearly all the use is a glitch until somebody says that it is not.
LARGEST_DEVICE_RATIO = 0.95
# An invoice that is mostly estimated is a guess, and a person answers for it.
GREATEST_ESTIMATED_RATIO = 0.5
# A fleet whose devices say how often they report has a quarter of its hours missing only when something is wrong.
GREATEST_SILENT_RATIO = 0.25


GATE = Gate(
    name="usage",
    title="Usage before the close",
    subject="period_id",
    rules=(
        Rule(
            name="contract_is_configured",
            expectation=is_false("is_without_terms"),
            problem="contract {contract_id} or its tenant is not configured, but the period has use",
            remedy="put the contract back into contracts.csv, with an end if it ended",
            is_overridable=False,
        ),
        Rule(
            name="price_is_in_force",
            expectation=is_false("is_without_price"),
            problem="no version of rate card {rate_card_id} is in force on the first day of the period",
            remedy="add a version with an earlier effective_from_date to rate_cards.csv",
            is_overridable=False,
        ),
        Rule(
            name="prices_are_in_the_invoice_currency",
            expectation=at_most("foreign_price_count", 0),
            problem="{foreign_price_count} price(s) of rate card {rate_card_id} are not in {currency_code}",
            remedy="give the contract a rate card in the tenant's currency",
            is_overridable=False,
        ),
        Rule(
            name="metrics_are_configured",
            expectation=at_most("unmeasured_count", 0),
            problem="{unmeasured_count} device(s) have use of a metric that is not configured",
            remedy="put the metric back into metrics.csv",
            is_overridable=False,
        ),
        Rule(
            name="no_instant_is_billed_twice",
            expectation=at_most("overlap_count", 0),
            problem="{overlap_count} other period(s) of the tenant, due or closed, share an instant with this one",
            remedy="correct starts_at, ends_at or billing_cycle of the tenant's contracts",
            is_overridable=False,
        ),
        Rule(
            name="events_are_cleared",
            expectation=at_most("held_event_count", 0),
            problem="{held_event_count} finding(s) of the event store gate stand about this period",
            remedy="see `meterline gates show events` and decide there",
            is_overridable=False,
        ),
        Rule(
            name="devices_still_report",
            expectation=at_least("least_device_ratio", LEAST_DEVICE_RATIO),
            problem="only {least_device_ratio} of the devices of the period before reported (at least "
            f"{LEAST_DEVICE_RATIO} expected)",
            remedy="find out why the devices are silent; wait for their backlog, or override",
        ),
        Rule(
            name="devices_keep_their_cadence",
            expectation=at_most("silent_ratio", GREATEST_SILENT_RATIO),
            problem="{silent_device_count} device(s) were silent, {silent_ratio} of the expected hours (at most "
            f"{GREATEST_SILENT_RATIO} expected)",
            remedy="see finance.device_silence and finance.device_state; wait for their backlog, or override",
        ),
        Rule(
            name="use_did_not_collapse",
            expectation=at_least("least_use_ratio", LEAST_USE_RATIO),
            problem=f"use per day is {{least_use_ratio}} of the period before (at least {LEAST_USE_RATIO} expected)",
            remedy="look for missing files or devices; process them, or override",
        ),
        Rule(
            name="use_did_not_explode",
            expectation=at_most("greatest_use_ratio", GREATEST_USE_RATIO),
            problem="use per day is {greatest_use_ratio} times that of the period before (at most "
            f"{GREATEST_USE_RATIO} expected)",
            remedy="look at the largest days in finance.usage_daily; have wrong readings corrected, or override",
        ),
        Rule(
            name="no_device_dominates",
            expectation=at_most("largest_device_ratio", LARGEST_DEVICE_RATIO),
            problem=f"one device has {{largest_device_ratio}} of the use (at most {LARGEST_DEVICE_RATIO} expected)",
            remedy="look at the device in finance.device_usage; have wrong readings corrected, or override",
        ),
        Rule(
            name="use_is_mostly_read",
            expectation=at_most("greatest_estimated_ratio", GREATEST_ESTIMATED_RATIO),
            problem="{greatest_estimated_ratio} of the use of a metric is estimated (at most "
            f"{GREATEST_ESTIMATED_RATIO} expected)",
            remedy="find out why the devices are silent (finance.estimated_usage); wait for their backlog, or override",
        ),
        Rule(
            name="credits_are_covered",
            expectation=at_most("overdrawn_count", 0),
            problem="of {overdrawn_count} metric(s) more was estimated before than was used since, and use below zero "
            "is charged as none",
            remedy="see the true-ups in finance.estimated_usage; credit the rest by hand, then override",
        ),
        Rule(
            name="exchanges_are_processed",
            expectation=at_most("unprocessed_exchange_count", 0),
            problem="{unprocessed_exchange_count} exchange(s) were declared or taken back and are not in the use yet",
            remedy="run `meterline process`, then close again",
            is_overridable=False,
        ),
        Rule(
            name="registers_are_told_apart",
            expectation=at_most("interleaved_count", 0),
            problem="{interleaved_count} register(s) carry the readings of two meters in turn and are set aside",
            remedy="see finance.register_reviews; have the devices re-paired and declare the exchange in "
            "register_exchanges.csv, or override to bill without them",
        ),
    ),
)
