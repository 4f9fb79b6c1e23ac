"""dbt in this process: the project is parsed once, and what becomes of each model is told while others are built."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from orchestration.errors import MeterlineError
from orchestration.settings import DBT_PROJECT

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

PROJECT = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
# What dbt says is printed here, from its events; a file beside the models keeps all of it.
SILENT = ["--log-level", "none"]
TOLD = ("info", "warn", "error")


class DbtError(MeterlineError):
    """dbt failed, or a test that it ran; the message has its words."""


def run(arguments: Sequence[str], target: Path) -> Iterator[Any]:
    """Run dbt with its files in `target`; yields its events (messages of dbt's protocol) as they happen.

    Where the caller is interrupted, so are the statements under way. Raises DbtError.
    """
    from dbt.cli.main import dbtRunner

    manifest, events = parsed_project(os.environ["PGDATABASE"], target), SimpleQueue[Any]()
    finished: list[dbtRunnerResult] = []
    files = ["--target-path", str(target), "--log-path", str(target)]

    def work() -> None:
        runner = dbtRunner(manifest=manifest, callbacks=[events.put])
        finished.append(runner.invoke([*SILENT, *arguments, *PROJECT, *files]))
        events.put(None)

    worker = Thread(target=work, name="dbt")
    worker.start()
    try:
        while (event := events.get()) is not None:
            if event.info.level in TOLD:
                print(event.info.msg, flush=True)
            yield event
        worker.join()
    except BaseException:
        # dbt goes on with what does not need what was ended, until there is nothing left.
        while worker.is_alive():
            _cancel_statements()
            worker.join(0.2)
        raise
    if not finished[0].success:
        raise DbtError(_problems(finished[0]))


def parsed_project(database: str, target: Path) -> Manifest:
    """The project as it is deployed in that database, whose name is all that parsing takes from the environment."""
    manifest = _parsed_project(target)
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name is not None:
            node.relation_name = node.relation_name.replace(f'"{node.database}".', f'"{database}".', 1)
        node.database = database
    return manifest


@functools.cache
def _parsed_project(target: Path) -> Manifest:
    from dbt.cli.main import dbtRunner

    files = ["--target-path", str(target), "--log-path", str(target)]
    finished = dbtRunner().invoke(["--quiet", *SILENT, "--no-write-json", "parse", *PROJECT, *files])
    if not finished.success:
        raise MeterlineError(f"dbt cannot parse the project: {finished.exception}")
    manifest: Manifest = finished.result  # type: ignore[assignment]
    return manifest


def _cancel_statements() -> None:
    from dbt.adapters.factory import get_adapter_by_type

    for _ in get_adapter_by_type("postgres").cancel_open_connections():
        pass


def _problems(finished: dbtRunnerResult) -> str:
    results = getattr(finished.result, "results", [])
    broken = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    return "\n".join(broken) or str(finished.exception)
