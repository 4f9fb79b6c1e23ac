"""Frames that many gateways hear, from counters that restart: found without the network server's answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import lorawan
from tests.support import Pipeline


def agreement(new_pipeline: Callable[..., Pipeline], receptions: Path, folder: Path) -> lorawan.Agreement:
    """What the platform keeps of a file's receptions, against their frames."""
    landing, config = folder / "landing", folder / "config"
    places = lorawan.write(lorawan.read(receptions), landing, config)
    platform = new_pipeline(landing=landing, config=config)
    platform.process()
    platform.audit()
    return lorawan.compare(places, [(file, row) for file, row in platform.rows(lorawan.KEPT)])


def test_every_frame_of_the_sample_is_kept_once(new_pipeline: Callable[..., Pipeline], tmp_path: Path) -> None:
    found = agreement(new_pipeline, lorawan.SAMPLE, tmp_path)
    # Counted in the source: 504 receptions, 147 lines. Without runs the 68 numbers would be 68 readings.
    assert (found.receptions, found.frames, found.events, found.lost, found.kept_twice) == (504, 147, 147, 0, 0)
