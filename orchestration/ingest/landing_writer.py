"""Immutable files: each appears whole or not at all, and one that is there already is never written again."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from orchestration.errors import BadInputError


def store(folder: UPath | Path, relative_path: str, content: bytes) -> bool:
    """Write a file under `folder`, atomically; False when it was there with the same content.

    Raises BadInputError when it is there with another content: a landing file never changes, and two writers in
    one landing zone would make a third that nobody knows the counts of.
    """
    target = UPath(folder) / relative_path
    if target.exists():
        if target.read_bytes() == content:
            return False
        raise BadInputError(
            f"{target}: exists with other content; a landing file never changes, so write into an empty folder"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Hidden while it grows: whoever lists the folder passes over names that begin with a dot.
    temporary = target.parent / f".{target.name}.partial"
    temporary.write_bytes(content)
    target.fs.mv(temporary.path, target.path)
    return True
