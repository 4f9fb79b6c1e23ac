"""A simulated fleet gateway: real readings delivered with a network's faults, and synthetic fleets of any size.

Whoever reads the landing zone must not know this package: it writes files, and says in a report what it put into them.
"""

from __future__ import annotations

from orchestration.ingest.simulator.demo import simulate_demo
from orchestration.ingest.simulator.fleet import simulate_fleet
from orchestration.ingest.simulator.report import RegionCounts, SimulationReport

__all__ = ["RegionCounts", "SimulationReport", "simulate_demo", "simulate_fleet"]
