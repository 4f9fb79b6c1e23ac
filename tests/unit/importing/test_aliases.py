"""The CSV of aliases: complete, unambiguous, and no way for an identifier to get into the platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.aliases import masked, read_aliases

HEADER = "identifier,channel,device_id,metric\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("identifier,device_id\n", "the header must be identifier,channel,device_id,metric"),
        (f"{HEADER}4102000001,E1,meter-1,\n", "line 2: every row needs"),
        (f"{HEADER}4102000001,E1,meter-1,energy,more\n", "line 2: every row needs"),
        (
            f"{HEADER}4102000001,E1,m-1,energy\n4102000001,E1,m-2,energy\n",
            "line 3: the channel or its device and metric",
        ),
        (
            f"{HEADER}4102000001,E1,m-1,energy\n4102000002,E1,m-1,energy\n",
            "line 3: the channel or its device and metric",
        ),
        (f"{HEADER}4102000001,E1,4102000001,energy\n", "line 2: device_id is the identifier itself"),
        (f"{HEADER}4102000001,E1,00:1B:44:11:3A:B7,energy\n", "line 2: '*************A:B7' looks like a hardware"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "aliases.csv"
    path.write_text(text)
    with pytest.raises(BadInputError) as refusal:
        read_aliases(path)
    assert line in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.csv: cannot be read"):
        read_aliases(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("identifier", "shown"), [("4102000001", "******0001"), ("12345", "*2345"), ("1234", "*234"), ("1", "*")]
)
def test_an_identifier_is_never_shown_whole(identifier: str, shown: str) -> None:
    assert masked(identifier) == shown
