"""The demo: simulated deliveries of real meters, processed, closed, traced, proven, scored and documented."""

from __future__ import annotations

import os
import sys
import time
from datetime import date

from orchestration import documentation, gate_verbs, model_verbs, verbs
from orchestration.console import say, working
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.ingest.simulator import simulate_demo
from orchestration.progress import report
from orchestration.settings import Settings

MONTHS = (date(2019, 2, 1), date(2019, 3, 1))
# The graduated tenant's second month: several tiers, and the clock change inside it.
EXAMPLE_INVOICE = """
select invoice.invoice_id, min(line.line_number)
from finance.invoices as invoice
inner join finance.invoice_lines as line
    on invoice.invoice_id = line.invoice_id and invoice.invoice_version = line.invoice_version
where line.price_model = 'graduated' and invoice.status in ('issued', 'paid')
group by invoice.invoice_id, invoice.period_start_at
order by invoice.period_start_at desc, count(*) desc, invoice.invoice_id
limit 1
"""
EXAMPLE_SCORE = "select score_id from finance.scores where is_flagged order by score desc, score_id limit 1"


def run(settings: Settings) -> None:
    """Run the demo on the platform of `settings`; every step may be repeated after an interruption."""
    if settings.landing_url is not None or settings.config_url is not None:
        raise BadInputError(
            "the demo brings its own landing zone and configuration; unset METERLINE_LANDING and METERLINE_CONFIG, "
            "or run `meterline process` and `meterline close` on yours"
        )
    started = time.monotonic()
    with working("simulating deliveries of real meters"):
        simulate_demo(settings.landing, progress=report("writing landing files"))
    verbs.process(settings, None, None)
    made = sum(verbs.close(settings, month, None) for month in MONTHS)
    with connect(settings, "meterline_finance") as session:
        example = session.execute(EXAMPLE_INVOICE).fetchone()
    say("")
    if example is not None:
        verbs.trace(settings, example[0], example[1], limit=3)
    verbs.verify(settings)
    say("")
    model_verbs.train(settings)
    model_verbs.score(settings)
    with connect(settings, "meterline_finance") as session:
        score = session.execute(EXAMPLE_SCORE).fetchone()
    say("")
    gate_verbs.show_summary(settings)
    verbs.docs(settings)
    again = "" if made else "Nothing was new; the invoices are the same. "
    say(f"\n{again}Done in {time.monotonic() - started:.0f} s.")
    say("\nWhere to look next")
    command = os.path.relpath(sys.argv[0])
    say(f"  {command} up    the Dagster UI on http://127.0.0.1:3000, the documentation on http://127.0.0.1:3001")
    front = documentation.site_folder(settings) / "index.html"
    say(f"  {front}    the documentation: from an invoice back to the meter")
    if example is not None:
        say(f"  {command} trace {example[0]} --line {example[1]}    this line, with more of its events: --limit 100")
    if score is not None:
        say(f"  {command} trace {score[0]}    the most unusual day: model, snapshot, events, and why")
    say(f"  {command} gates show --all    what the gates judged, held and were told")
    say(f"  {command} --help    every verb; README.md has the tables for finance and the way of one message")
    say(f"  {settings.landing}    the landing zone")
