"""The landing gate: may a file go on to metering? Bad rows are quarantined one by one; this is about whole files."""

from expectations.gate import Gate, Rule, are_equal, at_most

# A spreadsheet that somebody dropped into the landing zone, not a delivery with some bad messages.
NAMELESS_RATIO = 0.95

REPAIR = "the raw tables were changed after the file was copied; restore them from a backup"

GATE = Gate(
    name="landing",
    title="Landing batch",
    subject="load",
    rules=(
        Rule(
            name="every_record_is_there",
            expectation=are_equal("record_count", "row_count"),
            problem="{record_count} records in the file, {row_count} in the raw tables",
            remedy=REPAIR,
            is_overridable=False,
        ),
        Rule(
            name="no_record_is_there_twice",
            expectation=are_equal("row_count", "row_number_count"),
            problem="{row_count} rows in the raw tables carry {row_number_count} row numbers",
            remedy=REPAIR,
            is_overridable=False,
        ),
        Rule(
            name="file_holds_messages",
            expectation=at_most("nameless_ratio", NAMELESS_RATIO),
            problem="{nameless_ratio} of its {record_count} records name neither tenant nor device "
            f"(at most {NAMELESS_RATIO} expected)",
            remedy="remove the file if it is no telemetry; override to have its records quarantined one by one",
        ),
    ),
)
