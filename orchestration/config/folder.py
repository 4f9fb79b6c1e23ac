"""A configuration folder, read and checked as a whole, in the form in which it is loaded."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json.encoder import encode_basestring
from pathlib import Path

import numpy as np

from orchestration.config.checks import Checks, Rows
from orchestration.config.problems import Problems
from orchestration.config.reading import TableFile
from orchestration.config.tables import TABLES, Device, Row, Table
from orchestration.config.values import normal_text

DIGEST_BYTES = 32
LOG = logging.getLogger("meterline.configuration")


@dataclass(frozen=True)
class CheckedTable:
    """Rows of one table in normal form, at `path`."""

    table: Table
    path: Path
    row_count: int


@dataclass(frozen=True)
class CheckedFolder:
    """A folder without errors."""

    content_sha256: str
    tables: tuple[CheckedTable, ...]
    warnings: tuple[str, ...]


@contextmanager
def checked_folder(folder: Path) -> Iterator[CheckedFolder]:
    """Read and check the CSVs of `folder`; the normal forms last as long as the context.

    `content_sha256` depends on the normalised rows alone, not on their order or on how they are written.
    Raises BadInputError with a line for every error found.
    """
    with tempfile.TemporaryDirectory(prefix="meterline-config-") as scratch:
        checked = _read(folder, Path(scratch))
        for warning in checked.warnings:
            LOG.warning(warning)
        yield checked


def _read(folder: Path, scratch: Path) -> CheckedFolder:
    reader = _FolderReader(folder, scratch)
    forms = [reader.devices(table) if table.model is Device else reader.small_table(table) for table in TABLES]
    reader.problems.raise_if_any()
    # Tables without rows are left out, so that a folder without an optional file and one with an empty file are equal.
    filled = sorted((form.table.name, form.digest()) for form in forms if form.row_count)
    content = "".join(f"{name} {digest}\n" for name, digest in filled)
    return CheckedFolder(
        content_sha256=hashlib.sha256(content.encode()).hexdigest(),
        tables=tuple(CheckedTable(form.table, form.path, form.row_count) for form in forms),
        warnings=tuple(reader.warnings),
    )


class _FolderReader:
    """Reads the tables in order; problems and warnings gather here."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.problems = Problems()
        self.warnings: list[str] = []
        self._rows = Rows()
        self._folder = folder
        self._scratch = scratch

    def small_table(self, table: Table) -> NormalForm:
        """Read a table whose rows stay in memory for the checks."""
        file = TableFile(self._folder, table, self.problems)
        with NormalForm(table, self._scratch) as form:
            for line, row in file.rows(self._rows.time_zones()):
                form.write(line, row)
                getattr(self._rows, table.name).append((line, row))
        self._warn_of_ignored(file)
        return form

    def devices(self, table: Table) -> NormalForm:
        """Check the tables read so far, then read the devices against them, one at a time."""
        checks = Checks(self._rows, self.problems)
        checks.all_but_devices()
        file = TableFile(self._folder, table, self.problems)
        with NormalForm(table, self._scratch) as form:
            for line, row in file.rows(self._rows.time_zones()):
                form.write(line, row)
                assert isinstance(row, Device)
                checks.device(line, row)
        checks.finish_devices(TableFile(self._folder, table, Problems()).cells)
        self._warn_of_ignored(file)
        self.warnings += checks.warnings
        return form

    def _warn_of_ignored(self, file: TableFile) -> None:
        if file.ignored_columns:
            names = ", ".join(file.ignored_columns)
            self.warnings.append(f"{file.table.file}: this release does not know the columns {names} and ignored them")


class NormalForm:
    """Writes rows as COPY text (an empty text is a null): line, columns, row_sha256; open as a context.

    `row_sha256` is over the canonical JSON of the columns that differ from their default, so that a column which a
    later release adds leaves the hashes of the rows that do not use it as they were.
    """

    def __init__(self, table: Table, folder: Path) -> None:
        """Nothing is written before the context is entered."""
        self.table = table
        self.path = folder / table.name
        self.row_count = 0
        self._json_names = [encode_basestring(name) + ":" for name in table.columns]
        self._defaults = [normal_text(table.defaults.get(name)) for name in table.columns]
        self._digests = bytearray()

    def __enter__(self) -> NormalForm:
        """Begin the file."""
        self._file = self.path.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, *_: object) -> None:
        """End the file."""
        self._file.close()

    def write(self, line: int, row: Row) -> None:
        """Add a row that begins on `line`."""
        texts = [value if type(value) is str else normal_text(value) for value in vars(row).values()]
        told = [
            name + encode_basestring(text)
            for name, text, default in zip(self._json_names, texts, self._defaults, strict=True)
            if text != default
        ]
        # By hand, in canonical order: json.dumps takes three times as long, and rows may be millions.
        digest = hashlib.sha256(("{" + ",".join(sorted(told)) + "}").encode())
        self._digests += digest.digest()
        self.row_count += 1
        # No text holds a tab or a line end (values.text), so the backslash is all that COPY would misread.
        cells = "\t".join(texts).replace("\\", "\\\\")
        self._file.write(f"{line}\t{cells}\t{digest.hexdigest()}\n")

    def digest(self) -> str:
        """Hash over the rows' hashes in order of their bytes."""
        return hashlib.sha256(np.sort(np.frombuffer(self._digests, dtype=f"S{DIGEST_BYTES}")).tobytes()).hexdigest()
