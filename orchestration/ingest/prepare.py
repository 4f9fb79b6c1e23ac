"""A piece of a file to slim plain rows and the places of the odd ones, in DuckDB.

A row is plain when every field has the canonical type or form and its tenant, device and metric are registered. What
this decides is representation: whether a plain row is *good* is SQL's to say, and an odd row may be good as well.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.ingest.copy_binary import COLUMNS, EPOCH_OFFSET_US, MINUS_INFINITY, QUANTITY_PARTS
from orchestration.ingest.registry import MAX_REMEMBERED, Registry
from orchestration.ingest.rows import INSTANTS, Piece

# Arrow's types of a piece's columns, by name.
Types = dict[str, Any]

MIRROR_BATCH_ROWS = 50_000
# Table of the mirror: its definition and where its rows come from.
MIRROR = {
    "tenants": (
        "tenant_no integer, tenant_id varchar",
        "select tenant_no, tenant_id from registry.tenants",
    ),
    "devices": (
        "tenant_no integer, device_no integer, device_id varchar",
        "select tenant_no, device_no, device_id from registry.devices",
    ),
    "metrics": (
        "metric_no smallint, metric varchar",
        "select metric_no, metric from registry.metrics",
    ),
}

NEW_SESSIONS = "select distinct session_id from piece anti join sessions using (session_id) where session_id <> ''"
MAPPED_NAMES = "select distinct from_field from config.field_mappings where valid_to_load is null"
INTEGER_TEXT = r"-?\d{1,18}"
QUANTITY_TEXT = r"[+-]?\d{1,10}(\.\d{1,10})?"
INSTANT_TEXT = r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{1,6})?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)$"
# Years 1 to 9999 in microseconds since 1970: what Python and ISO 8601 can write.
LEAST_INSTANT_US, GREATEST_INSTANT_US = -62_135_596_800_000_000, 253_402_300_799_999_999
US_PER_SECOND = 1_000_000
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": US_PER_SECOND, "ns": 1_000_000_000}
QUANTITY_SCALE = 10
QUANTITY_TYPE = f"decimal(20, {QUANTITY_SCALE})"

# Microseconds since 1970 of a timestamp's text, taken apart by INSTANT_TEXT; null for a day that does not exist.
US_OF_PARTS = """
    create macro us_of_parts(parts) as
        epoch_us(try_cast(parts.moment as timestamp))
        + cast(rpad(substr(parts.fraction, 2), 6, '0') as bigint)
        - case when left(parts.zone, 1) = '-' then -1000000 else 1000000 end * (
            cast(substr(rpad(replace(parts.zone, ':', ''), 5, '0'), 2, 2) as bigint) * 3600
            + cast(substr(rpad(replace(parts.zone, ':', ''), 5, '0'), 4, 2) as bigint) * 60
        )
