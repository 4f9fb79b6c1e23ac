"""Entry point of the Dagster code location."""

from dagster import Definitions

from orchestration.build import build_definitions

defs: Definitions = build_definitions()
