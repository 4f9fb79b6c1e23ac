"""An import: files of another system, read whole, then written as landing files of one tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from upath import UPath

from orchestration.config.problems import Problems
from orchestration.config.reading import TableFile
from orchestration.config.tables import TABLES, Tenant
from orchestration.errors import BadInputError
from orchestration.importing.aliases import Aliases, read_aliases
from orchestration.importing.canonical import Delivery, Destination, write
from orchestration.importing.greenbutton import read_green_button
from orchestration.importing.nem12 import read_nem12

FORMATS: Mapping[str, Callable[[Path, Aliases], Delivery]] = MappingProxyType(
    {"greenbutton": read_green_button, "nem12": read_nem12}
)


@dataclass(frozen=True)
class Imported:
    """What an import did; `paths` are landing files, relative to the landing zone, with whether each is new."""

    paths: list[tuple[str, bool]]
    reading_count: int
    no_data_count: int


def import_files(source: str, files: Sequence[Path], aliases: Path, destination: Destination) -> Imported:
    """Write the readings of `files` into the landing zone; the same files and aliases give the same bytes.

    Raises BadInputError, before anything is written, with file, record and remedy.
    """
    if source not in FORMATS:
        raise BadInputError(f"{source!r} cannot be imported; use one of {', '.join(sorted(FORMATS))}")
    known = read_aliases(aliases)
    # Twice, so that nothing is written when the last file is bad and only one file's readings are in memory.
    for path in files:
        FORMATS[source](path, known)
    paths, readings, no_data = [], 0, 0
    for path in files:
        delivery = FORMATS[source](path, known)
        paths += write(destination, source, delivery.made_at, delivery.readings)
        readings += len(delivery.readings)
        no_data += delivery.no_data_count
    return Imported(paths, readings, no_data)


def destination_of(config_folder: Path, tenant_id: str, landing: UPath) -> Destination:
    """A configured tenant's place in a landing zone. Raises BadInputError for a tenant that is not configured."""
    table = next(table for table in TABLES if table.model is Tenant)
    problems = Problems()
    for _, row in TableFile(config_folder, table, problems).rows():
        if isinstance(row, Tenant) and row.tenant_id == tenant_id:
            return Destination(landing, row.region, tenant_id)
    problems.raise_if_any()
    raise BadInputError(f"--tenant {tenant_id!r} is not in {config_folder / table.file}; add it there or correct it")