"""

TRAIT_FIELDS = ("unit", "quality", "attributes")
REQUIRED_NUMBERS = (
    "tenant_no",
    "device_no",
    "metric_no",
    "msg_seq",
    "seq_epoch",
    "quantity",
    *INSTANTS,
    "session_key",
    "traits_no",
)
SORT_KEY = ("tenant_no", "device_no", "metric_no", "seq_epoch", "msg_seq", "received_at", "row_index")


@dataclass(frozen=True)
class Prepared:
    """Plain rows as columns for copy_binary.encode, sorted by key, and the indexes of the odd rows in their piece."""

    columns: dict[str, npt.NDArray[Any]]
    odd_indexes: list[int]


class Preparer:
    """A DuckDB database in memory with a mirror of the registry as it was when this was made."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.registry = Registry(connection)
        self._duckdb = duckdb.connect(
            config={
                "threads": os.cpu_count() or 1,
                "memory_limit": "512MB",
                "temp_directory": tempfile.gettempdir(),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            }
        )
        self._duckdb.execute(US_OF_PARTS)
        self._duckdb.execute("create table sessions (session_id varchar, session_key bigint)")
        self._mapped_names = {name for (name,) in connection.execute(MAPPED_NAMES).fetchall()}
        with connection.transaction():
            for table in MIRROR:
                self._mirror(connection, table)

    def close(self) -> None:
        """Free the database."""
        self._duckdb.close()

    def forget(self) -> None:
        """Drop what is remembered of sessions and traits: the transaction that registered them is rolled back."""
        self.registry.forget()
        self._duckdb.execute("delete from sessions")

    def ahead(self, pieces: Iterable[Piece]) -> Generator[tuple[Piece, Prepared]]:
        """Each piece, split into plain and odd rows; the next one is split while the caller has this one.

        New sessions and traits are registered when a piece is asked for, never meanwhile.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as beside:
            waiting: tuple[Piece, Future[Prepared]] | None = None
            for piece in pieces:
                done = waiting and (waiting[0], waiting[1].result())
                waiting = piece, beside.submit(self._split, piece, self._registered(piece))
                if done:
                    yield done
                # Pieces are large: none stays behind while the next one is read.
                del piece, done
            if waiting:
                yield waiting[0], waiting[1].result()

    def _registered(self, piece: Piece) -> Types:
        """Give the piece to DuckDB, its new sessions and traits to the registry; returns its columns' types."""
        types = {name: piece.columns.schema.field(name).type for name in piece.columns.column_names}
        self._duckdb.register("piece", _numbered(piece.columns, self._renamed(piece)))
        try:
            self._map_sessions(types)
            self._map_traits(types)
        except BaseException:
            self._duckdb.unregister("piece")
            raise
        return types

    def _split(self, piece: Piece, types: Types) -> Prepared:
        try:
            self._duckdb.execute(_mapped_rows(types))
            plain = self._duckdb.execute(_plain_rows(piece.first_row)).fetchnumpy()
            odd = self._duckdb.execute(
                "select row_index from mapped where not is_plain order by row_index"
            ).fetchnumpy()
        finally:
            self._duckdb.unregister("piece")
        columns = {name: np.asarray(values) for name, values in plain.items()}
        return Prepared(columns, [int(index) for index in odd["row_index"]])

    def _renamed(self, piece: Piece) -> npt.NDArray[np.bool_]:
        """Which rows have a field under a declared name: SQL says where that name holds, so these rows are odd."""
        renamed = np.zeros(piece.columns.num_rows, np.bool_)
        if self._mapped_names:
            renamed[[index for index, fields in piece.extras() if not self._mapped_names.isdisjoint(fields)]] = True
        return renamed

    def _mirror(self, connection: psycopg.Connection, table: str) -> None:
        definition, source = MIRROR[table]
        self._duckdb.execute(f"create table {table} ({definition})")
        with connection.cursor(name="meterline_mirror") as cursor:
            cursor.execute(source)
            while rows := cursor.fetchmany(MIRROR_BATCH_ROWS):
                names = [column.name for column in cursor.description or ()]
                batch = pa.table(dict(zip(names, map(pa.array, zip(*rows, strict=True)), strict=True)))
                self._duckdb.register("batch", batch)
                self._duckdb.execute(f"insert into {table} by name select * from batch")
                self._duckdb.unregister("batch")

    def _map_sessions(self, types: Types) -> None:
        if not _is_text(types.get("session_id")):
            return
        ((remembered,),) = self._duckdb.execute("select count(*) from sessions").fetchall()
        if remembered > MAX_REMEMBERED:
            self._duckdb.execute("delete from sessions")
        texts = [text for (text,) in self._duckdb.execute(NEW_SESSIONS).fetchall()]
        if texts:
            keys = pa.array(self.registry.session_keys(texts), pa.int64())
            self._duckdb.register(
                "new_sessions", pa.table({"session_id": pa.array(texts, pa.string()), "session_key": keys})
            )
            self._duckdb.execute("insert into sessions by name select * from new_sessions")
            self._duckdb.unregister("new_sessions")

    def _map_traits(self, types: Types) -> None:
        columns = [f"nullif({name}, '')" if _is_text(types.get(name)) else "null::varchar" for name in TRAIT_FIELDS]
        query = f"select distinct {', '.join(columns)} from piece"
        traits = self._duckdb.execute(query).fetchall() if any(_is_text(types.get(n)) for n in TRAIT_FIELDS) else []
        table = {name: pa.array([trait[i] for trait in traits], pa.string()) for i, name in enumerate(TRAIT_FIELDS)}
        table["traits_no"] = pa.array(self.registry.traits_numbers(traits), pa.int32())
        self._duckdb.register("traits", pa.table(table))


