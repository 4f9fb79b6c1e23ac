"""Dagster's daemon on the benchmark's platform, given runs as a schedule or a person in the UI gives them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from orchestration.errors import MeterlineError
from orchestration.partitions import range_tags
from orchestration.serving import stop_group
from orchestration.settings import PROJECT_ROOT
from tests.benchmarks.measure import Cost, Memory, run, tree_cpu
from tests.benchmarks.sandbox import Sandbox

WORKSPACE = ["-w", str(PROJECT_ROOT / "workspace.yaml")]
WAIT_SECONDS = 600
LOOK_SECONDS = 0.5


class Daemon:
    """The daemon and its code server while the block runs; `landing` is where its runs look for files."""

    def __init__(self, sandbox: Sandbox, landing: Path) -> None:
        """Take the platform; nothing is started."""
        self._sandbox = sandbox
        self._environment = sandbox.environment(landing) | sandbox.exported()
        self._log = sandbox.home / "daemon.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        """Start it, in a process group of its own."""
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [_program("dagster-daemon"), "run", *WORKSPACE],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it with everything that it started."""
        if self._process is not None:
            stop_group(self._process)

    def process(self, day: date) -> Cost:
        """Launch the processing of a received day and wait for its end; what daemon and server took meanwhile.

        Raises MeterlineError when the run fails or does not end.
        """
        if self._process is None or self._sandbox.server is None:
            raise MeterlineError("the daemon was not started")
        root, server = psutil.Process(self._process.pid), self._sandbox.server
        # What launches it asks the server a little, too; the daemon may begin before that has ended.
        before, server_before, started = tree_cpu(root), server.cpu(), time.perf_counter()
        with Memory(root, server) as memory:
            self._wait(self._launch(day))
        wall, cpu, server_cpu = time.perf_counter() - started, tree_cpu(root) - before, server.cpu() - server_before
        return Cost(wall, cpu, server_cpu, memory.peak, memory.server_peak)

    def _launch(self, day: date) -> str:
        """Queue a run, as a process of its own that costs the daemon nothing."""
        command = [
            _program("dagster"), "job", "launch", *WORKSPACE, "-j", "process_days", "--tags",
            json.dumps(range_tags(day, day)),
        ]  # fmt: skip
        known = set(self._run_states())
        run(command, self._environment, self._sandbox.home / "launch.txt")
        (run_id,) = self._run_states().keys() - known
        return run_id

    def _wait(self, run_id: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            state = self._run_states()[run_id]
            if state == "SUCCESS":
                return
            if state in ("FAILURE", "CANCELED"):
                raise MeterlineError(f"the daemon's run ended as {state}; {self._log} has its words")
            time.sleep(LOOK_SECONDS)
        raise MeterlineError(f"the daemon's run did not end within {WAIT_SECONDS} s")

    def _run_states(self) -> dict[str, Any]:
        return self._sandbox.dagster_runs()


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
