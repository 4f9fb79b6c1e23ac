"""The `meterline` command: each verb prepares the database, runs a Dagster job in this process, says what it did."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import warnings
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration import garbage
from orchestration.errors import BadInputError, MeterlineError
from orchestration.invoice_cli import invoices, proposals
from orchestration.observability import lines
from orchestration.preparing import prepared as _prepared
from orchestration.rate_cli import rates
from orchestration.retention_cli import retention
from orchestration.settings import Settings

app = typer.Typer(
    name="meterline",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Turns IoT telemetry into invoices that can be proven.

Telemetry lies in a landing zone (`METERLINE_LANDING`), tenants, contracts and prices in CSVs (`METERLINE_CONFIG`),
everything else in PostgreSQL (`METERLINE_DATABASE_URL`; absent: an embedded server under `METERLINE_HOME`).

A month goes: `meterline process`, `meterline close --period 2019-02`, `meterline trace INVOICE --line 1`,
`meterline verify`. Start with `meterline demo`.

Exit codes: 0 done, 1 a gate failed (its name is printed), 2 something given is wrong (one line says what).""",
)

Day = Annotated[str | None, typer.Option(metavar="DATE", help="UTC day of receipt, as 2019-02-01.")]


@app.command()
def demo() -> None:
    """Real meter readings to audited invoices, in a few minutes; then says where to look.

    Writes a landing zone of simulated deliveries of real building meters under METERLINE_HOME, processes it, closes
    February and March 2019, and proves the result. Run it again: nothing is new and nothing changes.
    """
    from orchestration import demonstration

    demonstration.run(_prepared())


@app.command()
def process(
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First UTC day of receipt.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last UTC day of receipt, included.")] = None,
) -> None:
    """Landing files of the received days to stored events and hourly and daily use.

    Without dates: the days of all files that no run has read. Files that were processed before are passed over, new
    files in old days are picked up, so it can be repeated at will and continued after a crash.

    Example: `meterline process --from 2019-02-01 --to 2019-02-28`
    """
    from orchestration import verbs

    first, last = _day(from_, "--from"), _day(to, "--to")
    verbs.process(_prepared(), first, last)


@app.command()
def follow(
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Pause between two looks.")] = 5,
    until_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="End when nothing came for so long. Default: never.")
    ] = None,
) -> None:
    """Process what arrives in the landing zone as it arrives, until it is stopped; a service, not a schedule.

    By the job and models of `meterline process`, so that both give the same. Use that passes a tier bound, the included
    units or a budget (budgets.csv) is told once, in finance.threshold_events and to METERLINE_ALERTS. Files must appear
    whole: write them under a name that begins with a dot, then rename them. Restarted, it goes on where it was.

    Example: `meterline follow --every 10`
    """
    from orchestration import following

    following.follow(_prepared(), every, until_idle)


@app.command()
def close(
    period: Annotated[str, typer.Option(metavar="YYYY-MM", help="Month in whose local time the periods end.")],
    as_of: Annotated[
        str | None, typer.Option(metavar="TS", help="Instant up to which periods are due. Default: what was received.")
    ] = None,
) -> None:
    """Rate and invoice every tenant period that ends in the month and is due.

    A period is due when its boundary (its end plus the contract's grace) has passed. Closing again is a no-op, or an
    amendment where messages that belong to the period were loaded since.

    Example: `meterline close --period 2019-02`
    """
    from orchestration import closing, verbs

    month = closing.parse_month(period)
    if as_of is not None:
        closing.parse_instant(as_of)
    verbs.close(_prepared(), month, as_of)


