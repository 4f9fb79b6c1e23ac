"""Which column comes from which: read from the compiled models once per version of the project, not in every run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.database.connection import connect
from orchestration.dbt_runs import target_folder
from orchestration.settings import Settings

if TYPE_CHECKING:
    from sqlglot import MappingSchema

# Column of a model: its type and description, and the (schema, relation, column)s that it is made from.
Columns = dict[str, dict[str, Any]]
# Type by schema, relation and column.
Catalogue = dict[str, dict[str, dict[str, str]]]

CATALOGUE = """
select place.nspname, relation.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod)
from pg_attribute as attribute
inner join pg_class as relation on attribute.attrelid = relation.oid
inner join pg_namespace as place on relation.relnamespace = place.oid
where attribute.attnum > 0 and not attribute.attisdropped and relation.relkind in ('r', 'p', 'v')
    and place.nspname = any(%s)
order by place.nspname, relation.relname, attribute.attnum
"""


def write_lineage(settings: Settings) -> dict[str, Columns]:
    """Columns of every model that was compiled by the deployment, by the model's name; kept beside the manifest."""
    manifest = json.loads((target_folder(settings) / "manifest.json").read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    sources = list(manifest["sources"].values())
    catalogue = _catalogue(settings, sorted({node["schema"] for node in models + sources}))
    compiled = target_folder(settings) / "compiled" / "meterline" / "models"
    relations = schema_of(catalogue)
    found: dict[str, Columns] = {}
    for model in models:
        path = compiled / model["path"]
        if path.exists():
            # A model that fills a table of the store has that table's columns.
            into = model["config"].get("into")
            types = catalogue.get("store" if into else model["schema"], {}).get(into or model["name"], {})
            made_from = columns_of(path.read_text(), relations)
            described = {name: column["description"] for name, column in model["columns"].items()}
            found[model["name"]] = {
                name: {"type": types.get(name, ""), "description": described.get(name, ""), "from": read}
                for name, read in made_from.items()
            }
    _path(settings).write_text(json.dumps(found))
    return found


def read_lineage(settings: Settings) -> dict[str, Columns]:
    """What the last deployment found; empty before the first one."""
    return json.loads(_path(settings).read_text()) if _path(settings).exists() else {}


def schema_of(catalogue: Catalogue) -> MappingSchema:
    """The catalogue as the parser wants it; made once, for it takes longer to make than most queries to read."""
    # The library parses for seconds what a deployment brings; nothing else needs it.
    from sqlglot import MappingSchema

    mapping: Any = catalogue
    return MappingSchema(mapping, dialect="postgres")


def columns_of(query: str, relations: MappingSchema) -> dict[str, list[tuple[str, str, str]]]:
    """Columns of a query in PostgreSQL's dialect, with the (schema, relation, column)s that each is made from.

    Args:
        query: one statement.
        relations: what it may read, as `schema_of` makes it.
    """
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    statement: Any = parse_one(query, dialect="postgres")
    for table in statement.find_all(exp.Table):
        table.set("catalog", None)
    statement = qualify(statement, schema=relations, dialect="postgres", validate_qualify_columns=False, identify=False)
    scope = build_scope(statement)
    columns = {}
    for name in statement.named_selects:
        nodes = lineage(
            name, statement, relations, scope=scope, dialect="postgres", trim_selects=False, copy=False
        ).walk()
        read = {
            (node.source.db, node.source.name, node.name.rpartition(".")[2])
            for node in nodes
            if isinstance(node.source, exp.Table)
        }
        columns[name] = sorted(read)
    return columns


def _catalogue(settings: Settings, schemas: list[str]) -> Catalogue:
    known: Catalogue = {}
    with connect(settings) as session:
        for schema, relation, column, kind in session.execute(CATALOGUE, (schemas,)):
            known.setdefault(schema, {}).setdefault(relation, {})[column] = kind
    return known


def _path(settings: Settings) -> Path:
    return target_folder(settings) / "lineage.json"
