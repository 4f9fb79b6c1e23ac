"""Whether the database is of this release: its migrations, its relations, its roles and its guards."""

from __future__ import annotations

from psycopg import sql

from orchestration.database import migrations
from orchestration.database.guarded import GUARDS
from orchestration.database.roles import ROLES
from orchestration.dbt import deployed_sha256
from orchestration.doctor.examination import PREPARE, Finding, Subject, well, wrong

DEPLOYED = "select sha256 from ledger.deployments order by deployed_at desc limit 1"
KNOWN_ROLES = "select rolname, rolcanlogin from pg_catalog.pg_roles where rolname = any(%s)"
# Of nodes that ask each other as these roles. Only a superuser sees it.
MAY_SEE_WHO_IS_ABLE = "select has_table_privilege('pg_catalog.pg_authid', 'select')"
ABLE_TO_LOG_IN = """
select rolname from pg_catalog.pg_authid where rolname = any(%s) and rolpassword is not null order by 1
"""
# A guard that is not `always` lets pass whoever sets session_replication_role.
LAX_GUARDS = """
select place.nspname, relation.relname, guard.tgname
from pg_catalog.pg_trigger as guard
inner join pg_catalog.pg_class as relation on guard.tgrelid = relation.oid
inner join pg_catalog.pg_namespace as place on relation.relnamespace = place.oid
where guard.tgname in ('append_only', 'not_emptied', 'unchanged', 'approved_purges') and guard.tgenabled <> 'A'
order by 1, 2, 3
"""
# What migrations guard, and the event store's months, which are guarded as they come.
UNGUARDED = """
select place.nspname, relation.relname, guarded.guard
from (
    select inhrelid as relation, guard
    from pg_catalog.pg_inherits
    cross join unnest(array['append_only', 'not_emptied']) as guard
    where inhparent = to_regclass('store.slim_events')
    union all
    select to_regclass(guard.relation), guard.name
    from unnest(%s::text[], %s::text[]) as guard (relation, name)
) as guarded
inner join pg_catalog.pg_class as relation on guarded.relation = relation.oid
inner join pg_catalog.pg_namespace as place on relation.relnamespace = place.oid
where not exists (
    select 1 from pg_catalog.pg_trigger where tgrelid = relation.oid and tgname = guarded.guard
)
order by 1, 2, 3
"""
# No key of all months says that each has its own.
WITHOUT_KEY = """
select month.relname
from pg_catalog.pg_inherits
inner join pg_catalog.pg_class as month on inhrelid = month.oid
where
    inhparent = to_regclass('store.slim_events')
    and not exists (
        select 1
        from pg_catalog.pg_index
        where
            indrelid = month.oid and indisunique and indisvalid
            and pg_get_indexdef(indexrelid) like '%(tenant_no, series_no, msg_seq)'
    )
order by 1
"""
# What the migrations make each of them by.
MADE_BY = {
    "append_only": "make_append_only",
    "not_emptied": "make_append_only",
    "unchanged": "make_purgeable",
    "approved_purges": "make_purgeable",
}


def migrated(subject: Subject) -> list[Finding]:
    """Every migration of this release, as it was released, and no newer one."""
    state = migrations.state(subject.session)
    findings = []
    if state.missing:
        findings.append(wrong(f"not applied: {', '.join(state.missing)}", PREPARE))
    if state.edited:
        text = f"applied in another wording: {', '.join(state.edited)}"
        findings.append(wrong(text, "install the release that this database was prepared by, unchanged"))
    if state.unknown:
        text = f"this release does not know {', '.join(state.unknown)}"
        findings.append(wrong(text, "install the release that prepared this database, or a newer one"))
    return findings or [well("every migration of this release, and no other, is applied")]


def deployed(subject: Subject) -> list[Finding]:
    """The relations of this release's dbt project."""
    row = subject.session.execute(DEPLOYED).fetchone()
    if row is None or row[0] != deployed_sha256(subject.settings):
        text = "the relations of this release are not built" if row else "no relation has been built yet"
        return [wrong(text, PREPARE)]
    return [well("the relations of this release are built")]


def roles(subject: Subject) -> list[Finding]:
    """All there, and none that somebody can log in as, but where nodes ask each other as the role at work."""
    can_log_in: dict[str, bool] = dict(subject.session.execute(KNOWN_ROLES, (list(ROLES),)).fetchall())
    findings = [
        wrong(f"role {role} is missing", f"create role {role} nologin, and restore its privileges from a backup")
        for role in ROLES
        if role not in can_log_in
    ]
    if subject.settings.shards is not None:
        findings += [
            wrong(f"{role} has a password, by which somebody may log in as it", f"alter role {role} password null")
            for (role,) in _with_password(subject)
        ]
        return findings or [well(f"{len(ROLES)} roles, as which the nodes of this database ask each other")]
    findings += [
        wrong(f"somebody can log in as {role}, which may change what invoices rest on", f"alter role {role} nologin")
        for role, can in can_log_in.items()
        if can
    ]
    return findings or [well(f"{len(ROLES)} roles, none of which can log in")]


def _with_password(subject: Subject) -> list[tuple[str]]:
    if subject.session.execute(MAY_SEE_WHO_IS_ABLE).fetchone() != (True,):
        return []
    return subject.session.execute(ABLE_TO_LOG_IN, (list(ROLES),)).fetchall()


def guards(subject: Subject) -> list[Finding]:
    """Tables that nobody may change refuse it, whoever asks, and months of the event store a second event."""
    findings = [
        wrong(
            f"the guard of {schema}.{table} is off",
            f"alter table {_name(schema, table)} enable always trigger {guard}",
        )
        for schema, table, guard in subject.session.execute(LAX_GUARDS).fetchall()
    ]
    tables, names = zip(*GUARDS, strict=True)
    findings += [
        wrong(f"{schema}.{table} has no guard", f"call store.{MADE_BY[guard]}('{_name(schema, table)}')")
        for schema, table, guard in subject.session.execute(UNGUARDED, (list(tables), list(names))).fetchall()
    ]
    findings += [
        wrong(
            f"store.{month} has no key, and would take an event twice",
            f"create unique index on {_name('store', month)} (tenant_no, series_no, msg_seq)",
        )
        for (month,) in subject.session.execute(WITHOUT_KEY).fetchall()
    ]
    return findings or [well("what nobody may change refuses every change")]


def _name(schema: str, table: str) -> str:
    return sql.Identifier(schema, table).as_string()