def _numbered(columns: Any, renamed: npt.NDArray[np.bool_]) -> Any:
    """The columns with the row's index and mark; instants as integers, so that no unit is rounded.

    Of a type that no plain value has, only the presence of a value is passed on: DuckDB does not know all of Arrow's.
    """
    for position, field in enumerate(columns.schema):
        column = columns.column(position)
        if pa.types.is_timestamp(field.type):
            columns = columns.set_column(position, field.name, column.cast(pa.int64()))
        elif not (_is_text(field.type) or pa.types.is_integer(field.type) or pa.types.is_decimal128(field.type)):
            present = pc.if_else(pc.is_valid(column), pa.scalar(1, pa.int8()), pa.scalar(None, pa.int8()))
            columns = columns.set_column(position, field.name, present)
    columns = columns.append_column("is_renamed", pa.array(renamed))
    return columns.append_column("row_index", pa.array(np.arange(columns.num_rows, dtype=np.int32)))


def _mapped_rows(types: Types) -> str:
    """SQL that makes table `mapped`: one row per row of the piece, null where a value is not plain."""
    names = [
        name if _is_text(types.get(name)) else f"null::varchar as {name}"
        for name in ("tenant_id", "device_id", "metric")
    ]
    numbers = [f"{_number(name, types.get(name))} as {name}" for name in ("msg_seq", "seq_epoch", "quantity")]
    sources = [f"{_instant_source(name, types.get(name))} as {name}" for name in INSTANTS]
    sources.append(f"{_absent('sent_ts', types.get('sent_ts'))} as sent_is_absent")
    unix_us = ", ".join(f"{_unix_us(name, types.get(name))} as {name}" for name in INSTANTS)
    instants = ", ".join(f"{_instant(name)} as {name}" for name in INSTANTS)
    others = [f"piece.{name}" for name in ("session_id", *TRAIT_FIELDS) if name in types]
    session_key, session_join = _session_key(types.get("session_id"))
    traits_no, traits_join = _traits_no(types)
    return f"""
        create or replace temp table mapped as
        with parsed as (
            select row_index, is_renamed, {", ".join(names + numbers + sources + others)} from piece
        ), typed as (
            select * replace ({unix_us}) from parsed
        ), numbered as (
            select
                row_index, is_renamed, tenants.tenant_no, devices.device_no, metrics.metric_no,
                msg_seq, seq_epoch, quantity,
                {instants}, {session_key} as session_key, {traits_no} as traits_no
            from typed
            left join tenants on tenants.tenant_id = typed.tenant_id
            left join devices on devices.tenant_no = tenants.tenant_no and devices.device_id = typed.device_id
            left join metrics on metrics.metric = typed.metric
            {session_join}
            {traits_join}
        )
        select *, not is_renamed and {" and ".join(f"{name} is not null" for name in REQUIRED_NUMBERS)} as is_plain
        from numbered
    """


def _plain_rows(first_row: int) -> str:
    """SQL of the plain rows, named and typed as copy_binary takes them."""
    quantity_parts = (
        "quantity < 0",
        "trunc(abs(quantity))::bigint",
        "((abs(quantity) - trunc(abs(quantity))) * 10000000000)::bigint",
    )
    expressions = {name: name for name in COLUMNS if name != "load_id"}
    expressions["row_number"] = f"row_index + {first_row}"
    expressions.update(zip(QUANTITY_PARTS, quantity_parts, strict=True))
    columns = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
    return f"select {columns} from mapped where is_plain order by {', '.join(f'mapped.{name}' for name in SORT_KEY)}"


def _number(name: str, kind: Any) -> str:
    """SQL of msg_seq, seq_epoch (both bigint) or quantity (decimal); null where the value is not plain."""
    plain = _quantity(name, kind) if name == "quantity" else _integer(name, kind)
    if name != "seq_epoch":
        return plain
    return f"case when {_absent(name, kind)} then 0::bigint else {plain} end"


