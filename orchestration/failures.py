"""A clear failure in Dagster: the platform's own errors end a step with one line, and are not retried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure, MetadataValue

from orchestration.errors import MeterlineError


@contextmanager
def clear_failures() -> Iterator[None]:
    """Turn a MeterlineError into a Dagster Failure that says the same; trying again would not help."""
    try:
        yield
    except MeterlineError as error:
        raise Failure(
            description=str(error),
            metadata={"error": MetadataValue.text(type(error).__name__)},
            allow_retries=False,
        ) from error
