"""What the UI shows of a model's columns: their types, and the columns that they are made from."""

from __future__ import annotations

from typing import Any

from dagster import AssetKey, MetadataValue, TableColumn, TableColumnDep, TableColumnLineage, TableSchema

from orchestration.lineage import Columns


def table_metadata(columns: Columns) -> dict[str, MetadataValue[Any]]:
    """Metadata for a materialisation, under the names by which the UI knows them; nothing where nothing is known."""
    if not columns:
        return {}
    schema = TableSchema(
        columns=[
            TableColumn(name, column["type"], description=column["description"] or None)
            for name, column in columns.items()
        ]
    )
    lineage = TableColumnLineage(
        {
            name: [TableColumnDep(AssetKey([place, relation]), read) for place, relation, read in column["from"]]
            for name, column in columns.items()
            if column["from"]
        }
    )
    return {
        "dagster/column_schema": MetadataValue.table_schema(schema),
        "dagster/column_lineage": MetadataValue.column_lineage(lineage),
    }
