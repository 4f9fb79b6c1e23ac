"""What the database refuses, as a line for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from orchestration.errors import BadInputError, BusyError


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal into a BadInputError with its remedy, a taken lock into a BusyError."""
    try:
        yield
    except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.NoDataFound) as error:
        hint = f"; {error.diag.message_hint}" if error.diag.message_hint else ""
        raise BadInputError(f"{error.diag.message_primary}{hint}") from error
    except psycopg.errors.LockNotAvailable as error:
        raise BusyError(str(error.diag.message_primary)) from error
