"""Log lines: text for people, or with METERLINE_LOGS=json one JSON object a line, wherever the line comes from.

A line has `time` (UTC), `level` and `message`, and where they apply the fields in FIELDS. Secrets of the environment
are masked; names of persons and hardware identifiers are never given to it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from orchestration.errors import BadInputError

VARIABLE = "METERLINE_LOGS"
FORMS = ("text", "json")
# What a line may carry beside its words; loggers of the platform take them in `extra`.
FIELDS = (
    "tenant", "partition", "job", "run_id", "step", "load_ids", "load_count", "region", "file", "outcome", "messages",
    "node", "error",
)  # fmt: skip
# A run may have a hundred thousand loads: a line names the first of them and says how many there are.
LOADS_NAMED = 100
URLS_WITH_SECRETS = ("METERLINE_DATABASE_URL", "METERLINE_SMTP_URL", "METERLINE_DAGSTER_URL")
MASK = "***"
# A password in a URL, and one in libpq's own form.
IN_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
IN_WORDS = re.compile(r"\bpassword=('(?:[^'\\]|\\.)*'|[^\s&']+)")

# Handles of their own: while a job runs, the standard ones belong to the run's log.
terminal: TextIO = os.fdopen(os.dup(1), "w")
problems: TextIO = os.fdopen(os.dup(2), "w")
_LOCK = threading.Lock()
# What the run at work adds to every line.
_context: dict[str, Any] = {}


def is_json() -> bool:
    """Whether lines are JSON. Raises BadInputError for a form that there is not."""
    form = os.environ.get(VARIABLE) or "text"
    if form not in FORMS:
        raise BadInputError(f"{VARIABLE}={form!r} is no form of logs; it is {' or '.join(FORMS)}")
    return form == "json"


def configure() -> None:
    """Where lines are JSON, let everything that is logged in this process be one; repeatable."""
    if not is_json() or any(isinstance(handler, _Lines) for handler in logging.getLogger().handlers):
        return
    logging.getLogger().addHandler(_Lines())
    logging.getLogger("meterline").setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught


def write(level: int, message: str, stream: TextIO | None = None, **fields: Any) -> None:
    """One line of JSON, on standard output where no stream is named; fields without a value are left out."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": logging.getLevelName(level).lower(),
        "message": message,
    }
    line |= {name: value for name, value in (_context | fields).items() if value not in (None, "")}
    text = json.dumps(_masked(line, _secrets()), ensure_ascii=False, default=str)
    with _LOCK, suppress(BrokenPipeError):
        target = stream or terminal
        target.write(text + "\n")
        target.flush()


def warn(message: str) -> None:
    """Tell operators of a fault of the surroundings, also while a job has the standard streams."""
    if is_json():
        write(logging.WARNING, message)
        return
    with suppress(OSError):
        problems.write(f"meterline: {message}\n")
        problems.flush()


def of_loads(load_ids: Sequence[int]) -> dict[str, Any]:
    """The fields that name loads."""
    return {"load_ids": list(load_ids[:LOADS_NAMED]), "load_count": len(load_ids)}


def remember(**fields: Any) -> None:
    """Let lines carry these from now on; one without a value is forgotten."""
    for name, value in fields.items():
        if value in (None, ""):
            _context.pop(name, None)
        else:
            _context[name] = value


@contextmanager
def with_fields(**fields: Any) -> Iterator[None]:
    """Let lines carry these while the block runs."""
    before = dict(_context)
    remember(**fields)
    try:
        yield
    finally:
        _context.clear()
        _context.update(before)


class _Lines(logging.Handler):
    """Records of Python's logging as lines."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
            if record.exc_info and record.exc_info[0]:
                fields |= {
                    "error": record.exc_info[0].__name__,
                    "stack": logging.Formatter().formatException(record.exc_info),
                }
            write(record.levelno, record.getMessage(), **fields)
        except Exception:
            self.handleError(record)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    stack = "".join(traceback.format_exception(kind, error, trace))
    write(logging.CRITICAL, str(error), problems, error=kind.__name__, stack=stack)


def _secrets() -> list[str]:
    """Passwords that the environment holds, as they are written in it and decoded."""
    passwords = [os.environ.get("PGPASSWORD")]
    for name in URLS_WITH_SECRETS:
        value = os.environ.get(name, "")
        with suppress(ValueError):
            password = urlsplit(value).password
            passwords += [password, unquote(password or "")]
        passwords += [found.strip("'") for found in IN_WORDS.findall(value)]
    return [password for password in passwords if password]


def _masked(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return IN_WORDS.sub(f"password={MASK}", IN_URL.sub(rf"\1:{MASK}@", value))
    if isinstance(value, Mapping):
        return {key: _masked(one, secrets) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, secrets) for one in value]
    return value
