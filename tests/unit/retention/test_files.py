"""Where the files of the archive lie."""

from __future__ import annotations

import pytest

from orchestration.retention.files import path_of


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