@app.command()
def preview(
    period: Annotated[
        str,
        typer.Option(metavar="YYYY-MM", help="Month in which they end. Default: all that may not close yet."),
    ] = "",
    as_of: Annotated[
        str, typer.Option(metavar="TS", help="Instant up to which it looks. Default: what was received.")
    ] = "",
) -> None:
    """What the invoices of open periods would be to date, in finance.draft_invoices; nobody owes anything by them.

    By the rules of a close: use metered so far, estimated where the contract says so up to the instant and not beyond.

    Example: `meterline preview --period 2019-03`
    """
    from orchestration import closing, rate_verbs

    if period:
        closing.parse_month(period)
    if as_of:
        closing.parse_instant(as_of)
    _prepared()
    rate_verbs.preview(period, as_of)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="FORMAT", help="greenbutton or nem12.")],
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files as the utility handed them out.")],
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Whose readings they are.")],
    aliases: Annotated[
        str, typer.Option(metavar="CSV", help="identifier,channel,device_id,metric for every channel in the files.")
    ],
    landing: Annotated[str, typer.Option(metavar="URL", help="Where to write. Default: METERLINE_LANDING.")] = "",
) -> None:
    """Green Button (ESPI) or NEM12 files to landing files; `meterline process` then loads them.

    The same file gives the same landing file, which loads once. Identifiers of metering points are replaced by the
    aliases and written nowhere. Nothing is written when one of the files is bad.

    Example: `meterline import nem12 may.csv --tenant acme --aliases aliases.csv`
    """
    from orchestration import verbs

    _prepared()
    paths = [str(Path(file).expanduser().resolve()) for file in files]
    verbs.import_files(source, paths, tenant, str(Path(aliases).expanduser().resolve()), landing)


@app.command()
def trace(
    invoice_id: Annotated[str, typer.Argument(metavar="ID", help="As in finance.invoices or finance.scores.")],
    line: Annotated[
        int | None, typer.Option(min=1, help="Follow this line to devices, events, files and rows.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Devices and events to show.")] = 5,
) -> None:
    """Follow an invoice line back: tiers, devices, events, and the landing file and row of each.

    A score (`SCR-...`) is followed to its model version, its snapshot and its events, and every digest is compared.

    Example: `meterline trace INV-riverside-2019-02-01 --line 1`
    """
    from orchestration import model_verbs, verbs

    if invoice_id.startswith("SCR-"):
        model_verbs.trace_score(_prepared(), invoice_id, limit)
        return
    verbs.trace(_prepared(), invoice_id, line, limit)


@app.command()
def reconcile() -> None:
    """Propose adjustments for use that came too late for its closed period, with the money they would move.

    Nothing is billed by it: proposals wait in finance.proposals for a person. The same state makes no new proposal.
    """
    from orchestration import verbs

    verbs.reconcile(_prepared())


@app.command()
def explain(
    invoice_id: Annotated[str, typer.Argument(help="An invoice_id of finance.invoices.")],
    limit: Annotated[int, typer.Option(min=1, help="Changes to show, by line and device.")] = 20,
) -> None:
    """Say how each amount of an invoice came about, and why the invoice is not the one before it.

    The difference is found by rating the invoice before again under one change at a time; the parts add up to the cent.

    Example: `meterline explain INV-riverside-2019-02-01`
    """
    from orchestration import verbs

    verbs.explain(_prepared(), invoice_id, limit)


@app.command()
def verify() -> None:
    """Prove the books: the audit chain, conservation of messages and use, every invoice rated again bit for bit."""
    from orchestration import verbs

    verbs.verify(_prepared())


app.add_typer(rates, name="rates")


