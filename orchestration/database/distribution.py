"""One database over several machines: by tenant on the nodes of a Citus cluster, small tables on every node."""

from __future__ import annotations

from graphlib import TopologicalSorter

import psycopg
from psycopg import sql

from orchestration.errors import BadInputError

LOCK = "select pg_advisory_lock(hashtext('meterline.distribution'))"
UNLOCK = "select pg_advisory_unlock(hashtext('meterline.distribution'))"
KEY = "tenant_no"
# The first to be placed; everything else that has a tenant lies beside it.
BESIDE = "store.high_water"
# What grows with every message, and hours and days.
BY_TENANT = (
    BESIDE,
    "raw.messages",
    "store.device_receipts",
    "store.event_restatements",
    "store.marked_events",
    "store.received_hours",
    "store.register_uses",
    "store.repeats",
    "store.seen_sequences",
    "store.sequence_runs",
    "store.series",
    "store.session_evidence",
    "store.slim_events",
    "store.usage_days",
    "store.usage_hours",
    "store.usage_minutes",
)
# What those are read together with. Everything else - what is rated, invoiced, decided - is the coordinator's own: the
# books are small beside the messages, and are kept and rated by plain PostgreSQL.
ON_EVERY_NODE = (
    "config.*",
    "registry.*",
    "raw.*",
    "ledger.configuration_changes",
    "ledger.loads",
    "ledger.marks",
    "ledger.released_rows",
    "store.closed_estimates",
    "store.closed_flags",
    "store.edits",
    "store.folded_conflicts",
    "store.folded_periods",
    "store.folds",
    "store.period_closes",
    "store.periods",
    "store.quarantine",
    "store.seen_exchanges",
)
SETTINGS = {
    # Guards refuse whatever would change a row, on every node; none of them writes or reads elsewhere.
    "citus.enable_unsafe_triggers": "on",
    # What a transaction empties it fills, over the same connection to each node.
    "citus.max_adaptive_executor_pool_size": "1",
    "citus.multi_shard_modify_mode": "sequential",
    # How joins are planned is said before a query, and holds where it is planned.
    "citus.propagate_set_commands": "local",
}

TO_PLACE = """
select relation.oid::regclass::text as name, array(
    select confrelid::regclass::text from pg_constraint
    where conrelid = relation.oid and contype = 'f' and confrelid <> conrelid
) as needs
from pg_class as relation
where
    relation.relkind in ('r', 'p')
    and not relation.relispartition
    and relation.relnamespace = any(array['config', 'registry', 'raw', 'ledger', 'store']::regnamespace[])
    and (relation.oid::regclass::text = any(%(names)s) or relation.relnamespace::regnamespace || '.*' = any(%(names)s))
    and not exists (select 1 from pg_dist_partition where logicalrelid = relation.oid)
order by 1
"""


# Who may add a row to a table may number it; where tables are placed, the right to the table does not include that.
NUMBERING = """
select numbers.oid::regclass::text, pg_get_userbyid(allowed.grantee)
from pg_class as numbers
inner join pg_depend as owned
    on owned.classid = 'pg_class'::regclass and owned.objid = numbers.oid and owned.deptype = 'i'
inner join pg_class as numbered on owned.refobjid = numbered.oid
cross join lateral aclexplode(numbered.relacl) as allowed
where
    numbers.relkind = 'S'
    and allowed.privilege_type = 'INSERT'
    and allowed.grantee <> numbered.relowner
    and exists (select 1 from pg_dist_partition where logicalrelid = numbered.oid)
"""


def apply(connection: psycopg.Connection, shards: int) -> list[str]:
    """Place what is not placed yet, large tables in `shards` shards; returns the names of the tables that it placed.

    `connection` must be in autocommit mode and belong to a superuser. A database without further nodes keeps all shards
    itself, and more nodes may join it later. Raises BadInputError where the server has no Citus.
    """
    connection.execute(LOCK)
    try:
        _join(connection)
        _let_in(connection)
        _tune(connection)
        connection.execute(sql.SQL("set citus.shard_count = {}").format(sql.Literal(shards)))
        connection.execute("set client_min_messages = warning")
        placed = [_place(connection, name) for name in _in_order(connection)]
        for sequence, role in connection.execute(NUMBERING).fetchall():
            connection.execute(
                sql.SQL("grant usage on sequence {} to {}").format(sql.SQL(sequence), sql.Identifier(role))
            )
        return placed
    finally:
        connection.execute(UNLOCK)


def is_spread(connection: psycopg.Connection) -> bool:
    """Whether the tables of this database lie on several nodes, or may."""
    return connection.execute("select to_regclass('pg_catalog.pg_dist_partition')").fetchone() != (None,)


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


def _let_in(connection: psycopg.Connection) -> None:
    """Let nodes ask each other as the role at work: who has no password still needs the server's leave (pg_hba.conf)."""
    roles = connection.execute("select rolname from pg_roles where rolname like 'meterline\\_%' and not rolcanlogin")
    for (role,) in roles.fetchall():
        connection.execute(sql.SQL("alter role {} login").format(sql.Identifier(role)))


def _tune(connection: psycopg.Connection) -> None:
    """What holds for every session of this database, and for the present one."""
    database = sql.Identifier(connection.info.dbname)
    for name, value in SETTINGS.items():
        connection.execute(
            sql.SQL("alter database {} set {} = {}").format(database, sql.SQL(name), sql.Literal(value))
        )
        connection.execute(sql.SQL("set {} = {}").format(sql.SQL(name), sql.Literal(value)))


def _in_order(connection: psycopg.Connection) -> list[str]:
    """What is to be placed, each table after those that its foreign keys name."""
    needs = dict(connection.execute(TO_PLACE, {"names": [*BY_TENANT, *ON_EVERY_NODE]}).fetchall())
    # The one that the others lie beside comes before them.
    needs = {name: set(needed) | ({BESIDE} if name in BY_TENANT else set()) for name, needed in needs.items()}
    return list(TopologicalSorter({name: needed & set(needs) - {name} for name, needed in needs.items()}).static_order())


def _place(connection: psycopg.Connection, name: str) -> str:
    if name not in BY_TENANT:
        connection.execute("select create_reference_table(%s)", (name,))
    else:
        beside = "none" if name == BESIDE else BESIDE
        connection.execute(
            "select create_distributed_table(%s, %s, colocate_with => %s)", (name, KEY, beside)
        )
    return name
