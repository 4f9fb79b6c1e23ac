"""Entry point of the Dagster code location."""

from dagster import Definitions

from orchestration import garbage
from orchestration.observability import runs


def _definitions() -> Definitions:
    """All of them; what their import warns of is a log line already."""
    garbage.look_seldom()
    runs.prepare()
    from orchestration.build import build_definitions

    return build_definitions()


defs: Definitions = _definitions()
