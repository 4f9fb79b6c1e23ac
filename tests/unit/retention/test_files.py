"""Where the files of the archive lie, and what is read of them and of the store."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from upath import UPath

from orchestration.retention.files import path_of, writer_of
from orchestration.retention.reading import together


@pytest.mark.parametrize(
    ("tenant", "folder"),
    [
        ("acme-1", "acme-1"),
        # Folders of these would be one where capitals make no difference.
        ("Acme", "%41cme"),
        ("ACME", "%41%43%4D%45"),
        ("../../etc", "..%2F..%2Fetc"),
        ("a%2Fb", "a%252%46b"),
        ("é x", "%C3%A9%20x"),
    ],
)
def test_every_tenant_has_a_folder_of_its_own(tenant: str, folder: str) -> None:
    assert path_of("eu", "2019-02", tenant, "events") == f"region=eu/month=2019-02/tenant={folder}/events.parquet"


def test_long_names_stay_apart_within_what_a_file_system_takes() -> None:
    one, other = (path_of("eu", "2019-02", "x" * 300 + end, "events") for end in "ab")
    assert one != other
    assert max(len(part) for part in one.split("/")) <= 255


@pytest.mark.parametrize("has_root", [True, False])
def test_every_folder_of_a_file_is_on_disk_for_good(
    has_root: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    root = tmp_path / "archive"
    if has_root:
        root.mkdir()
    path = path_of("eu", "2019-02", "acme", "minutes")
    at = datetime(2019, 2, 10, 12, tzinfo=UTC)
    with writer_of(UPath(root), path, "minutes") as write:
        write([("acme", "m-1", "energy", at, "acme:2019-02-01", Decimal("1.5"), 1, at, "eu")])
    # The file, and the entry of each folder in the one above it.
    tenant = (root / path).parent
    above = [tenant, tenant.parent, tenant.parent.parent, root, *([] if has_root else [tmp_path])]
    assert set(synced) == {root / path, *above}


def test_what_left_the_store_while_it_was_read_is_there_once() -> None:
    at = datetime(2019, 2, 10, 12, tzinfo=UTC)
    first, second = ({"event_id": name, "device_ts": at, "event_at": at} for name in "ab")
    # Counters that restart give a number again, at another time.
    again = first | {"device_ts": at.replace(day=11), "event_at": at.replace(day=11)}
    assert together([second, again], [second, first]) == [first, second, again]
