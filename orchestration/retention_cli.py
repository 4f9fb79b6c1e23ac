"""`meterline retention`: how long what is kept, months that leave the event store, holds and purges."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.errors import BadInputError
from orchestration.preparing import prepared

retention = typer.Typer(
    no_args_is_help=True,
    help="""How long what is kept: classes of contracts, the archive, holds and purges.

A closed month leaves the event store whole, into Parquet files whose digests are on record (METERLINE_ARCHIVE). What
its class (retention_classes.csv) keeps no longer is purged by one person's proposal and another's approval.""",
)

By = Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")]
Tenant = Annotated[str, typer.Option(metavar="ID", help="As in tenants.csv.")]
Since = Annotated[str, typer.Option("--from", metavar="TS", help="First instant, as 2019-02-01T00:00:00Z.")]
Until = Annotated[str, typer.Option("--to", metavar="TS", help="The instant before which it ends.")]


@retention.command()
def report(
    tenant: Annotated[str, typer.Option(metavar="ID", help="Only this tenant.")] = "",
    due: Annotated[bool, typer.Option("--due", help="Only what may be purged now.")] = False,
) -> None:
    """What is kept of whom, where, and until when.

    `blocked by` says what keeps it where it is although it could go: a month in the event store (open periods, late use
    that nobody has decided about, ...), the rest from a purge (a legal hold, an open period).

    Example: `meterline retention report --tenant acme`
    """
    from orchestration import retention_verbs

    retention_verbs.report(prepared(), tenant, only_due=due)


@retention.command()
def archive(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Month of measurement (UTC).")], by: By, reason: Reason
) -> None:
    """Take a month whose periods are closed out of the event store, into files of the archive.

    `trace` and `retention events` read them as they read the store. Killed, it has changed nothing: run it again.

    Example: `meterline retention archive --month 2019-02 --by "Ada Lovelace" --reason "a quarter is over"`
    """
    from orchestration import closing, retention_verbs

    closing.parse_month(month, "--month")
    prepared()
    retention_verbs.archive(month, by, reason)


@retention.command()
def events(  # noqa: PLR0913, PLR0917 - an option each
    tenant: Tenant,
    device: Annotated[str, typer.Option(metavar="ID", help="As in devices.csv.")],
    since: Since,
    until: Until,
    metric: Annotated[str, typer.Option(metavar="NAME", help="Only this metric.")] = "",
    csv: Annotated[str, typer.Option("--csv", metavar="FILE", help="Write all columns there.")] = "",
) -> None:
    """A device's events as delivered and as billed, from the store and the archive alike: for a dispute.

    Example: `meterline retention events --tenant acme --device m-1 --from 2019-02-01 --to 2019-03-01 --csv acme.csv`
    """
    from orchestration import retention_verbs
    from orchestration.closing import parse_instant
    from orchestration.retention.reading import Asked

    asked = Asked(tenant, device, parse_instant(since, "--from"), parse_instant(until, "--to"), metric or None)
    retention_verbs.events(prepared(), asked, csv)


@retention.command()
def hold(tenant: Tenant, by: By, reason: Reason, since: Since = "", until: Until = "") -> None:
    """Keep a tenant's data from every purge, until the hold is lifted.

    With --from and --to what was measured or received in that time. Deliveries of a day may tell of any time before it:
    --to frees none of them.

    Example: `meterline retention hold --tenant acme --from 2019-02-01 --by "Grace Hopper" --reason "case 4711"`
    """
    from orchestration import retention_verbs

    retention_verbs.hold(tenant, since, until, by, reason)


@retention.command()
def lift(
    number: Annotated[int, typer.Argument(metavar="HOLD", min=1, help="As `retention hold` printed it.")],
    by: By,
    reason: Reason,
) -> None:
    """End a hold.

    Example: `meterline retention lift 1 --by "Grace Hopper" --reason "case 4711 is closed"`
    """
    from orchestration import retention_verbs

    prepared()
    retention_verbs.lift(number, by, reason)


@retention.command()
def purge(  # noqa: PLR0913, PLR0917 - an option each
    by: By,
    reason: Reason,
    propose: Annotated[bool, typer.Option("--propose", help="List what is due, and propose to delete it.")] = False,
    approve: Annotated[str, typer.Option(metavar="ID", help="Approve a proposal of somebody else: it deletes.")] = "",
    reject: Annotated[str, typer.Option(metavar="ID", help="Reject a proposal.")] = "",
    withdraw: Annotated[str, typer.Option(metavar="ID", help="Stop one that is approved and not carried out.")] = "",
) -> None:
    """Delete what its class keeps no longer: proposed by one person, approved by another. Nothing brings it back.

    Killed while it deletes, it goes on where it was when it is approved again.

    Example: `meterline retention purge --propose --by "Ada Lovelace" --reason "yearly purge"`

    Example: `meterline retention purge --approve PRG-1 --by "Grace Hopper" --reason "no case is open"`
    """
    from orchestration import retention_verbs

    decisions = {"approved": approve, "rejected": reject, "withdrawn": withdraw}
    if sum(map(bool, (propose, *decisions.values()))) != 1:
        raise BadInputError("say what to do: --propose, --approve ID, --reject ID or --withdraw ID")
    prepared()
    if propose:
        retention_verbs.propose(by, reason)
    else:
        decision, purge_id = next(asked for asked in decisions.items() if asked[1])
        retention_verbs.decide(purge_id, decision, by, reason)
