"""Rating facts of other systems as their files hold them: what a use costs under a price, to be read or refused."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from orchestration.errors import BadInputError
from orchestration.fact_forms import PARAMETERS, PRICES, USE, Number, Rounding, disagreement

_ANSWER = TypeAdapter[Any](Number | list[Number] | dict[str, Number | list[Number]])
REMEDY = "write a JSON list of objects with an id, a model, params and an expected_amount"


def read_facts(path: Path) -> list[Any]:
    """The elements of a file, to be rated or refused one by one. Raises BadInputError for what is no list of any."""
    try:
        # Numbers with a point stay text, for a float would be another number.
        facts = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise BadInputError(f"{path} line {error.lineno}: is no JSON ({error.msg}); {REMEDY}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: cannot be read ({error}); {REMEDY}") from error
    if not isinstance(facts, list):
        raise BadInputError(f"{path}: must be a list; {REMEDY}")
    if not facts:
        raise BadInputError(f"{path}: holds no fact; {REMEDY}")
    return facts


def refusals(facts: list[Any]) -> list[str | None]:
    """For each fact why it cannot be rated, or None; of facts with the same id the first is rated."""
    first: dict[str, int] = {}
    reasons: list[str | None] = []
    for number, fact in enumerate(facts, start=1):
        reason = refusal(fact)
        name = fact_name(fact, number)
        if reason is None and name in first:
            reason = f"id {name!r} is that of fact {first[name]} of the file too; give it another one"
        first.setdefault(name, number)
        reasons.append(reason)
    return reasons


def fact_name(fact: Any, number: int) -> str:
    """What a fact is called: its id, or its place in the file where it has none."""
    name = fact.get("id") if isinstance(fact, dict) else None
    return str(name) if isinstance(name, str | int) and name != "" else f"fact {number} of the file"


def refusal(fact: Any) -> str | None:
    """Why a fact cannot be rated, or None."""
    if not isinstance(fact, dict):
        return f"is no object; {REMEDY}"
    return _unnamed(fact) or _unformed(fact) or _unlike(fact)


def _unnamed(fact: dict[str, Any]) -> str | None:
    if fact_name(fact, 0) != str(fact.get("id")):
        return "id is missing"
    if fact.get("model") not in list(PARAMETERS):
        return f"model {fact.get('model')!r} is not supported; supported are {', '.join(PARAMETERS)}"
    if not _is_storable(fact):
        return "holds a character that no database text can hold (a zero or half of a pair); take it out"
    return None if isinstance(fact.get("params"), dict | None) else "params is no object"


def _unformed(fact: dict[str, Any]) -> str | None:
    """What is wrong with the parameters of a fact, with its use, or with the two together."""
    model, params = fact["model"], fact.get("params") or {}
    try:
        terms = PARAMETERS[model].model_validate(params)
    except ValidationError as error:
        return _said(error, f"model {model}", params)
    try:
        return disagreement(model, terms, USE[model].model_validate(fact))
    except ValidationError as error:
        return _said(error, "the fact", fact)


def _unlike(fact: dict[str, Any]) -> str | None:
    """What is wrong with the answer of a fact, or with how it is rounded."""
    if fact.get("expected_amount") is None:
        return "there is no expected_amount to compare with"
    try:
        _ANSWER.validate_python(fact["expected_amount"])
    except ValidationError:
        return f"expected_amount {fact['expected_amount']!r} is no number, list of numbers or object of them"
    try:
        if fact.get("rounding") is not None:
            Rounding.model_validate(fact["rounding"])
    except ValidationError as error:
        return f"rounding {fact['rounding']!r} is not supported; {_said(error, 'rounding', fact['rounding'])}"
    return None


def _said(error: ValidationError, where: str, value: Any) -> str:
    """The first thing that is wrong, by its place; what is not known at all comes first."""
    problems = error.errors(include_url=False)
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    # A number of a list counts from 1; which of several forms was tried is no part of the place.
    loc = [part for before, part in pairwise((None, *problem["loc"])) if not _is_tag(before, part)]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)
    if problem["type"].startswith("union_tag"):
        models = ", ".join(PRICES)
        return f"the {place} {problem['input']!r} within {where} is not supported; its model is one of {models}"
    if problem["type"] == "extra_forbidden":
        inner = loc[0] == "price" and len(loc) > 1
        owner = f"the price of model {value['price']['model']}" if inner else where
        return f"parameter {place!r} of {owner} is not supported"
    if problem["type"] == "missing":
        return f"{place} is missing"
    return f"{place} {_words(problem)}" if place else _words(problem)


def _is_tag(before: object, part: object) -> bool:
    return (before == "price" and part in PRICES) or (isinstance(before, int) and part in ("number", "object"))


def _words(problem: ErrorDetails) -> str:
    kind = problem["type"]
    if kind == "list_type":
        return "is no list"
    if kind in ("dict_type", "model_type"):
        return "is no object"
    if kind == "literal_error":
        return f"{problem['input']!r} is not supported; use {problem['ctx']['expected']}"
    if kind == "value_error":
        said = str(problem["ctx"]["error"])
        return said if isinstance(problem["input"], dict | list) else f"{problem['input']!r} {said}"
    return f"{problem['input']!r}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _is_storable(fact: dict[str, Any]) -> bool:
    try:
        return "\\u0000" not in json.dumps(fact, ensure_ascii=False).encode().decode()
    except UnicodeEncodeError:
        return False


def stored(fact: Any, number: int, reason: str | None) -> dict[str, Any]:
    """A fact as it is kept; of one that is refused what names it and what its source says."""
    if reason is None:
        return dict(fact)
    known = fact if isinstance(fact, dict) else {}
    return {
        "id": _printable(fact_name(fact, number)),
        "model": _printable(str(known.get("model") or "")),
        "expected_amount": _printable(str(known.get("expected_amount") or "")),
    }


def _printable(text: str) -> str:
    return text.replace("\0", "?").encode("utf-8", "replace").decode()
