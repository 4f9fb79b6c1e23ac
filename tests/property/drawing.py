"""Examples of a hypothesis strategy as a list, where many of them share one run of the platform."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")


def examples(strategy: st.SearchStrategy[Drawn], count: int, first_seed: int) -> list[Drawn]:
    """`count` examples, the same for the same seed."""
    collected: list[Drawn] = []

    @seed(first_seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Drawn) -> None:
        collected.append(example)

    collect()
    return collected
