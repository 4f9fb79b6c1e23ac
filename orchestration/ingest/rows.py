"""What the readers hand on: pieces of a file, and the words in which a row of doubtful form is described.

No rule lives here. A field's tag says in which form it was delivered; SQL decides what that is worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.errors import MeterlineError

FIELDS = (
    "tenant_id",
    "device_id",
    "metric",
    "msg_seq",
    "seq_epoch",
    "quantity",
    "device_ts",
    "sent_ts",
    "received_at",
    "session_id",
    "unit",
    "quality",
    "attributes",
)
KNOWN_FIELDS = frozenset(FIELDS)
INSTANTS = ("device_ts", "sent_ts", "received_at")

MAX_LINE_BYTES = 1024 * 1024
MAX_TEXT_BYTES = 64 * 1024
CUT_NOTE = f" [cut: the first {MAX_TEXT_BYTES} bytes are kept]"

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")

# Field name to {"t": tag, "v": text}; None for a row that does not parse.
Described = dict[str, dict[str, str]] | None


# Fields that the platform does not know, as they are kept beside a row; the last name says that there were more.
Extras = dict[str, dict[str, str]]
MAX_NAME_LENGTH = 200
CUT_NAME = "(cut)"


class UnreadableFileError(MeterlineError):
    """The container of a landing file cannot be read: none of its rows count."""


@dataclass(frozen=True)
class OddRow:
    """A row for SQL to judge: every field as text with a tag, and the row as it was delivered."""

    row_number: int
    fields: Described
    raw_text: str


def _no_extras() -> Iterator[tuple[int, Extras]]:
    return iter(())


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one file.

    `columns` holds those of FIELDS that the file has, one row per record; row i is record `first_row + i`. A row that
    the columns cannot express is null in all of them. `describe` renders rows, given by their index, as odd ones;
    `extras` gives index and fields of the rows with fields that are not in FIELDS, and may be asked again.
    """

    first_row: int
    columns: Any
    describe: Callable[[Sequence[int]], Iterator[OddRow]]
    extras: Callable[[], Iterator[tuple[int, Extras]]] = _no_extras


def clean(text: str) -> str:
    """The text as PostgreSQL can hold it: NUL characters and lone surrogates become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if is_encodable(text) else _LONE_SURROGATES.sub("\ufffd", text)


def is_encodable(text: str) -> bool:
    """Whether the text has a UTF-8 form, which lone surrogates have not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def raw_text_of(text: str) -> str:
    """A row's text for the raw column: clean, and cut with a note where it is long."""
    if _is_simple(text):
        return text
    text = clean(text)
    kept = _cut(text)
    return text if kept == text else kept + CUT_NOTE


def value_of(tag: str, text: str) -> dict[str, str]:
    """One described field. A value that had to be cleaned or cut is no longer what was sent, so its tag is `other`."""
    if _is_simple(text):
        return {"t": tag, "v": text}
    kept = _cut(clean(text))
    return {"t": tag if kept == text else "other", "v": kept}


def extras_of(described: Iterable[tuple[str, dict[str, str]]]) -> Extras:
    """Fields to keep beside a row, in order, as many as MAX_TEXT_BYTES hold."""
    kept: Extras = {}
    left = MAX_TEXT_BYTES
    for name, value in described:
        left -= min(len(name), MAX_NAME_LENGTH) + len(value["v"].encode())
        if left < 0:
            kept[CUT_NAME] = value_of("other", CUT_NOTE.strip())
            break
        kept[clean(name)[:MAX_NAME_LENGTH]] = value
    return kept


def _is_simple(text: str) -> bool:
    """Whether the text surely stays as it is; nearly every one is."""
    return text.isascii() and len(text) <= MAX_TEXT_BYTES and "\0" not in text


def _cut(text: str) -> str:
    encoded = text.encode()
    return text if len(encoded) <= MAX_TEXT_BYTES else encoded[:MAX_TEXT_BYTES].decode(errors="ignore")