@rates.command("import")
def import_rates(  # noqa: PLR0913, PLR0917 - an option each
    file: Annotated[str, typer.Argument(metavar="FILE", help="One tariff, as it was published.")],
    rate_card: Annotated[str, typer.Option(metavar="ID", help="What the card is called.")],
    into: Annotated[str, typer.Option(metavar="FOLDER", help="Configuration folder to write into.")],
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="urdb or sce.")] = "urdb",
    metric: Annotated[str, typer.Option(metavar="METRIC", help="What is billed.")] = "energy",
    currency: Annotated[str, typer.Option(metavar="CODE", help="Of the prices.")] = "USD",
    version: Annotated[int, typer.Option(min=1, help="Of the card.")] = 1,
    effective_from: Annotated[str, typer.Option(metavar="DATE", help="From when on; default: always.")] = "",
    export_metric: Annotated[str, typer.Option(metavar="METRIC", help="What is fed in, to be netted.")] = "",
    tier_meaning: Annotated[str, typer.Option(metavar="NAME", help="per_part, cumulative or month_end.")] = "",
    demand_minutes: Annotated[str, typer.Option(metavar="N", help="15, 30 or 60; default: as the file says.")] = "",
) -> None:
    """A tariff of the OpenEI Utility Rate Database, or of SCE's form, as rows of a configuration folder.

    Fixed, energy, demand and minimum charges, with their tiers and times of use. What cannot be billed is refused by
    the name of its field, and nothing is written. Importing the same file again changes nothing.

    Example: `meterline rates import rate.json --rate-card residential --into config`
    """
    from orchestration import tariff_verbs

    _prepared()
    tariff_verbs.import_rates(
        {
            "file": str(Path(file).expanduser().resolve()), "form": form,
            "folder": str(Path(into).expanduser().resolve()), "rate_card_id": rate_card, "rate_card_version": version,
            "effective_from_date": effective_from, "currency_code": currency, "metric": metric,
            "export_metric": export_metric, "tier_meaning": tier_meaning, "demand_minutes": demand_minutes,
        }
    )  # fmt: skip


@rates.command("holidays")
def import_holidays(  # noqa: PLR0913, PLR0917 - an option each
    country: Annotated[str, typer.Option(metavar="CODE", help="ISO 3166 code, as US.")],
    from_: Annotated[int, typer.Option("--from", metavar="YEAR", help="First year.")],
    to: Annotated[int, typer.Option("--to", metavar="YEAR", help="Last year, included.")],
    into: Annotated[str, typer.Option(metavar="FOLDER", help="Configuration folder to write into.")],
    subdivision: Annotated[str, typer.Option(metavar="CODE", help="State or province, as CA.")] = "",
    calendar: Annotated[str, typer.Option(metavar="NAME", help="Default: the codes, as US-CA.")] = "",
) -> None:
    """Public holidays into holidays.csv, for schedules whose days name `holiday`.

    Dates that are there stay. The file in git is what bills rest on, not the library that wrote it.

    Example: `meterline rates holidays --country US --subdivision CA --from 2019 --to 2030 --into config`
    """
    from orchestration import tariff_verbs

    _prepared()
    tariff_verbs.import_holidays(
        {
            "country": country, "subdivision": subdivision, "first_year": from_, "last_year": to, "calendar": calendar,
            "folder": str(Path(into).expanduser().resolve()),
        }
    )  # fmt: skip


app.add_typer(invoices, name="invoices")
app.add_typer(proposals, name="proposals")
app.add_typer(retention, name="retention")

gates = typer.Typer(
    no_args_is_help=True,
    help="""What the data-quality gates hold, and what a person decides about it.

A gate holds a file, a tenant's day, a tenant period, an invoice or a score, and nothing else. It lets go when the cause
is mended, or when a named person overrides what it found.""",
)
app.add_typer(gates, name="gates")


@gates.command("show")
def show_gates(
    gate: Annotated[
        str | None, typer.Argument(metavar="[GATE]", help="landing, events, usage, invoices, scores.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the newest runs, and all decisions.")] = False,
) -> None:
    """What is held, since when, why, and what to do about it.

    Example: `meterline gates show usage`
    """
    from orchestration import gate_verbs

    gate_verbs.show(_prepared(), gate, everything=everything)


