"""The invoice gate: may an invoice be published? It holds the invoice and no other; see dbt's model gate_invoices."""

from __future__ import annotations

from expectations.gate import Gate, Rule, at_least, at_most, between, is_present, matches

# A price with a slipped decimal point makes ten times as much, or a tenth.
GREATEST_PERIOD_RATIO = 10
LEAST_PERIOD_RATIO = 0.1
# An amendment corrects; one that changes a total by more than half says that something else is wrong.
GREATEST_AMENDMENT_RATIO = 1.5
LEAST_AMENDMENT_RATIO = 0.5


GATE = Gate(
    name="invoices",
    title="Invoices before publication",
    subject="invoice",
    rules=(
        Rule(
            name="total_is_known",
            expectation=is_present("total_amount"),
            problem="the total could not be computed",
            remedy="look for an empty amount in billing.int_charge_lines; this is an error of the platform",
            is_overridable=False,
        ),
        Rule(
            name="invoice_can_be_reproduced",
            expectation=matches("input_hash", "^[0-9a-f]{64}$"),
            problem="the digest of its inputs is missing, so that nobody could prove it later",
            remedy="look at billing.int_input_hashes; this is an error of the platform",
            is_overridable=False,
        ),
        Rule(
            name="lines_name_their_price",
            expectation=at_most("unexplained_line_count", 0),
            problem="{unexplained_line_count} of {line_count} lines do not name card, tier and price",
            remedy="look at billing.int_charge_lines; this is an error of the platform",
            is_overridable=False,
        ),
        Rule(
            name="total_is_not_negative",
            expectation=at_least("total_amount", 0),
            problem="the total is {total_amount} {currency_code}",
            remedy="look for credits above the charges (hours offline, approved proposals); override if it is owed",
        ),
        Rule(
            name="total_did_not_explode",
            expectation=at_most("period_ratio", GREATEST_PERIOD_RATIO),
            problem="{total_amount} {currency_code} is, per day, {period_ratio} times the period before "
            f"({{previous_amount}}; at most {GREATEST_PERIOD_RATIO} times expected)",
            remedy="compare the rate card's versions (a slipped decimal point?); correct the price, or override",
        ),
        Rule(
            name="total_did_not_collapse",
            expectation=at_least("period_ratio", LEAST_PERIOD_RATIO),
            problem="{total_amount} {currency_code} is, per day, {period_ratio} of the period before "
            f"({{previous_amount}}; at least {LEAST_PERIOD_RATIO} expected)",
            remedy="compare the rate card's versions (a slipped decimal point?); correct the price, or override",
        ),
        Rule(
            name="amendment_is_a_correction",
            expectation=between("amendment_ratio", LEAST_AMENDMENT_RATIO, GREATEST_AMENDMENT_RATIO),
            problem="{total_amount} {currency_code} would replace {issued_amount}, which is a multiple of "
            f"{{amendment_ratio}} ({LEAST_AMENDMENT_RATIO} to {GREATEST_AMENDMENT_RATIO} expected)",
            remedy="find out what changed since the close with `meterline trace`; correct it, or override",
        ),
    ),
)
