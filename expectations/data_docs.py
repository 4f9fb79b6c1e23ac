"""Great Expectations' Data Docs of the gates: a page per run, a page per suite, and an index, as plain files.

The pages are the library's own rendering in templates of ours, because the library's fetch styles and scripts from
elsewhere: these work offline and call nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.gate import Gate
from expectations.runner import great_expectations, suite

TEMPLATES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class GateRun:
    """One recorded run of a gate.

    `document` is the validation result that `judge` returned; `findings` have subject, rule, problem, remedy, verdict.
    """

    gate_run_id: int
    gate: str
    occasion: str
    subject_count: int
    held_count: int
    judged_at: datetime
    document: dict[str, Any]
    findings: list[dict[str, str]]


def page_path(folder: Path, gate: str, gate_run_id: int) -> Path:
    """Where the page of a run lies below the site's folder."""
    return folder / gate / f"{gate_run_id}.html"


def build_site(folder: Path, gates: Iterable[Gate], runs: Iterable[GateRun]) -> Path:
    """Write the suites, the pages that are not there yet, and the index of these runs (newest first)."""
    gates, runs = list(gates), sorted(runs, key=lambda run: run.gate_run_id, reverse=True)
    for gate in gates:
        _write(folder / gate.name / "index.html", _suite_page(gate))
    titles = {gate.name: gate for gate in gates}
    for run in runs:
        path = page_path(folder, run.gate, run.gate_run_id)
        if not path.exists():
            _write(path, _run_page(titles[run.gate], run))
    index = folder / "index.html"
    _write(index, _view().env.get_template("index.j2").render(gates=gates, runs=runs))
    return index


def write_page(folder: Path, gate: Gate, run: GateRun) -> Path:
    """Write the page of one run, so that a link to it leads somewhere at once."""
    path = page_path(folder, run.gate, run.gate_run_id)
    _write(path, _run_page(gate, run))
    return path


def _run_page(gate: Gate, run: GateRun) -> str:
    gx = great_expectations()
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    result = expectationSuiteValidationResultSchema.load(run.document)
    result.suite_name = gate.name
    judged = f"{run.subject_count:,} rows, one per {gate.subject}"
    result.meta = {
        "run_id": RunIdentifier(run_name=run.occasion, run_time=run.judged_at.astimezone(UTC)),
        "great_expectations_version": gx.__version__,
        "batch_spec": {"datasource": "measured", "data_asset_name": judged},
    }
    page = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    html = str(_view().render(page, page_title=f"{gate.title}: {run.occasion}", findings=run.findings))
    # The library's layout has the suite in another folder.
    return html.replace(f"../../../../expectations/{gate.name}.html", "index.html")


def _suite_page(gate: Gate) -> str:
    great_expectations()
    from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer

    renderer: Any = ExpectationSuitePageRenderer()
    return str(_view().render(renderer.render(suite(gate)), page_title=gate.title))


def _view() -> Any:
    great_expectations()
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import ChoiceLoader, FileSystemLoader

    view: Any = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), view.env.loader])
    return view


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
