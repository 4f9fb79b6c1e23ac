"""`meterline rates`: prices as code, tried before they are in force, promoted and rolled back by named persons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.preparing import prepared

rates = typer.Typer(
    no_args_is_help=True,
    help="""Prices: checked, tried on real use, promoted, rolled back; and whether they agree with other systems.

A version of a card with `release` = staged prices nothing before it was promoted. The way of one: `rates check`,
`rates stage`, then, by another person, `rates promote` for a cohort and for all; `rates rollback` takes it back.""",
)

Card = Annotated[str, typer.Argument(metavar="CARD", help="rate_card_id, as in rate_cards.csv.")]
Version = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="rate_card_version, as in rate_cards.csv.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")]
Top = Annotated[int, typer.Option(min=1, help="Tenants to show of those who pay more, and of those who pay less.")]


@rates.command("verify")
def verify_rates(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON: a list of facts with id, model, params and use.")],
) -> None:
    """Rate all facts of a file in SQL, in one run, and print each with what its source says.

    Ends with how many hold; exit code 1 when one does not, or asks for what is not supported.

    Example: `meterline rates verify facts.json`
    """
    from orchestration import rate_verbs

    prepared()
    rate_verbs.verify(str(Path(file).expanduser().resolve()))


@rates.command("check")
def check_rates(
    folder: Annotated[str, typer.Argument(metavar="[FOLDER]", help="Default: METERLINE_CONFIG.")] = "",
) -> None:
    """Check a configuration folder without loading it: what is wrong with it, by file, row and remedy.

    All that a load checks, also against what was billed and promoted before. Exit code 2 when something is wrong.

    Example: `meterline rates check config/`
    """
    from orchestration import rate_verbs

    prepared()
    rate_verbs.check(str(Path(folder).expanduser().resolve()) if folder else "")


@rates.command("diff")
def diff_rates(
    card: Card,
    version: Version,
    against: Annotated[int | None, typer.Option(min=1, metavar="VERSION", help="Default: what is in force.")] = None,
    top: Top = 10,
    as_json: Annotated[bool, typer.Option("--json", help="All tenants, as JSON.")] = False,
) -> None:
    """Who would pay how much more or less: the last closed period of every tenant on the card under both versions.

    Test tenants (contracts of the cohort `test`) come first and apart. Then the bounds at which the candidate's price
    jumps, or one unit more costs less. Nothing is billed or changed.

    Example: `meterline rates diff basic 2`
    """
    from orchestration import rate_verbs

    prepared()
    rate_verbs.diff(card, version, against or 0, top, as_json=as_json)


@rates.command("stage")
def stage_rates(card: Card, version: Version, by: By, reason: Reason, top: Top = 10) -> None:
    """Simulate a version and record that you looked at it: only exactly these prices can then be promoted.

    Example: `meterline rates stage basic 2 --by "Ada Lovelace" --reason "new grid fees"`
    """
    from orchestration import rate_verbs

    prepared()
    rate_verbs.stage(card, version, by, reason, top)


@rates.command("promote")
def promote_rates(  # noqa: PLR0913, PLR0917 - an option each
    card: Card,
    version: Version,
    by: By,
    reason: Reason,
    cohort: Annotated[str, typer.Option(metavar="NAME", help="For contracts of this cohort (contracts.csv).")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="For every contract on the card.")] = False,
) -> None:
    """Let a staged version price the periods that are not closed yet, for a cohort or for all.

    By another person than the one who staged it. Periods that begin before its effective_from_date are left alone.

    Example: `meterline rates promote basic 2 --cohort pilot --by "Grace Hopper" --reason "agreed with the pilots"`
    """
    from orchestration import rate_verbs
    from orchestration.errors import BadInputError

    if bool(cohort.strip()) == everybody:
        raise BadInputError("say for whom: give --cohort NAME, or --all")
    prepared()
    rate_verbs.promote(
        {"rate_card_id": card, "rate_card_version": version, "by": by, "reason": reason, "cohort": cohort.strip()}
    )


@rates.command("rollback")
def roll_back_rates(card: Card, version: Version, by: By, reason: Reason) -> None:
    """Take a version back for everybody: the one before prices again all that is not closed yet.

    What is closed stays as billed.

    Example: `meterline rates rollback basic 2 --by "Grace Hopper" --reason "wrong fee"`
    """
    from orchestration import rate_verbs

    prepared()
    rate_verbs.roll_back({"rate_card_id": card, "rate_card_version": version, "by": by, "reason": reason})