@gates.command("override")
def override_gate(
    gate: Annotated[str, typer.Argument(metavar="GATE", help="As `meterline gates show` prints it.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="As `meterline gates show` prints it.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")],
) -> None:
    """Let through what a gate holds, as the recorded decision of a named person.

    The decision covers what the gate has found, nothing that it finds later. Some findings nobody can override.

    Example: `meterline gates override usage acme:2019-02-01 --by "Ada Lovelace" --reason "building was closed"`
    """
    from orchestration import gate_verbs

    gate_verbs.override(_prepared(), gate, subject, by, reason)


quarantine = typer.Typer(
    no_args_is_help=True,
    help="""What was refused, why, and its release once the configuration is mended.

A released row goes the way of every other message and keeps its file and row. A file that a gate blocked is no
quarantine: see `meterline gates`.""",
)
app.add_typer(quarantine, name="quarantine")

Reason = Annotated[str, typer.Option(metavar="NAME", help="Only this reason.")]
Tenant = Annotated[str, typer.Option(metavar="ID", help="Only this tenant, as the rows name it.")]
LandingPath = Annotated[str, typer.Option(metavar="PATH", help="Only this landing file.")]
FirstDay = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First UTC day of receipt.")]
LastDay = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last UTC day of receipt, included.")]


def _asked(reason: str, tenant: str, file: str, from_: str | None, to: str | None) -> Any:
    from orchestration.quarantine_verbs import Asked

    first, last = _day(from_, "--from"), _day(to, "--to")
    return Asked(reason, tenant, file, first.isoformat() if first else "", last.isoformat() if last else "")


@quarantine.command("list")
def list_quarantine(
    reason: Reason = "", tenant: Tenant = "", file: LandingPath = "", from_: FirstDay = None, to: LastDay = None
) -> None:
    """How many messages are refused, by received day, reason, tenant and file, and what to do about them.

    Example: `meterline quarantine list --reason unknown_device --from 2019-02-01`
    """
    from orchestration import quarantine_verbs

    asked = _asked(reason, tenant, file, from_, to)
    _prepared()
    quarantine_verbs.show_counts(asked)


@quarantine.command("show")
def show_quarantined(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As `meterline quarantine list` prints it.")],
    row: Annotated[
        int | None, typer.Argument(metavar="[ROW]", min=1, help="Record of the file; none for an unreadable file.")
    ] = None,
) -> None:
    """A refused row as it came, why it is refused, and what to do about it.

    Example: `meterline quarantine show region=eu/date=2019-02-10/part-1.jsonl 7`
    """
    from orchestration import quarantine_verbs

    _prepared()
    quarantine_verbs.show(file, row)


@quarantine.command("release")
def release_quarantined(  # noqa: PLR0913, PLR0917 - an option each
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")],
    because: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")],
    reason: Reason = "",
    tenant: Tenant = "",
    file: LandingPath = "",
    row: Annotated[int | None, typer.Option(metavar="ROW", min=1, help="Only this row of --file.")] = None,
    from_: FirstDay = None,
    to: LastDay = None,
) -> None:
    """Bring refused rows again, once the configuration is mended; the next `process` meters them.

    A row that still fails is refused again. What no configuration can mend stays, and the command says what to do.

    Example: `meterline quarantine release --reason unknown_device --by "Ada Lovelace" --because "meter m-9 declared"`
    """
    from orchestration import quarantine_verbs

    asked = _asked(reason, tenant, file, from_, to)
    if row is not None and not file:
        raise BadInputError("--row counts the rows of one file: give --file too")
    _prepared()
    quarantine_verbs.release(asked, row, by, because)


@app.command()
def edit(  # noqa: PLR0913, PLR0917 - an option each
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The event's tenant.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its device.")],
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="Its metric.")],
    seq: Annotated[int, typer.Argument(metavar="SEQ", help="Its msg_seq.")],
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help="What it counts, or shows, instead.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")],
    because: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")],
    epoch: Annotated[int, typer.Option(metavar="N", help="Its seq_epoch.")] = 0,
    measured_at: Annotated[str, typer.Option(metavar="TIME", help="Its device_ts, where the number came again.")] = "",
) -> None:
    """Correct the number of a billed event; what was delivered stays in the store beside it.

    The next `process` counts it, and a period that is closed is amended by the next `close`. See finance.edits.

    Example: `meterline edit acme meter-1 energy 17 20.5 --by "Ada Lovelace" --because "digits swapped, see photo"`
    """
    from orchestration import edit_verbs

    _prepared()
    edit_verbs.edit(
        {
            "tenant_id": tenant, "device_id": device, "metric": metric, "msg_seq": seq, "seq_epoch": epoch,
            "measured_at": measured_at, "quantity": quantity, "by": by, "because": because,
        }
    )  # fmt: skip


