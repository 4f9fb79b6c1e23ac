"""JSON without floats: numbers keep the digits they were written with."""

from __future__ import annotations

import json
from typing import Any

from orchestration.ingest.rows import is_encodable

# Beyond these PostgreSQL's jsonb refuses a number.
MAX_EXPONENT = 300
MAX_NUMBER_LENGTH = 1000


class Number(str):
    """A JSON number as written; also the bare words NaN and Infinity, which are left to the rule about quantities."""

    __slots__ = ()


def _unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose member names differ: which of two values is meant would be a guess."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("an object names a member twice")
    return found


_DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_unique_members
)


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object of a text, numbers as Number; None for anything else, also when it nests too deep."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def canonical(value: Any) -> str | None:
    """Canonical text of a parsed value: members sorted, no spaces, numbers as written.

    None where PostgreSQL's jsonb could not hold the value.
    """
    try:
        text = _render(value)
    except (ValueError, RecursionError):
        return None
    return text if is_encodable(text) else None


def canonical_object(text: str) -> str | None:
    """Canonical text of a text that is a JSON object, else None."""
    value = parse_object(text)
    return None if value is None else canonical(value)


def loose(value: Any) -> str:
    """Some text of a parsed value that has no canonical one."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "nested too deep"


def _render(value: Any) -> str:
    if isinstance(value, Number):
        return _render_number(value)
    if isinstance(value, str):
        return _render_text(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_render_text(name)}:{_render(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_render, value)) + "]"
    return json.dumps(value)


def _render_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("jsonb holds no NUL character")
    return json.encoder.encode_basestring(text)


def _render_number(number: Number) -> str:
    exponent = number.lower().partition("e")[2]
    if number[-1] not in "0123456789" or len(number) > MAX_NUMBER_LENGTH or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise ValueError("not a number that jsonb holds")
    return str(number)
