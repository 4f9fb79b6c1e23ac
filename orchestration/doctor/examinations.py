"""All examinations, in the order in which an operator would look."""

from __future__ import annotations

from orchestration.doctor import archive, deployment, disk, indexes, lag, models, server, verdicts, work
from orchestration.doctor.examination import Examination, Row, Subject, examine

EXAMINATIONS = (
    Examination("server", "version", server.version),
    Examination("server", "durability", server.durability),
    Examination("server", "settings", server.workload),
    Examination("server", "connections", server.connections),
    Examination("database", "migrations", deployment.migrated),
    Examination("database", "relations", deployment.deployed),
    Examination("database", "roles", deployment.roles),
    Examination("database", "guards", deployment.guards),
    Examination("disk", "home", disk.home),
    Examination("disk", "artifacts", disk.artifacts),
    Examination("disk", "archive", archive.unrecorded),
    Examination("disk", "data directory", disk.data_directory),
    Examination("disk", "size", disk.size),
    Examination("disk", "dead rows", disk.dead_rows),
    Examination("disk", "indexes", indexes.of_finished_months),
    Examination("disk", "transactions", disk.transactions),
    Examination("disk", "kept log", disk.kept_log),
    Examination("lag", "landing files", lag.landing_files),
    Examination("lag", "received days", lag.received_days),
    Examination("lag", "loads", lag.loads),
    Examination("lag", "periods", lag.periods),
    Examination("lag", "reception", lag.reception),
    Examination("lag", "standbys", lag.standbys),
    Examination("verdicts", "checks", verdicts.checks),
    Examination("verdicts", "gates", verdicts.gates),
    Examination("work", "statements", work.statements),
    Examination("work", "turn", work.turn),
    Examination("work", "runs", work.runs),
    Examination("work", "daemon", work.daemon),
    Examination("models", "serving", models.serving),
)


def examine_all(subject: Subject) -> list[Row]:
    """Every examination of the platform; one that cannot look keeps no other from looking."""
    return [row for examination in EXAMINATIONS for row in examine(subject, examination)]
