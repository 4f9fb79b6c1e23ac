"""dbt in this process: the project is parsed once, and what becomes of each model is told while others are built."""

from __future__ import annotations

import atexit
import fcntl
import gc
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from orchestration.database.connection import database_environment
from orchestration.errors import MeterlineError
from orchestration.observability import signals
from orchestration.observability.dbt_results import tell_results
from orchestration.settings import DBT_PROJECT, Settings

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

PROJECT = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
# What dbt says is told by its events; a file beside the models keeps all of it.
LOGGED = ["--log-level", "none", "--log-level-file", "debug"]
RESULTS = "run_results.json"
# dbt's names of what says that a model was built or a test was run.
TOLD = ("LogModelResult", "LogTestResult")

# What was parsed in this process, by the folder of the project: there is one.
_PARSED: dict[Path, Manifest] = {}


class DbtError(Exception):
    """dbt failed, or a test that it ran; the message has its words, `results` what became of each model and test."""

    def __init__(self, message: str, results: Sequence[Any]) -> None:
        """Take dbt's words and its results; none where it failed before the first."""
        super().__init__(message)
        self.results = results


def target_folder(settings: Settings, step: str = "") -> Path:
    """Where dbt keeps what it compiles (for a step, apart); outside the project, which may be read-only."""
    return settings.home / "dbt" / step


def run(
    settings: Settings, arguments: Sequence[str], step: str = "", manifest: Manifest | None = None
) -> Generator[Any]:
    """Run dbt with its files in the folder of `step`; yields its events (messages of its protocol) as they happen.

    What it runs is the project, or the form of it that is given.
    dbt finds the database in the environment. Where the caller is interrupted, so are the statements under way, and
    dbt has ended before the interruption goes on. Raises DbtError.
    """
    from dbt.cli.main import dbtRunner

    manifest, target = manifest or deployed_project(settings), target_folder(settings, step)
    events = SimpleQueue[Any]()
    finished: list[dbtRunnerResult] = []

    def work() -> None:
        runner = dbtRunner(manifest=manifest, callbacks=[events.put])
        # The project is not written for every run: it is as it was parsed.
        finished.append(runner.invoke(["--no-write-json", *arguments, *_everywhere(target)]))
        events.put(None)

    worker = Thread(target=work, name="dbt")
    with signals.span(f"dbt {arguments[0]}", {"meterline.step": step}):
        worker.start()
        try:
            while (event := events.get()) is not None:
                yield event
            worker.join()
        except BaseException:
            _stop(worker)
            raise
        tell_results(getattr(finished[0].result, "results", ()))
        _keep(finished[0], target)


def run_quietly(settings: Settings, *arguments: str) -> None:
    """Run dbt as `run` does, with nobody listening. Raises DbtError."""
    for _ in run(settings, arguments):
        pass


def parsed_project(settings: Settings) -> Manifest:
    """The project, parsed once; what these settings kept of an earlier time is read in its place."""
    if DBT_PROJECT not in _PARSED:
        with parsing(settings):
            parse(settings, "--no-write-json")
    return _PARSED[DBT_PROJECT]


def deployed_project(settings: Settings) -> Manifest:
    """The project in that database, whose name is all that parsing takes from the environment."""
    manifest, database = parsed_project(settings), database_environment(settings)["PGDATABASE"]
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name is not None:
            node.relation_name = node.relation_name.replace(f'"{node.database}".', f'"{database}".', 1)
        node.database = database
    return manifest


def parse(settings: Settings, *arguments: str) -> None:
    """Parse what changed since it was parsed before, for this process and, by files, for the next ones.

    To be called while `parsing`. Raises MeterlineError.
    """
    finished = _invoke(*arguments, "parse", target=target_folder(settings))
    if not finished.success:
        raise MeterlineError(f"dbt cannot parse the project: {finished.exception}")
    _PARSED[DBT_PROJECT] = finished.result  # type: ignore[assignment]
    # A million objects that stay: no collection of garbage needs to look through them, but the last one.
    gc.freeze()
    atexit.register(gc.unfreeze)


@contextmanager
def parsing(settings: Settings) -> Iterator[None]:
    """One process at a time reads and writes what was parsed."""
    target = target_folder(settings)
    target.mkdir(parents=True, exist_ok=True)
    with (target / "parse.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def document(settings: Settings) -> Path:
    """dbt's pages about the project and the database; returns their folder. Raises DbtError."""
    # A folder of its own: runs that are at work read the manifest of the common one.
    target = target_folder(settings, "docs")
    finished = _invoke("docs", "generate", "--static", target=target, manifest=deployed_project(settings))
    if not finished.success:
        raise DbtError(_problems(finished), ())
    return target


def _invoke(*arguments: str, target: Path, manifest: Manifest | None = None) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner

    finished = dbtRunner(manifest=manifest).invoke([*arguments, *_everywhere(target)])
    # It takes an interruption for a failure.
    if finished.exception is not None and not isinstance(finished.exception, Exception):
        raise finished.exception
    return finished


def _everywhere(target: Path) -> list[str]:
    return [*LOGGED, *PROJECT, "--target-path", str(target), "--log-path", str(target)]


def _stop(worker: Thread) -> None:
    """End dbt: it goes on with what does not need what was ended, until there is nothing left."""
    while worker.is_alive():
        # However often it is asked to end: it may still be writing.
        with suppress(BaseException):
            worker.join(0.05)
            _cancel_statements()


def _cancel_statements() -> None:
    from dbt.adapters.factory import get_adapter_by_type

    adapter = get_adapter_by_type("postgres")  # type: ignore[no-untyped-call]
    for connection in list(adapter.connections.thread_connections.values()):
        if connection.state == "open":
            connection.handle.cancel()


def _keep(finished: dbtRunnerResult, target: Path) -> None:
    """Leave the results beside the models. Raises DbtError."""
    results = getattr(finished.result, "results", ())
    if results:
        finished.result.write(str(target / RESULTS))  # type: ignore[union-attr]
    if not finished.success:
        raise DbtError(_problems(finished), results)


def _problems(finished: dbtRunnerResult) -> str:
    results = getattr(finished.result, "results", ())
    broken = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    return "\n".join(broken) or str(finished.exception)
