"""The scores gate: may a score be published?"""

from __future__ import annotations

from expectations.gate import Gate, Rule, at_least, at_most, between, matches

TRAIN_AGAIN = "look at the model's card and run `meterline train` with fresh data; the score stays unpublished"
SCORE_AGAIN = "run `meterline score` again; if it stays, the scoring code is wrong"
SHA256 = "^[0-9a-f]{64}$"

SCORES = Gate(
    name="scores",
    title="Scores",
    subject="score_id",
    rules=(
        Rule(
            "values_are_known",
            at_most("missing_value_count", 0),
            "{missing_value_count} of the values that {model_name} owes are missing or not a number",
            TRAIN_AGAIN,
            is_overridable=False,
        ),
        Rule("score_is_in_range", between("score", 0, 1), "score {score} is not between 0 and 1", TRAIN_AGAIN, False),
        Rule(
            "threshold_is_in_range",
            between("threshold", 0, 1),
            "threshold {threshold} is not between 0 and 1",
            TRAIN_AGAIN,
            is_overridable=False,
        ),
        Rule(
            "interval_is_ordered",
            at_most("interval_disorder", 0),
            "{predicted_quantity} does not lie between {lower_quantity} and {upper_quantity}",
            TRAIN_AGAIN,
            is_overridable=False,
        ),
        Rule(
            "use_does_not_shrink",
            at_least("least_further_use", 0),
            "the interval begins {least_further_use} below the use so far, though the device never fed back",
            TRAIN_AGAIN,
        ),
        Rule(
            "events_are_named",
            at_least("event_count", 1),
            "{event_count} events stand behind it",
            SCORE_AGAIN,
            is_overridable=False,
        ),
        Rule(
            "event_range_runs_forward",
            at_least("event_range_seconds", 0),
            "its last event is {event_range_seconds} s after its first",
            SCORE_AGAIN,
            is_overridable=False,
        ),
        Rule(
            "artifact_digest_is_whole",
            matches("artifact_sha256", SHA256),
            "artifact digest {artifact_sha256!r} is no SHA-256",
            SCORE_AGAIN,
            is_overridable=False,
        ),
        Rule(
            "snapshot_digest_is_whole",
            matches("snapshot_sha256", SHA256),
            "snapshot digest {snapshot_sha256!r} is no SHA-256",
            SCORE_AGAIN,
            is_overridable=False,
        ),
    ),
)
