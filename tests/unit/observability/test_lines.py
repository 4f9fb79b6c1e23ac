"""A log line: what it has, what it must not have."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from orchestration.errors import BadInputError
from orchestration.observability import lines


def written(message: str, **fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    lines.write(logging.WARNING, message, stream, **fields)
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)


def test_a_line_is_one_object_whatever_its_words_are() -> None:
    line = written('two\nlines, "quoted", \x00 and ünïcode', tenant="acme", load_ids=[1, 2], step=None)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "message": 'two\nlines, "quoted", \x00 and ünïcode',
        "tenant": "acme",
        "load_ids": [1, 2],
    }


@pytest.mark.parametrize(
    ("variable", "value", "secret"),
    [
        ("METERLINE_DATABASE_URL", "postgresql://ada:s3%2Fcret@db.example/m", "s3/cret"),
        ("METERLINE_DATABASE_URL", "postgresql://ada:s3%2Fcret@db.example/m", "s3%2Fcret"),
        ("METERLINE_DATABASE_URL", "host=db.example password=s3cret", "s3cret"),
        ("METERLINE_DATABASE_URL", "host=db.example password='s3 cret'", "s3 cret"),
        ("METERLINE_SMTP_URL", "smtps://ada:s3cret@mail.example", "s3cret"),
        ("PGPASSWORD", "s3cret", "s3cret"),
    ],
)
def test_passwords_of_the_environment_are_masked_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, secret: str
) -> None:
    for name in ("PGPASSWORD", *lines.URLS_WITH_SECRETS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    line = written(f"cannot log in with {secret}", row={"url": value, "words": [secret]})
    assert secret not in json.dumps(line)
    assert line["message"] == "cannot log in with ***"


def test_passwords_of_nobody_we_know_are_masked_in_urls() -> None:
    assert written("s3://key:other@store/x")["message"] == "s3://key:***@store/x"
    assert written("host=a password=other user=b")["message"] == "host=a password=*** user=b"
    assert written("at 10:30 by ada@example")["message"] == "at 10:30 by ada@example"


def test_what_a_run_is_about_ends_with_its_block() -> None:
    with lines.with_fields(run_id="r1"):
        assert written("inside")["run_id"] == "r1"
        assert written("inside", run_id="r2")["run_id"] == "r2"
    assert "run_id" not in written("outside")


def test_a_hundred_thousand_loads_are_a_number() -> None:
    fields = lines.of_loads(range(100_000))
    assert (fields["load_ids"][-1], len(fields["load_ids"]), fields["load_count"]) == (99, 100, 100_000)


def test_a_form_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_LOGS", "yaml")
    with pytest.raises(BadInputError, match="it is text or json"):
        lines.is_json()