@app.command()
def train(
    retrain: Annotated[bool, typer.Option(help="Make new versions although nothing changed.")] = False,
) -> None:
    """Train the anomaly model and the forecast on the metered days so far; they serve in shadow and move no money.

    The same data, code and parameters make no new version, so it can be repeated at will.
    """
    from orchestration import model_verbs

    model_verbs.train(_prepared(), retrain=retrain)


@app.command()
def score() -> None:
    """Score the metered days and the open periods with the models that serve; see finance.scores.

    Refuses when a model's files or its alias are not what was recorded. What was scored before is not scored again.
    """
    from orchestration import model_verbs

    model_verbs.score(_prepared())


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="A list of rows for programs, instead of the table.")] = False,
) -> None:
    """What wants attention: settings, disk, lag, failed checks, stale days, guards, stuck runs; each with its remedy.

    Looks and changes nothing, in seconds, also at a great store. A login that only reads can use it: it needs the roles
    meterline_auditor and pg_monitor. Exit code 0: all is well; 1: something wants attention; 2: no server to look at.

    Example: `meterline doctor`

    Example: `meterline doctor --json | jq '.[] | select(.state != "well")'`
    """
    from orchestration import doctor_verbs

    doctor_verbs.doctor(Settings.from_environment(), as_json=as_json)


@app.command()
def reindex(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Only this month of measurement (UTC).")] = "",
) -> None:
    """Rebuild indexes of the event store that take more than they need, of months that are over.

    Devices append in the middle of the index by which the store knows repetitions; its pages split in halves, and it
    grows by a third and more. A month that is neither the current nor the last one (UTC) takes few events any more:
    built anew, its index stays small. `meterline doctor` says which want it, the schedule `rebuild_indexes_weekly`
    does it by itself.

    One index after the other, in the turn of metering and closing: what would run meanwhile waits or is refused until
    its month is done. Nobody who reads waits. It needs room for the index that it builds, and a login that may work as
    meterline_owner, as the one that prepares the database. Stopped, it has changed nothing that anybody reads; what is
    left of it is dropped by the next. Where nothing is too large it does nothing.

    Example: `meterline reindex`

    Example: `meterline reindex --month 2019-02`
    """
    from orchestration import closing, index_verbs

    if month:
        closing.parse_month(month, "--month")
    _prepared()
    index_verbs.reindex(month)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """The Dagster UI with its daemon on the platform's database. Ctrl-C stops it and everything it started."""
    from orchestration import serving

    serving.up(_prepared(), host, port)


