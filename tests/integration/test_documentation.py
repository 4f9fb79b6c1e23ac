"""The documentation site as it is handed on: whole, self-contained, and without traces of the machine that built it."""

from __future__ import annotations

import json
import os
import re
import threading
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlglot import exp, parse_one

from orchestration import dbt_runs, documentation
from orchestration.database.connection import database_environment
from orchestration.errors import BadInputError, MeterlineError
from orchestration.settings import DBT_PROJECT, PROJECT_ROOT
from orchestration.shareable import IN_FULL, TRACKER_ADDRESSES, shareable
from tests.support import Pipeline, message

MODEL_LINK = re.compile(r"#!/model/([\w.]+)")
GRAPH_LINK = re.compile(r"#!/overview\?g_v=1&g_i=([\w%]+)")
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
}


@pytest.fixture(scope="module")
def site(shared_pipeline: Pipeline) -> Path:
    """The site of a platform with one invoice: 30 kWh at 1.00 EUR and 10 % tax."""
    pipeline = shared_pipeline
    pipeline.tenant("acme", "m-1", tax_percent=10)
    pipeline.land(message("acme", "m-1", 1, 30, "2019-02-20T12:00"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    with mock.patch.dict(os.environ, database_environment(pipeline.settings)):
        return documentation.build(pipeline.settings).parent


class Loaded(HTMLParser):
    """Addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name == LOADS.get(tag) and value]


def test_the_front_page_counts_what_there_is(site: Path) -> None:
    text = re.sub(r"<[^>]+>|\s+", " ", (site / "index.html").read_text())
    # EUR, 1 customer, 1 invoice, 1 version, 30.00 + 3.00.
    assert re.search(r"EUR +1 +1 +1 +33\.00", text)
    assert "INV-acme-2019-02-01" in text
    assert "Nothing is held." in text


def test_links_of_the_front_page_lead_somewhere(site: Path) -> None:
    targets = re.findall(r'<a href="([^"#]+)', (site / "index.html").read_text())
    assert "dbt/index.html" in targets
    assert [target for target in targets if not (site / target).is_file()] == []


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 3
    for page in pages:
        loaded = Loaded()
        text = page.read_text(encoding="utf-8")
        loaded.feed(text)
        assert [address for address in loaded.addresses if re.match(r"(https?:)?//", address)] == [], page
        assert re.findall(r"(?:url\(|@import )['\"]?(?:https?:)?//[^)'\"]*", text) == [], page
        assert [address for address in TRACKER_ADDRESSES if address in text] == [], page


def test_no_page_names_the_machine_or_its_database(site: Path, shared_pipeline: Pipeline) -> None:
    settings = shared_pipeline.settings
    variables = database_environment(settings)
    secrets = [str(settings.home), str(PROJECT_ROOT), str(Path.home()) + "/", variables.get("PGPASSWORD")]
    secrets += [variables["PGHOST"]] if "/" in variables["PGHOST"] else []
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert [secret for secret in secrets if secret and secret in text] == [], page


def test_the_template_still_has_what_is_replaced_in_it() -> None:
    import dbt.task.docs

    template = Path(dbt.task.docs.DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    assert [part for part in (*TRACKER_ADDRESSES, *IN_FULL) if part not in template] == []


def test_folders_are_taken_out_and_nothing_else() -> None:
    node = {"build_path": "/home/somebody/run/a.sql", "compiled_path": "/home/somebody/a.sql", "columns": {"owner": {}}}
    manifest = json.dumps({"nodes": {"a": node}})
    page = shareable(f"<script>n = {manifest}</script>", manifest)
    assert (
        page == '<script>n = {"nodes":{"a":{"build_path":null,"compiled_path":null,"columns":{"owner":{}}}}}</script>'
    )


def test_a_page_of_another_manifest_is_refused() -> None:
    with pytest.raises(MeterlineError, match="does not hold the manifest"):
        shareable("<html></html>", '{"nodes": {}}')


def test_links_between_pages_of_the_documentation_have_a_target(project: Any) -> None:
    text = (DBT_PROJECT / "models" / "overview.md").read_text() + (documentation.TEMPLATES / "front.j2").read_text()
    linked = set(MODEL_LINK.findall(text))
    assert "model.meterline.invoices" in linked
    drawn = {f"model.meterline.{name}" for names in GRAPH_LINK.findall(text) for name in names.split("%20")}
    assert "model.meterline.invoice_lines" in drawn
    assert sorted((linked | drawn) - set(project.nodes)) == []


def test_every_subquery_has_a_name_which_postgresql_15_asks_for(site: Path, shared_pipeline: Pipeline) -> None:
    manifest = json.loads((dbt_runs.target_folder(shared_pipeline.settings, "docs") / "manifest.json").read_text())
    queries = {node["name"]: node["compiled_code"] for node in manifest["nodes"].values() if node.get("compiled_code")}
    assert len(queries) > 200
    nameless = {
        name
        for name, query in queries.items()
        for subquery in parse_one(query, dialect="postgres").find_all(exp.Subquery)
        if isinstance(subquery.parent, exp.From | exp.Join) and not subquery.alias
    }
    assert sorted(nameless) == []


def test_exposures_say_who_answers_for_them(project: Any) -> None:
    exposures = project.exposures.values()
    assert {exposure.name for exposure in exposures} == {
        "customer_invoices", "customer_statements", "period_close", "price_change",
    }  # fmt: skip
    for exposure in exposures:
        assert exposure.owner.name, exposure.name
        assert exposure.owner.email, exposure.name
        assert exposure.maturity, exposure.name
        assert exposure.description, exposure.name
        assert exposure.depends_on.nodes, exposure.name


def test_every_quarantine_reason_is_explained_to_its_readers(project: Any) -> None:
    model = project.nodes["model.meterline.quarantined_messages"]
    source = (DBT_PROJECT / "macros" / "rules" / "quarantine_reason.sql").read_text()
    codes = set(re.findall(r"then '([a-z_]+)'", source))
    assert len(codes) > 5
    assert [code for code in sorted(codes) if f"`{code}`: " not in model.columns["reason"].description] == []


def test_the_site_is_served_and_a_taken_port_is_said(site: Path, shared_pipeline: Pipeline) -> None:
    with documentation.server(shared_pipeline.settings, "127.0.0.1", 0) as server:
        port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert "<h1>Meterline</h1>" in answer.read().decode()
        with pytest.raises(BadInputError, match="choose another --port"):
            documentation.server(shared_pipeline.settings, "127.0.0.1", port)
        server.shutdown()
