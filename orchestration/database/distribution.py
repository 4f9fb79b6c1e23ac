"""One database over several machines: by tenant on the nodes of a Citus cluster, small tables on every node."""

from __future__ import annotations

import psycopg
from psycopg import sql

from orchestration.errors import BadInputError

LOCK = "select pg_advisory_lock(hashtext('meterline.distribution'))"
UNLOCK = "select pg_advisory_unlock(hashtext('meterline.distribution'))"
KEY = "tenant_no"
# The first to be placed; everything else that has a tenant lies beside it.
BESIDE = "store.high_water"
# Read whole, whatever their rows say of a tenant: registers of names, decisions, the books of files.
SMALL = ("registry", "config", "ledger")

# Tables of migrations and of models alike. A key without the tenant cannot be kept by one node alone, and a table
# without a tenant belongs to all. The audit chain and the turns are the coordinator's own: no query joins them.
TO_PLACE = """
with relations as (
    select relation.oid, place.nspname || '.' || relation.relname as name, place.nspname as schema_name,
        exists (
            select 1 from pg_attribute where attrelid = relation.oid and attname = %(key)s and not attisdropped
        )
        and not exists (
            select 1 from pg_index
            where
                indrelid = relation.oid and indisunique
                and not exists (
                    select 1 from pg_attribute
                    where attrelid = relation.oid and attname = %(key)s and attnum = any(indkey)
                )
        )
        and place.nspname <> all(%(small)s) as is_by_tenant
    from pg_class as relation
    inner join pg_namespace as place on relation.relnamespace = place.oid
    where
        relation.relkind in ('r', 'p') and not relation.relispartition
        and place.nspname in ('config', 'registry', 'raw', 'ledger', 'store', 'metering', 'usage', 'billing')
        and place.nspname || '.' || relation.relname <> 'ledger.turns'
        and not exists (select 1 from pg_dist_partition where logicalrelid = relation.oid and partmethod in ('h', 'n')
            and (partmethod = 'h' or repmodel = 't'))
)

select name, is_by_tenant, array(
    select confrelid::regclass::text from pg_constraint
    where conrelid = relations.oid and contype = 'f' and confrelid <> conrelid
) as needs
from relations
order by name <> %(beside)s, name
"""


def apply(connection: psycopg.Connection, shards: int) -> list[str]:
    """Place what is not placed yet, large tables in `shards` shards; returns the names of the tables that it placed.

    `connection` must be in autocommit mode and belong to a superuser. A database without further nodes keeps all shards
    itself, and more nodes may join it later. Raises BadInputError where the server has no Citus.
    """
    connection.execute(LOCK)
    try:
        _join(connection)
        connection.execute(sql.SQL("set citus.shard_count = {}").format(sql.Literal(shards)))
        # Guards refuse whatever would change a row, on every node; none of them writes or reads elsewhere.
        connection.execute("set citus.enable_unsafe_triggers = on")
        connection.execute("set client_min_messages = warning")
        placed = [_place(connection, name, by_tenant) for name, by_tenant in _in_order(connection)]
        connection.execute("alter function store.ensure_partitions(date, date) set citus.enable_unsafe_triggers = on")
        return placed
    finally:
        connection.execute(UNLOCK)


def _join(connection: psycopg.Connection) -> None:
    """Make the database the coordinator of a cluster, if it is none."""
    try:
        connection.execute("create extension if not exists citus")
    except psycopg.Error as error:
        raise BadInputError(
            f"METERLINE_SHARDS needs a server with Citus ({str(error).splitlines()[0]}); "
            "put citus first in its shared_preload_libraries, or unset METERLINE_SHARDS"
        ) from error
    known = connection.execute("select count(*) from pg_dist_node").fetchone()
    if known == (0,):
        port = connection.info.port
        connection.execute("select citus_set_coordinator_host('localhost', %s)", (port,))
        connection.execute("select citus_set_node_property('localhost', %s, 'shouldhaveshards', true)", (port,))


def _in_order(connection: psycopg.Connection) -> list[tuple[str, bool]]:
    """What is to be placed, each table after those that its foreign keys name."""
    rows = connection.execute(TO_PLACE, {"key": KEY, "small": list(SMALL), "beside": BESIDE}).fetchall()
    waiting = {name: set(needs) for name, _, needs in rows}
    # A foreign key is kept only towards what lies on every node: neither side of one can be placed by tenant first.
    by_tenant = {name for name, is_by_tenant, _ in rows if is_by_tenant}.difference(*waiting.values())
    ordered: list[tuple[str, bool]] = []
    while waiting:
        free = [name for name, needs in waiting.items() if not needs & set(waiting)]
        ordered += [(name, name in by_tenant) for name in free]
        for name in free:
            del waiting[name]
    return ordered


def _place(connection: psycopg.Connection, name: str, by_tenant: bool) -> str:
    if not by_tenant:
        connection.execute("select create_reference_table(%s)", (name,))
    elif name == BESIDE:
        connection.execute("select create_distributed_table(%s, %s, colocate_with => 'none')", (name, KEY))
    else:
        connection.execute("select create_distributed_table(%s, %s, colocate_with => %s)", (name, KEY, BESIDE))
    return name
