"""Files of the archive that nothing has recorded: what a run that was killed has left, of a month that stayed."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from orchestration.doctor.examination import Finding, Subject, well, wrong

RECORDED = "select path from ledger.archived_files"
NAMED_FILES = 10


def unrecorded(subject: Subject) -> list[Finding]:
    """The first of them, where the archive is a folder of this machine; one at work may not have recorded its own."""
    url = subject.settings.archive_url
    if url and urlsplit(url).scheme not in ("", "file", "local"):
        return [well("the archive is in a store of its own: compare its list with ledger.archived_files there")]
    recorded = {path for (path,) in subject.session.execute(RECORDED).fetchall()}
    folder, until = Path(subject.settings.archive.path), time.monotonic() + subject.limits.landing_seconds
    files = (path for path in folder.rglob("*.parquet") if time.monotonic() < until)
    found = (path for path in files if str(path.relative_to(folder)) not in recorded and _is_old(subject, path))
    findings = [
        wrong(f"no month rests on {path}", f"rm {shlex.quote(str(path))}") for path in islice(found, NAMED_FILES)
    ]
    caveat = "" if time.monotonic() < until else "; there was no time to look at all of them"
    return findings or [well(f"every file of the archive is on record{caveat}")]


def _is_old(subject: Subject, path: Path) -> bool:
    return subject.now - datetime.fromtimestamp(path.stat().st_mtime, UTC) > subject.limits.statement
