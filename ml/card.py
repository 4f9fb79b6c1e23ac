"""Model cards: what a model is for, what it was measured to do, and what it must not be trusted with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.injection import KINDS
from ml.series import Series


def anomaly_card(metrics: Mapping[str, float], parameters: Mapping[str, Any], series: Series) -> str:
    """The anomaly model's card as Markdown."""
    first, last = series.dates[0].date(), series.dates[-1].date()
    return "\n".join(
        [
            "# Anomalies of daily use",
            "",
            "Scores a device's day in [0, 1] against its own past and the fleet; "
            f"{parameters['cases_per_1000_days']} of 1,000 days reach the threshold. It runs in shadow: no score "
            "changes an amount.",
            "",
            f"Trained on {series.quantity.shape[1]} series from {first} to {last}, with faults seeded into copies of "
            f"them ({', '.join(KINDS)}). Every device is judged by a classifier trained on others. Measured on later "
            "weeks, with faults seeded there too.",
            "",
            _table(metrics),
            "",
            "What it cannot do:",
            "",
            "- A fault of a kind that was not seeded may pass unseen; the figures say nothing about such faults.",
            "- Faults here are simulated; the share of real ones among flagged days is known once people have judged.",
            "- Less use because nobody is there, and less use because of tampering, look the same.",
            "- The first week of a device is not scored.",
        ]
    )


def forecast_card(metrics: Mapping[str, float], parameters: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The forecast's card as Markdown."""
    return "\n".join(
        [
            "# Use to the end of the period",
            "",
            f"Expects a device's use of the whole period, with a {parameters['interval']:.0%} interval, from the days "
            "so far. It runs in shadow: no forecast changes an amount.",
            "",
            "Measured period by period, on meters that the measured model had not seen, by models that knew only "
            "earlier periods. WAPE is of the period's total; `coverage` is of the interval before calibration.",
            "",
            _table(metrics),
            "",
            *[f"- {note}" for note in notes],
            "- A device with less than two weeks on record gets the baseline with the spread of its past errors.",
            "- Holidays, weather and changes of tariff are not known to it.",
        ]
    )


def _table(metrics: Mapping[str, float]) -> str:
    rows = [f"| {name} | {value:.4g} |" for name, value in sorted(metrics.items())]
    return "\n".join(["| measure | value |", "| --- | --- |", *rows])
