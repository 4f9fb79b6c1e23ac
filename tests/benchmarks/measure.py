"""What a process and a server cost: CPU with children, wall time, peak memory without counting shared pages twice."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from orchestration.errors import MeterlineError

SAMPLE_SECONDS = 0.25
OUTPUT_CHARACTERS = 4_000


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one run; `cpu` is the process with all its children, `server_cpu` PostgreSQL's."""

    wall: float
    cpu: float
    server_cpu: float = 0.0
    peak_bytes: int = 0
    server_peak_bytes: int = 0

    @property
    def all_cpu(self) -> float:
        """CPU seconds on both sides."""
        return self.cpu + self.server_cpu

    def less(self, fixed: Cost) -> Cost:
        """Without what a run costs however little it has to do."""
        return Cost(
            max(self.wall - fixed.wall, 0),
            max(self.cpu - fixed.cpu, 0),
            max(self.server_cpu - fixed.server_cpu, 0),
            self.peak_bytes,
            self.server_peak_bytes,
        )

    @classmethod
    def of_all(cls, costs: Sequence[Cost]) -> Cost:
        """Of runs one after another, at least one: their sums, and the greatest of their peaks."""
        return cls(
            sum(cost.wall for cost in costs),
            sum(cost.cpu for cost in costs),
            sum(cost.server_cpu for cost in costs),
            max(cost.peak_bytes for cost in costs),
            max(cost.server_peak_bytes for cost in costs),
        )


@dataclass(frozen=True)
class Spread:
    """Least, middle and greatest of some repetitions."""

    least: float
    middle: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of at least one value."""
        ordered = sorted(values)
        return cls(ordered[0], median(ordered), ordered[-1])

    def text(self, digits: int = 0) -> str:
        """`middle (least-greatest)`, or the value alone where there is one."""
        if self.least == self.greatest:
            return f"{self.middle:,.{digits}f}"
        return f"{self.middle:,.{digits}f} ({self.least:,.{digits}f}-{self.greatest:,.{digits}f})"


def tree_cpu(root: psutil.Process) -> float:
    """CPU seconds of a process that lives, of those below it, and of all that ended there."""
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class Server:
    """The PostgreSQL whose data lie in `data`."""

    def __init__(self, data: Path) -> None:
        """Raises psutil.NoSuchProcess when it does not run."""
        self._postmaster = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))

    def cpu(self) -> float:
        """CPU seconds since it started: the postmaster, the backends that it has seen end, and those that live."""
        return tree_cpu(self._postmaster)

    def processes(self) -> list[psutil.Process]:
        """The postmaster and its children."""
        return [self._postmaster, *self._postmaster.children()]


def run(command: Sequence[str], environment: Mapping[str, str], log: Path, server: Server | None = None) -> Cost:
    """Run a command to its end, measured; its output goes to `log`.

    Raises MeterlineError with the end of the output when it fails.
    """
    before = server.cpu() if server else 0.0
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)
        with Memory(psutil.Process(process.pid), server) as memory:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        end = log.read_text(errors="replace")[-OUTPUT_CHARACTERS:]
        raise MeterlineError(f"{' '.join(command[:4])} ended with exit code {process.returncode}:\n{end}")
    server_cpu = server.cpu() - before if server else 0.0
    return Cost(wall, usage.ru_utime + usage.ru_stime, server_cpu, memory.peak, memory.server_peak)


class Memory:
    """Samples the memory of a process tree and of a server beside it while the block runs."""

    def __init__(self, root: psutil.Process, server: Server | None) -> None:
        """Take both; peaks are bytes, 0 before the first sample."""
        self.peak = self.server_peak = 0
        self._root, self._server, self._done = root, server, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; the peaks stand."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, _proportional_bytes(tree))
            if self._server is not None:
                self.server_peak = max(self.server_peak, _proportional_bytes(self._server.processes()))


def _proportional_bytes(processes: Iterable[psutil.Process]) -> int:
    """A page that several processes share counts once: each is given its part of it."""
    total = 0
    for process in processes:
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
        total += getattr(memory, "pss", memory.uss)
    return total
