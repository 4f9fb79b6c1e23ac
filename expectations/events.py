"""The event store gate: may a tenant's deliveries of a day be billed? It holds the periods that they belong to."""

from expectations.gate import Gate, Rule, at_most

# More than half of the messages refused, or dated by somebody else's clock, is no longer an odd device.
REFUSED_RATIO = 0.5
UNTRUSTED_RATIO = 0.5
# No clock that may be trusted is a day ahead; a device type that allows it is configured wrongly.
AHEAD_SECONDS = 86_400
# One of at least a hundred messages with nearly all the use of the day is a glitch until somebody says it is not.
LARGEST_EVENT_RATIO = 0.95

GATE = Gate(
    name="events",
    title="Event store",
    subject="tenant_day",
    rules=(
        Rule(
            name="messages_are_accepted",
            expectation=at_most("refused_ratio", REFUSED_RATIO),
            problem=f"{{refused_ratio}} of {{message_count}} messages were refused (at most {REFUSED_RATIO} expected)",
            remedy="look at their reasons in finance.quarantined_messages and mend the configuration, or override",
        ),
        Rule(
            name="clocks_are_trusted",
            expectation=at_most("untrusted_ratio", UNTRUSTED_RATIO),
            problem="{untrusted_ratio} of {event_count} events have a clock that is not trusted "
            f"(at most {UNTRUSTED_RATIO} expected)",
            remedy="compare device_ts and received_at (is the broker's clock right?), or override",
        ),
        Rule(
            name="events_precede_their_receipt",
            expectation=at_most("greatest_ahead_seconds", AHEAD_SECONDS),
            problem="an event is dated {greatest_ahead_seconds} s after it was received "
            f"(at most {AHEAD_SECONDS} expected)",
            remedy="lower max_clock_skew_seconds of its device type in device_types.csv, or override",
        ),
        Rule(
            name="no_event_dominates",
            expectation=at_most("largest_event_ratio", LARGEST_EVENT_RATIO),
            problem="one event has {largest_event_ratio} of a metric's use of the day "
            f"(at most {LARGEST_EVENT_RATIO} expected)",
            remedy="look for it in finance.billing_events; have the reading corrected, or override",
        ),
    ),
)
