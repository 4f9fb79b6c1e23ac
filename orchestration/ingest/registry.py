"""Numbers for sessions and traits: looked up in PostgreSQL, given there when they are new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import psycopg

from orchestration.errors import MeterlineError
from orchestration.ingest import json_text

Trait = tuple[str | None, str | None, str | None]

# Longest traits that surely fit an index entry: jsonb takes at most six times the text, an entry at most 2,700 bytes.
MAX_UNIT_BYTES = 200
MAX_ATTRIBUTES_BYTES = 380
# Texts of a kind remembered between pieces; beyond that the memory starts afresh.
MAX_REMEMBERED = 200_000
ROWS_PER_STATEMENT = 20_000

INSERT_SESSIONS = (
    "insert into registry.sessions (session_key, session_id)"
    " select * from unnest(%s::bigint[], %s::text[]) on conflict do nothing"
)
CLASHING_SESSION = (
    "select s.session_id from unnest(%s::bigint[], %s::text[]) as n (session_key, session_id)"
    " join registry.sessions as s using (session_key) where s.session_id <> n.session_id limit 1"
)
INSERT_TRAITS = (
    "insert into registry.traits (unit, quality, attributes)"
    " select unit, quality, attributes::jsonb from unnest(%s::text[], %s::text[], %s::text[])"
    " as n (unit, quality, attributes) on conflict do nothing"
)
# Never stored: an empty unit or quality, attributes that are JSON's null. They stand for the absent one here.
FIND_TRAITS = (
    "select n.position, t.traits_no"
    " from unnest(%s::text[], %s::text[], %s::text[]) with ordinality as n (unit, quality, attributes, position)"
    " join registry.traits as t on coalesce(t.unit, '') = coalesce(n.unit, '')"
    " and coalesce(t.quality, '') = coalesce(n.quality, '')"
    " and coalesce(t.attributes, 'null') = coalesce(n.attributes::jsonb, 'null')"
)


def session_key_of(session_id: str) -> int:
    """First 8 bytes of sha256 as a signed integer; 0 is kept for messages without a session, so 1 stands in for it."""
    digest = hashlib.sha256(session_id.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True) or 1


class Registry:
    """Sessions and traits of one ingestion, given numbers in the connection's transaction.

    Traits are remembered, and must be forgotten when that transaction is rolled back.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._traits: dict[Trait, int | None] = {}

    def forget(self) -> None:
        """Drop what is remembered, for it may not have been stored."""
        self._traits.clear()

    def session_keys(self, session_ids: Sequence[str]) -> list[int | None]:
        """Keys of distinct sessions, registered where they are new; None for a text that PostgreSQL cannot hold.

        Raises MeterlineError when two sessions have the same key.
        """
        keys = [None if "\0" in text else session_key_of(text) for text in session_ids]
        # In the order of their key, whose index takes them more easily.
        known = sorted((key, text) for key, text in zip(keys, session_ids, strict=True) if key is not None)
        for start in range(0, len(known), ROWS_PER_STATEMENT):
            columns = _columns(known[start : start + ROWS_PER_STATEMENT], 2)
            self._connection.execute(INSERT_SESSIONS, columns)
            clash = self._connection.execute(CLASHING_SESSION, columns).fetchone()
            if clash is not None:
                raise MeterlineError(f"session {clash[0]!r} and another one of this file have the same key")
        return keys

    def traits_numbers(self, traits: Sequence[Trait]) -> list[int | None]:
        """Numbers of distinct traits as delivered; None for those that are not plainly typed."""
        if len(self._traits) > MAX_REMEMBERED:
            self._traits.clear()
        canonical = {trait: _canonical(trait) for trait in traits if trait not in self._traits}
        new = sorted({trait for trait in canonical.values() if trait is not None}, key=str)
        numbers: dict[Trait, int] = {}
        for start in range(0, len(new), ROWS_PER_STATEMENT):
            some = new[start : start + ROWS_PER_STATEMENT]
            columns = _columns(some, 3)
            self._connection.execute(INSERT_TRAITS, columns)
            found = self._connection.execute(FIND_TRAITS, columns).fetchall()
            numbers.update((some[position - 1], number) for position, number in found)
        self._traits.update((trait, None if text is None else numbers[text]) for trait, text in canonical.items())
        return [self._traits[trait] for trait in traits]


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * width


def _canonical(trait: Trait) -> Trait | None:
    unit, quality, attributes = trait
    if attributes is not None:
        attributes = json_text.canonical_object(attributes)
        if attributes is None or len(attributes.encode()) > MAX_ATTRIBUTES_BYTES:
            return None
    for text in (unit, quality):
        if text is not None and ("\0" in text or len(text.encode()) > MAX_UNIT_BYTES):
            return None
    return unit, quality, attributes
