"""What the command's verbs about models do: run the job, then tell the result. Nothing is computed here."""

from __future__ import annotations

import json
from typing import Any

from orchestration.console import say, table, working
from orchestration.errors import GateFailedError, MeterlineError
from orchestration.runner import run_job
from orchestration.settings import Settings
from orchestration.verbs import readable

MODELS = ("ml/anomaly_model", "ml/forecast_model")
HELD_SHOWN = 5


def train(settings: Settings, *, retrain: bool = False) -> int:
    """Train both models; returns how many new versions were made."""
    config = {"config": {"retrain": retrain}}
    with working("training models"):
        done = run_job("train_models", ops={name.replace("/", "__"): config for name in MODELS})
    taken = done["ml/usage_snapshot"]
    say(f"snapshot {taken['snapshot_sha256'][:12]}: {taken['dagster/row_count']:,} days of use to {taken['last_date']}")
    made = 0
    for name in MODELS:
        model = done[name]
        made += int(model["is_new"])
        words = "new, serves in shadow" if model["is_new"] else "nothing changed, no new version"
        say(f"{model['model_name']} version {model['model_version']}: {words}")
        for note in model["notes"]:
            say(f"  {note}")
    return made


def score(settings: Settings) -> int:
    """Score metered days and open periods; returns how many scores are new."""
    with working("scoring"):
        done = run_job("score_usage")["store/scores"]
    made = sum(int(count) for count in done["published"].values())
    if made == 0:
        say("nothing was new to score")
    for name, count in sorted(done["published"].items()):
        flagged = f", {done['flagged']} flagged" if name == "meterline-anomaly" else ""
        say(f"{name} version {done['versions'][name]}: {count:,} scores{flagged}")
    for finding in done["held"][:HELD_SHOWN]:
        say(finding)
    if done["held_count"]:
        say(f"{done['held_count']} score(s) are held by the scores gate; the others are published")
    if done["held_count"] and not made:
        raise GateFailedError("check score_gate: no score could be published")
    return made


def trace_score(settings: Settings, score_id: str, limit: int) -> None:
    """Show a score, its model, its snapshot and its events; raises MeterlineError when something does not match."""
    with working("tracing"):
        found = run_job("trace_score", ops={"trace_one_score": {"config": {"score_id": score_id, "limit": limit}}})
    shown = found["store/scores"]
    score_row = shown["score"][0]
    say(f"{score_row['score_id']} ({score_row['mode']}): {score_row['device_id']} {score_row['metric']} of "
        f"{score_row['tenant_id']}, {score_row['subject_date']}")  # fmt: skip
    _facts("Score", {name: value for name, value in score_row.items() if name not in ("score_id", "explanation")})
    _facts("Why", {name: _words(value) for name, value in json.loads(score_row["explanation"]).items()})
    _facts("Model", shown["model"][0])
    _facts("Feature snapshot", shown["snapshot"][0])
    _rows("Latest days of the subject in it", shown["snapshot_rows"])
    _rows("First events behind the score, with their landing file and row", shown["events"])
    for note in shown["notes"]:
        say(f"note: {note}")
    if shown["problems"]:
        raise MeterlineError("\n".join(f"does not match: {problem}" for problem in shown["problems"]))
    say("artifact, snapshot, alias and record agree")


def _facts(title: str, facts: dict[str, Any]) -> None:
    known = [(name, readable(str(value))) for name, value in facts.items() if value not in (None, "None")]
    table(title, ["what", "value"], known)


def _rows(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        table(title, list(rows[0]), [[readable(str(value)) for value in row.values()] for row in rows])


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(f"{r['feature']} {r['value']} (usual {r['usual']}, effect {r['effect']})" for r in value)
    return str(value)
