"""The command as a user types it, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Pipeline, message

METERLINE = str(Path(sys.executable).with_name("meterline"))
VERBS = (
    "demo", "process", "close", "gates", "trace", "reconcile", "explain", "verify", "train", "score", "docs", "up",
    "down", "env", "bench", "edit", "rates", "preview", "invoices", "proposals", "doctor", "follow",
    "retention", "reindex",
)  # fmt: skip

ADA = ("--by", "Ada", "--reason", "checked")


def shell(variables: dict[str, str]) -> dict[str, str]:
    """These variables beside what the shell has, less the platform's own."""
    ours = ("METERLINE_", "PG", "DAGSTER")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def meterline(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables."""
    return subprocess.run(
        [METERLINE, *arguments], check=False, capture_output=True, text=True, env=shell(variables), timeout=1_800
    )


def refused(finished: subprocess.CompletedProcess[str]) -> str:
    """Standard error of a command that was refused for what it was given: no traceback, exit code 2."""
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr


def test_help_teaches():
    text = meterline("--help").stdout
    assert [verb for verb in VERBS if verb not in text] == []
    assert "Exit codes" in text
    assert "METERLINE_LANDING" in text


@pytest.mark.parametrize("verb", ["process", "close", "trace", "doctor", "reindex"])
def test_help_of_a_verb_shows_an_example(verb):
    finished = meterline(verb, "--help")
    assert finished.returncode == 0
    assert f"meterline {verb}" in finished.stdout


@pytest.fixture
def platform(pipeline: Pipeline, tmp_path: Path) -> dict[str, str]:
    """Variables of a platform whose folders lie somewhere on disk: 10 and 20 kWh of February at 1.50, 5 of March."""
    pipeline.tenant("acme", "m-1", rate_card_id="card", tax_percent=10, invoice_approval="manual")
    pipeline.configuration.rate_card("card", (None, "1.50"), rate_card_version=1)
    pipeline.configuration.rate_card("card", (None, "1.60"), rate_card_version=2, release="staged")
    pipeline.configuration.write(tmp_path / "my config")
    pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-27T12:00"),
        message("acme", "m-1", 2, 20, "2019-02-28T12:00"),
        message("acme", "m-1", 3, 5, "2019-03-05T12:00"),
        message("acme", "m-1", 4, "ten", "2019-03-05T13:00"),
    )
    return pipeline.environment() | {
        "METERLINE_HOME": str(tmp_path / "home"),
        "METERLINE_CONFIG": str(tmp_path / "my config"),
        "METERLINE_LANDING": str(pipeline.settings.landing),
    }


def said(*arguments: str, **variables: str) -> str:
    """Standard output of a command that does what it is asked for, in words with one space between them."""
    finished = meterline(*arguments, **variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return " ".join(finished.stdout.split())


def change_a_price(platform: dict[str, str]) -> None:
    """The way of a version, as the README has it: 1.60 instead of 1.50, first for a cohort that nobody is in."""
    grace = ("--by", "Grace", "--reason", "agreed")
    folder = platform["METERLINE_CONFIG"]
    assert "my config: nothing is wrong; nothing was loaded" in said("rates", "check", folder, **platform)
    # February: 30 x 1.50 = 45.00 and 30 x 1.60 = 48.00, with 10 % tax.
    would_be = said("rates", "diff", "card", "2", **platform)
    assert "acme acme:2019-02-01 49.50 52.80 3.30 6.67" in would_be
    assert "1 tenant(s), together 3.30 EUR" in would_be
    staged = said("rates", "stage", "card", "2", *ADA, **platform)
    assert "acme acme:2019-02-01 49.50 52.80 3.30 6.67" in staged
    assert "Ada staged version 2 of card; another person may promote exactly these prices" in staged
    promoted = said("rates", "promote", "card", "2", "--cohort", "pilot", *grace, **platform)
    assert "Grace promoted version 2 of card for cohort pilot: it prices what is not closed yet" in promoted
    promoted = said("rates", "promote", "card", "2", "--all", *grace, **platform)
    assert "Grace promoted version 2 of card for all: it prices what is not closed yet" in promoted
    # 5 x 1.60 of March, and 10 % tax.
    assert "8.80" in said("preview", **platform)
    taken_back = said("rates", "rollback", "card", "2", *grace, **platform)
    assert "Grace took version 2 of card back: the version before prices what is not closed yet" in taken_back


# Thirty commands, each with what it takes to start.
@pytest.mark.timeout(1800)
def test_folders_somewhere_become_invoices_that_are_proven(pipeline: Pipeline, platform: dict[str, str]) -> None:
    # The command finds a database that nobody has deployed to.
    pipeline.execute("delete from ledger.deployments")
    processed = meterline("process", **platform)
    assert processed.returncode == 0, processed.stderr
    # One file a day: 27 and 28 February, 5 March.
    assert "3 new files, 4 messages" in processed.stdout
    # As a run leaves it that dies between metering and the gate that judges what was metered.
    pipeline.execute("update ledger.loads set events_judged_at = null")
    again = meterline("process", **platform)
    assert again.returncode == 0, again.stderr
    assert "nothing was new" in again.stdout

    # (10 + 20) x 1.50 = 45.00, and 10 % tax.
    closed = meterline("close", "--period", "2019-02", **platform)
    assert closed.returncode == 0, closed.stderr
    assert "1 invoice version(s) made" in closed.stdout
    assert "1 of them wait for a person: `meterline invoices approve --period 2019-02`" in closed.stdout
    assert "say which invoices to approve: name them, or give --period" in refused(
        meterline("invoices", "approve", *ADA)
    )
    assert "gated becomes approved" in meterline("invoices", "approve", "--period", "2019-02", *ADA, **platform).stdout
    issued = meterline("invoices", "issue", "INV-acme-2019-02-01", *ADA, **platform)
    assert "version 1: approved becomes issued, number default-INV-000001" in issued.stdout
    traced = meterline("trace", "INV-acme-2019-02-01", "--line", "1", **platform)
    assert "number default-INV-000001; draft by close 1 at" in traced.stdout
    assert "subtotal 45.00 + tax 4.50 = 49.50 EUR" in traced.stdout
    assert "date=2019-02-27/" in traced.stdout

    nothing_new = meterline("process", **platform)
    assert nothing_new.returncode == 0, nothing_new.stderr
    assert "nothing was new" in nothing_new.stdout
    closed_before = meterline("close", "--period", "2019-02", **platform)
    assert closed_before.returncode == 0
    assert "no invoice was made" in closed_before.stdout
    not_due = refused(meterline("close", "--period", "2019-03", **platform))
    assert "acme:2019-03-01 is not due" in not_due
    assert "may close from 2019-04-04T00:00:00Z" in not_due
    # The job of an explanation runs and finds no invoice of January.
    explained = meterline("explain", "INV-acme-2019-02-01", **platform)
    assert explained.returncode == 0, explained.stderr
    assert "30 measured; tier 1 (units) prices 30; 30 x 1.50 = 45.00" in explained.stdout
    assert "no invoice of the period before" in explained.stdout

    # 5 x 1.50 so far, and 10 % tax.
    coming = meterline("preview", **platform)
    assert coming.returncode == 0, coming.stderr
    assert "INV-acme-2019-03-01" in coming.stdout
    assert "8.25" in coming.stdout

    change_a_price(platform)

    verified = meterline("verify", **platform)
    assert verified.returncode == 0, verified.stderr
    assert "holds: invoices_are_reproducible" in verified.stdout
    assert "no invoice 'INV-nobody'" in refused(meterline("trace", "INV-nobody", **platform))

    built = meterline("docs", "--no-serve", **platform)
    assert built.returncode == 0, built.stderr
    front = Path(platform["METERLINE_HOME"]) / "docs" / "index.html"
    assert f"documentation: {front}" in built.stdout
    assert "49.50" in front.read_text()


def test_facts_of_other_systems_are_verified(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    per_unit = {"model": "per_unit", "params": {"unit_price": "0.0125"}, "rounding": {"mode": "none"}}
    facts = [
        per_unit | {"id": "a hundred", "quantity": "100", "expected_amount": "1.25"},
        per_unit | {"id": "eight", "quantity": "8", "expected_amount": "0.1"},
    ]
    file.write_text(json.dumps(facts))
    assert said("rates", "verify", str(file), **pipeline.environment()).endswith("2 of 2 facts hold")

    facts[1]["expected_amount"] = "0.2"
    file.write_text(json.dumps(facts))
    finished = meterline("rates", "verify", str(file), **pipeline.environment())
    assert finished.returncode == 1, finished.stderr
    words = " ".join(finished.stdout.split())
    assert "a hundred per_unit 1.25 1.25 eight per_unit 0.2 0.1 differs" in words
    assert "1 of 2 facts hold" in words
    assert "check rating_facts: 1 facts do not hold" in finished.stderr


def test_what_is_given_wrong_is_said_in_one_line(platform: dict[str, str], tmp_path: Path) -> None:
    assert "'2019-2x' is not a month" in refused(meterline("close", "--period", "2019-2x", **platform))
    assert "'x' is not a day" in refused(meterline("process", "--from", "x", **platform))
    backwards = meterline("process", "--from", "2019-03-02", "--to", "2019-03-01", **platform)
    assert "--from 2019-03-02 lies after --to 2019-03-01" in refused(backwards)

    nowhere = platform | {"METERLINE_CONFIG": str(tmp_path / "nowhere")}
    assert "no such configuration folder" in refused(meterline("process", **nowhere))
    unreachable = platform | {"METERLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert "cannot connect to METERLINE_DATABASE_URL" in refused(meterline("verify", **unreachable))
    empty = platform | {"METERLINE_LANDING": str(tmp_path / "empty")}
    assert "no landing files" in refused(meterline("process", **empty))

    assert "has no version 7 in rate_cards.csv; it has 1, 2" in refused(
        meterline("rates", "diff", "card", "7", **platform)
    )
    contracts = tmp_path / "my config" / "contracts.csv"
    contracts.write_text(contracts.read_text().replace("UTC", "Atlantis/Capital"))
    problem = refused(meterline("process", **platform))
    assert "contracts.csv line 2, column time_zone" in problem
    assert refused(meterline("rates", "check", **platform)) == problem
    for_whom = ("rates", "promote", "card", "1", "--by", "Ada", "--reason", "agreed")
    assert "give --cohort NAME, or --all" in refused(meterline(*for_whom, **platform))
