"""What a simulation put into the landing zone, so that what the platform finds there can be compared with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class RegionCounts:
    """Counts of one region's folder.

    `readings` are distinct messages, each the first of its identity; `late` are those of them received beyond the
    grace of their period. `duplicates` repeat a reading, `malformed` rows (by reason) are beside the readings.
    """

    readings: int = 0
    duplicates: int = 0
    late: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    files: int = 0
    unreadable_files: int = 0
    empty_files: int = 0

    @property
    def messages(self) -> int:
        """Rows in readable files."""
        return self.readings + self.duplicates + self.malformed.total()

    def __add__(self, other: RegionCounts) -> RegionCounts:
        return RegionCounts(
            readings=self.readings + other.readings,
            duplicates=self.duplicates + other.duplicates,
            late=self.late + other.late,
            malformed=self.malformed + other.malformed,
            files=self.files + other.files,
            unreadable_files=self.unreadable_files + other.unreadable_files,
            empty_files=self.empty_files + other.empty_files,
        )


@dataclass
class SimulationReport:
    """Counts by region; `written_files` were not there before this run."""

    regions: dict[str, RegionCounts] = field(default_factory=lambda: defaultdict(RegionCounts))
    written_files: int = 0

    @property
    def total(self) -> RegionCounts:
        """The regions together."""
        return sum(self.regions.values(), RegionCounts())