def _integer(name: str, kind: Any) -> str:
    if _is_text(kind):
        return f"case when regexp_full_match({name}, '{INTEGER_TEXT}') then try_cast({name} as bigint) end"
    if kind is not None and (pa.types.is_integer(kind) or (pa.types.is_decimal128(kind) and kind.scale == 0)):
        return f"try_cast({name} as bigint)"
    return "null::bigint"


def _quantity(name: str, kind: Any) -> str:
    if _is_text(kind):
        return f"case when regexp_full_match({name}, '{QUANTITY_TEXT}') then try_cast({name} as {QUANTITY_TYPE}) end"
    if kind is not None and pa.types.is_integer(kind):
        return f"try_cast({name} as {QUANTITY_TYPE})"
    if kind is None or not pa.types.is_decimal128(kind) or kind.scale < 0:
        return f"null::{QUANTITY_TYPE}"
    fits = f"try_cast({name} as {QUANTITY_TYPE})"
    if kind.scale <= QUANTITY_SCALE:
        return fits
    # More decimals than are stored are plain only where they are zeros.
    return f"case when try_cast({fits} as decimal({kind.precision}, {kind.scale})) = {name} then {fits} end"


def _instant_source(name: str, kind: Any) -> str:
    """SQL of a timestamp's parts where it is text, else of its count of units; null for other types."""
    if _is_text(kind):
        return f"regexp_extract({name}, '{INSTANT_TEXT}', ['moment', 'fraction', 'zone'])"
    return name if kind is not None and pa.types.is_timestamp(kind) and kind.tz else "null::bigint"


def _unix_us(name: str, kind: Any) -> str:
    """SQL of what `_instant_source` gave in microseconds since 1970, null where that would lose digits."""
    if _is_text(kind):
        return f"us_of_parts({name})"
    units_per_second = (
        UNITS_PER_SECOND[kind.unit] if kind is not None and pa.types.is_timestamp(kind) else US_PER_SECOND
    )
    if units_per_second > US_PER_SECOND:
        divisor = units_per_second // US_PER_SECOND
        return f"case when {name} % {divisor} = 0 then {name} // {divisor} end"
    factor = US_PER_SECOND // units_per_second
    least, greatest = LEAST_INSTANT_US // factor, GREATEST_INSTANT_US // factor
    return f"case when {name} between {least} and {greatest} then {name} * {factor} end"


def _instant(name: str) -> str:
    """SQL of a timestamp in microseconds since 2000."""
    instant = (
        f"case when {name} between {LEAST_INSTANT_US} and {GREATEST_INSTANT_US} then {name} - {EPOCH_OFFSET_US} end"
    )
    return (
        f"case when sent_is_absent then '{MINUS_INFINITY}'::bigint else {instant} end" if name == "sent_ts" else instant
    )


def _absent(name: str, kind: Any) -> str:
    """SQL of whether an optional field is missing: no column, null or empty."""
    if kind is None:
        return "true"
    return f"nullif({name}, '') is null" if _is_text(kind) else f"{name} is null"


def _session_key(kind: Any) -> tuple[str, str]:
    """SQL of the session's key, and the join that it needs."""
    if kind is None:
        return "0::bigint", ""
    if not _is_text(kind):
        return "case when session_id is null then 0::bigint end", ""
    return (
        "case when nullif(typed.session_id, '') is null then 0 else sessions.session_key end",
        "left join sessions on sessions.session_id = typed.session_id",
    )


def _traits_no(types: Types) -> tuple[str, str]:
    """SQL of the traits' number, and the join that it needs."""
    texts = [name for name in TRAIT_FIELDS if _is_text(types.get(name))]
    odd = [f"typed.{name} is null" for name in TRAIT_FIELDS if name in types and name not in texts]
    number = "traits.traits_no" if texts else "0"
    join = " and ".join(f"traits.{name} is not distinct from nullif(typed.{name}, '')" for name in texts)
    return (
        f"case when {' and '.join(odd)} then {number} end" if odd else number,
        f"left join traits on {join}" if texts else "",
    )


def _is_text(kind: Any) -> bool:
    if kind is not None and pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind is not None and bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
