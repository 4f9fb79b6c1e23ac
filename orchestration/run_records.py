"""How Dagster writes what it says of a run: over connections that stay open, and knowing what its tables are like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance

# What Dagster's log of events asks its database again and again; a test counts how often.
QUESTIONS = ("has_table", "_has_asset_key_col_on_connection")
# Instances whose connections are kept; a step of a run that keeps them has nothing to do.
_kept: list[DagsterInstance] = []


@contextmanager
def kept_connections(instance: DagsterInstance) -> Iterator[None]:
    """Let Dagster write a run over connections that stay open; it would log in anew for every event.

    A statement is given up after ten minutes: Dagster offers this to its web server, and asks for a limit. Nor does a
    connection that was idle for a minute serve again: a model may take longer than a network keeps one.
    """
    if any(known is instance for known in _kept):
        yield
        return
    _kept.append(instance)
    try:
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=60, max_overflow=20)
        for question in QUESTIONS:
            _ask_once(instance.event_log_storage, question)
        yield
    finally:
        _kept.remove(instance)
        for question in QUESTIONS:
            vars(instance.event_log_storage).pop(question, None)
        for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            # Dagster's own end of an instance leaves them open, and a service has many runs.
            engine = getattr(storage, "_engine", None)
            if engine is not None:
                engine.dispose()


def _ask_once(storage: Any, question: str) -> None:
    """Let it look up once what its tables are like, where it asks with every event of an asset.

    Tables and columns come with a release of Dagster, not while a run is at work.
    """
    look: Any = getattr(storage, question, None)
    answers: dict[str, bool] = {}

    def answer(*asked: Any) -> bool:
        # The last word is what is asked for; one before it is a connection to ask over.
        if asked[-1] not in answers:
            answers[asked[-1]] = look(*asked)
        return answers[asked[-1]]

    if look is not None:
        setattr(storage, question, answer)
