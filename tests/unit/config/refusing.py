"""What the checks of a configuration folder say about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestration.config.folder import checked_folder
from orchestration.errors import BadInputError


def errors(folder: Path, tables: Mapping[str, str]) -> list[str]:
    """Write the tables as CSVs into the folder and check it; the lines of the refusal, none if it is taken."""
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    try:
        with checked_folder(folder):
            return []
    except BadInputError as error:
        return str(error).splitlines()
