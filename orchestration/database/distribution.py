"""One database over several machines: by tenant on the nodes of a Citus cluster, what is small on every node.

What grows with every message lies with its tenant's other rows, and is metered where it lies. What it is read together
with - names, configuration, periods - lies on every node. The books - what is rated, invoiced, decided - are small
beside the messages and stay on the coordinator, where plain PostgreSQL rates them.
"""

from __future__ import annotations

from contextlib import suppress
from graphlib import TopologicalSorter
from typing import LiteralString

import psycopg
from psycopg import sql

from orchestration.database.roles import ROLES
from orchestration.errors import BadInputError
from orchestration.settings import SHARDS_VARIABLE

LOCK = "select pg_advisory_lock(hashtext('meterline.distribution'))"
UNLOCK = "select pg_advisory_unlock(hashtext('meterline.distribution'))"
KEY = "tenant_no"
# The first to be placed; everything else that is placed by tenant lies beside it, the working tables of dbt included.
BESIDE = "store.high_water"
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
ON_EVERY_NODE = (
    "config.*",
    "registry.*",
    "raw.*",
    "ledger.configuration_changes",
    "ledger.loads",
    "ledger.marks",
    "ledger.refusal_remedies",
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
PLACED = {"names": [*BY_TENANT, *ON_EVERY_NODE]}
# Of every session of the database.
SETTINGS = {
    # Guards refuse whatever would change a row, on every node; none of them writes or reads elsewhere.
    "citus.enable_unsafe_triggers": "on",
    # What a transaction empties it fills, over the same connection to each node.
    "citus.max_adaptive_executor_pool_size": "1",
    "citus.multi_shard_modify_mode": "sequential",
    # How joins are planned is said before a query, and holds where it is planned.
    "citus.propagate_set_commands": "local",
}
HAS_CITUS = "select to_regclass('pg_catalog.pg_dist_partition') is not null"
IS_SPREAD = "select exists (select 1 from pg_dist_partition where logicalrelid = to_regclass('store.high_water'))"
OF_NODES = """
select oid from pg_class
where
    relkind in ('r', 'p')
    and not relispartition
    and relnamespace = any(array['config', 'registry', 'raw', 'ledger', 'store']::regnamespace[])
    and (oid::regclass::text = any(%(names)s) or relnamespace::regnamespace || '.*' = any(%(names)s))
"""
TO_PLACE = f"""
select relation.oid::regclass::text as name, array(
    select confrelid::regclass::text from pg_constraint
    where conrelid = relation.oid and contype = 'f' and confrelid <> conrelid
) as needs
from ({OF_NODES}) as relation
where not exists (select 1 from pg_dist_partition where logicalrelid = relation.oid)
order by 1
"""
# A table of the books that is tied to one of the nodes' by a key, Citus keeps as it keeps tables of nodes: with few of
# PostgreSQL's queries, and without the guards of its rows. The books are to stay plain PostgreSQL.
KEYS_BETWEEN = f"""
select conrelid::regclass::text, conname
from pg_constraint
where
    contype = 'f' and conparentid = 0
    and (conrelid in ({OF_NODES})) <> (confrelid in ({OF_NODES}))
order by 1, 2
"""
SHUT_OUT = "select rolname from pg_roles where rolname = any(%s) and not rolcanlogin order by 1"
# Who may add a row to a table may number it; where rows come from nodes, the right to the table does not include that.
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
    and not has_sequence_privilege(allowed.grantee, numbers.oid, 'usage')
order by 1, 2
"""

# A view shows what its owner may read, but nodes are asked as the role at work: it needs the tables below views, too.
BELOW_VIEWS = """
with recursive reads as (
    select distinct rule.ev_class as reader, used.refobjid as relation
    from pg_rewrite as rule
    inner join pg_depend as used on used.classid = 'pg_rewrite'::regclass and used.objid = rule.oid
    where used.refclassid = 'pg_class'::regclass and used.refobjid <> rule.ev_class
),

below as (
    select reader as view, relation from reads
    union
    select below.view, reads.relation
    from below
    inner join reads on below.relation = reads.reader
),

spread as (
    select distinct below.view
    from below
    inner join pg_dist_partition as placed on below.relation = placed.logicalrelid
)

select distinct relation.oid::regclass::text, role.name
from spread
inner join below on spread.view = below.view
inner join pg_class as relation on below.relation = relation.oid
cross join unnest(%s::text[]) as role (name)
where
    relation.relkind in ('r', 'p')
    and has_table_privilege(role.name, spread.view, 'select')
    and not has_any_column_privilege(role.name, relation.oid, 'select')
order by 1, 2
"""


def is_spread(connection: psycopg.Connection) -> bool:
    """Whether the tables of this database lie on several nodes, or may."""
    return _is(connection, HAS_CITUS) and _is(connection, IS_SPREAD)


def _is(connection: psycopg.Connection, question: LiteralString) -> bool:
    return connection.execute(question).fetchone() == (True,)


def apply(connection: psycopg.Connection, shards: int | None) -> list[str]:
    """Place what is not placed yet, large tables in `shards` shards; returns the names of the tables that it placed.

    `connection` must be in autocommit mode and, where something is to be placed, belong to a superuser. A database
    without further nodes keeps all shards itself, and more nodes may join it later. Raises BadInputError where the
    server has no Citus, or where the database is spread and `shards` does not say so.
    """
    if shards is None:
        if is_spread(connection):
            raise BadInputError(
                f"this database is spread over shards: set {SHARDS_VARIABLE} (its tables stay in as many as they have)"
            )
        return []
    connection.execute(LOCK)
    try:
        if not _is(connection, HAS_CITUS):
            _join(connection)
        _tune(connection)
        _loosen(connection)
        waiting = _in_order(connection)
        connection.execute(sql.SQL("set citus.shard_count = {}").format(sql.Literal(shards)))
        for name in waiting:
            _place(connection, name)
        _let_in(connection)
        return waiting
    finally:
        # Where the connection is lost, so is the lock, and what went wrong is said by what is raised.
        with suppress(psycopg.OperationalError):
            connection.execute(UNLOCK)


def _join(connection: psycopg.Connection) -> None:
    """Make the database the coordinator of a cluster that consists of nothing else."""
    try:
        connection.execute("create extension citus")
    except psycopg.Error as error:
        raise BadInputError(
            f"{SHARDS_VARIABLE} needs a server with Citus ({str(error).splitlines()[0]}); "
            f"put citus first in its shared_preload_libraries, or unset {SHARDS_VARIABLE}"
        ) from error
    known = connection.execute("select count(*) from pg_dist_node").fetchone()
    if known == (0,):
        port = connection.info.port
        connection.execute("select citus_set_coordinator_host('localhost', %s)", (port,))
        connection.execute("select citus_set_node_property('localhost', %s, 'shouldhaveshards', true)", (port,))


def _tune(connection: psycopg.Connection) -> None:
    """What holds for every session of this database, and for the present one; a copy of the database has lost it."""
    connection.execute("set client_min_messages = warning")
    for name, value in SETTINGS.items():
        if connection.execute("select current_setting(%s)", (name,)).fetchone() != (value,):
            database = sql.Identifier(connection.info.dbname)
            named = {"database": database, "name": sql.SQL(name), "value": sql.Literal(value)}
            connection.execute(sql.SQL("alter database {database} set {name} = {value}").format(**named))
            connection.execute(sql.SQL("set {name} = {value}").format(**named))


def _loosen(connection: psycopg.Connection) -> None:
    """Take away the keys between the books and what lies on nodes."""
    for table, key in connection.execute(KEYS_BETWEEN.encode(), PLACED).fetchall():
        connection.execute(sql.SQL("alter table {} drop constraint {}").format(sql.SQL(table), sql.Identifier(key)))


def _in_order(connection: psycopg.Connection) -> list[str]:
    """What is to be placed, each table after those that its foreign keys name."""
    rows = connection.execute(TO_PLACE.encode(), PLACED).fetchall()
    needs = {name: set(needed) if name == BESIDE else {*needed, BESIDE} for name, needed in rows}
    known = {name: {other for other in needed if other in needs and other != name} for name, needed in needs.items()}
    return list(TopologicalSorter(known).static_order())


def _place(connection: psycopg.Connection, name: str) -> None:
    if name in BY_TENANT:
        beside = "none" if name == BESIDE else BESIDE
        connection.execute("select create_distributed_table(%s, %s, colocate_with => %s)", (name, KEY, beside))
    else:
        connection.execute("select create_reference_table(%s)", (name,))


def _let_in(connection: psycopg.Connection) -> None:
    """Let nodes ask each other as the role at work; a role has no password and needs the leave of their pg_hba.conf."""
    for (role,) in connection.execute(SHUT_OUT, (list(ROLES),)).fetchall():
        connection.execute(sql.SQL("alter role {} login").format(sql.Identifier(role)))
    for sequence, role in connection.execute(NUMBERING).fetchall():
        grant = sql.SQL("grant usage on sequence {} to {}")
        connection.execute(grant.format(sql.SQL(sequence), sql.Identifier(role)))
    let_read(connection)


def let_read(connection: psycopg.Connection) -> None:
    """Let each role read the tables below the views that it may read; as their owner, where the database is spread."""
    for table, role in connection.execute(BELOW_VIEWS, (list(ROLES),)).fetchall():
        connection.execute(sql.SQL("grant select on {} to {}").format(sql.SQL(table), sql.Identifier(role)))
