"""The documentation site as plain files: what finance reads of the tables, the gates' reports, and a front page."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

from psycopg.rows import namedtuple_row

from orchestration import dbt_runs
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.gate_docs import build_gate_docs, gate_docs_folder
from orchestration.settings import Settings
from orchestration.shareable import shareable

TEMPLATES = Path(__file__).parent / "pages"
INVOICED = """
select currency_code, count(distinct tenant_id) as customers,
    count(distinct invoice_id) as invoices, count(*) as versions,
    sum(total_amount) filter (where status in ('issued', 'paid')) as amount
from finance.invoices
group by currency_code
order by currency_code
"""
HOLDS = "select distinct gate, subject, problem, remedy from governance.standing_holds order by 1, 2, 3 limit 100"
EXAMPLE = "select max(invoice_id) from finance.invoices"


def site_folder(settings: Settings) -> Path:
    """Where the site of this platform lies."""
    return settings.home / "docs"


def build(settings: Settings) -> Path:
    """Write the whole site; returns its front page. What is there is replaced page by page, so it can be served."""
    folder = site_folder(settings)
    _write_dbt_docs(settings, folder / "dbt")
    build_gate_docs(settings, gate_docs_folder(settings))
    front = folder / "index.html"
    front.write_text(_front_page(settings), encoding="utf-8")
    return front


def _write_dbt_docs(settings: Settings, folder: Path) -> None:
    """One self-contained page: it opens from a disk or a mail attachment as well as from a server."""
    target = dbt_runs.document(settings)
    folder.mkdir(parents=True, exist_ok=True)
    page, manifest = ((target / name).read_text("utf-8") for name in ("static_index.html", "manifest.json"))
    draft = folder / "index.html.new"
    draft.write_text(shareable(page, manifest), "utf-8")
    shutil.move(draft, folder / "index.html")


def _front_page(settings: Settings) -> str:
    from jinja2 import Environment, FileSystemLoader

    with connect(settings, "meterline_auditor") as session, session.cursor(row_factory=namedtuple_row) as cursor:
        invoiced = cursor.execute(INVOICED).fetchall()
        holds = cursor.execute(HOLDS).fetchall()
        example = cursor.execute(EXAMPLE).fetchone()
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("front.j2")
    return template.render(
        invoiced=invoiced,
        holds=holds,
        example=example[0] if example else None,
        version=version("meterline"),
        built_at=datetime.now(UTC),
    )


def server(settings: Settings, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the site, to be run with `serve_forever`. Raises BadInputError when the address is taken."""
    folder = site_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return ThreadingHTTPServer((host, port), partial(_QuietHandler, directory=str(folder)))
    except OSError as error:
        raise BadInputError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error


def serve_in_background(settings: Settings, host: str, port: int) -> None:
    """Serve the site for as long as this process lives."""
    threading.Thread(target=server(settings, host, port).serve_forever, daemon=True).start()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a terminal full of requests hides the line that says where to look."""