@app.command()
def docs(
    serve: Annotated[bool, typer.Option(help="Serve the site once it is built.")] = True,
    port: Annotated[int, typer.Option(help="Port of the site.")] = 3001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Build the documentation that finance reads (tables, prices, gates) as a static site, and serve it.

    The site lies under METERLINE_HOME/docs and can be copied to any web server; it loads nothing from elsewhere.

    Example: `meterline docs --no-serve`
    """
    from orchestration import documentation, verbs
    from orchestration.console import say

    settings = _prepared()
    server = documentation.server(settings, host, port) if serve else None
    say(f"documentation: {verbs.docs(settings)}")
    if server is not None:
        say(f"served on http://{host}:{port} (Ctrl-C stops it)")
        server.serve_forever()


@app.command()
def down() -> None:
    """Stop the embedded database. The data stays; the next command starts it again."""
    from orchestration.database import embedded

    embedded.stop(Settings.from_environment().home)


@app.command()
def env() -> None:
    """Print the variables that a bare `dbt`, `psql` or `dagster` needs: `eval "$(meterline env)"`."""
    from orchestration.database import platform

    _prepared()
    for name in platform.EXPORTED:
        if name in os.environ:
            typer.echo(f"export {name}={shlex.quote(os.environ[name])}")


@app.command()
def bench(  # noqa: PLR0913, PLR0917 - an option each
    events: Annotated[
        int | None, typer.Option(min=1, help="Readings of a generated day. Default: 500,000; with --growth a million.")
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(min=1, help="Devices. Default: one for 40 readings; 10,000 or 50,000 with the others."),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions, each from the same state.")] = 3,
    profile: Annotated[bool, typer.Option("--profile", help="Also show where the time goes.")] = False,
    growth: Annotated[
        bool, typer.Option("--growth", help="Instead: the day into stores of 0, 1, 5 and 20 such days.")
    ] = False,
    close_growth: Annotated[
        bool, typer.Option("--close-growth", help="Instead: a close of the same devices over ten times the events.")
    ] = False,
    fixed_cost: Annotated[
        bool, typer.Option("--fixed-cost", help="Instead: runs with nothing or one message to do, by the daemon too.")
    ] = False,
    cadence: Annotated[
        bool, typer.Option("--cadence", help="Instead: a stream that is followed, until what it passes is told.")
    ] = False,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Instead: a fleet that was offline for three days delivers all at once.")
    ] = False,
    seconds: Annotated[int, typer.Option(min=5, help="How long --cadence streams.")] = 1800,
    tenants: Annotated[int | None, typer.Option("--close", min=1, help="Instead: a close of so many tenants.")] = None,
    file: Annotated[str, typer.Option("--json", metavar="FILE", help="Write the figures there, too.")] = "",
) -> None:
    """Measure `meterline process` on a generated day, beside raw COPY, INSERTs and DuckDB on the same files.

    With --close a close of so many tenants and --devices on twenty rate cards, beside plain aggregation of that use.

    With --reconnect the backlog of --devices, beside the same readings as they would have come, a day in a run: all
    hours, days, invoices and lines must be the same.

    Works in a temporary folder on a server of its own and leaves nothing behind. Needs a checkout. What counts are the
    ratios of one run; absolute figures belong to the machine and the hour.

    Example: `meterline bench --events 2000000 --devices 50000 --repeat 1 --profile --json day.json`

    Example: `meterline bench --growth --close-growth --fixed-cost --repeat 1`

    Example: `meterline bench --reconnect --devices 50000 --json reconnect.json`

    Example: `meterline bench --close 10000 --devices 1000000`
    """
    from orchestration import benchmark

    others = (growth, close_growth, fixed_cost, cadence, reconnect, file)
    if tenants is not None and any(others):
        raise BadInputError("--close goes with --devices alone; run the others by themselves")
    if tenants is not None:
        benchmark.run_close(tenants, devices or 100 * tenants)
        return
    asked = benchmark.Measurement(
        repeat, profile, growth, close_growth, fixed_cost, seconds if cadence else None, reconnect
    )
    benchmark.run(asked, events, devices, Path(file).expanduser().resolve() if file else None)


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"{option} {text!r} is not a day; write it as 2019-02-01") from error


def main() -> None:
    """Run the command; an expected failure is one clear line on standard error and its exit code."""
    garbage.look_seldom()
    with garbage.left_to_the_system():
        _run()


def _run() -> None:
    # Notices to developers about the orchestrator's own interfaces; a user of the command can do nothing about them.
    warnings.filterwarnings("ignore", message=".*is currently in (beta|preview).*")
    warnings.filterwarnings("ignore", message=".*varying BackfillPolicies.*", category=UserWarning)
    try:
        lines.configure()
        app()
    except MeterlineError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted; run the same command again to continue")
        sys.exit(130)


def _complain(text: str) -> None:
    """Why the command did not do what it was asked for, on standard error."""
    if os.environ.get(lines.VARIABLE) == "json":
        lines.write(logging.ERROR, text, lines.problems)
        return
    typer.echo(f"meterline: {text}", err=True)
