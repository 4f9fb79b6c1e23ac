"""Measures both models on a Parquet file of snapshot rows and prints their cards: `python -m ml FILE`."""

from __future__ import annotations

import sys

import pandas as pd

from ml import anomaly_training, forecast_training
from ml.snapshot import COLUMNS

if __name__ == "__main__":
    measured = pd.read_parquet(sys.argv[1], columns=COLUMNS)
    for training in (anomaly_training, forecast_training):
        print(training.train(measured).card, end="\n\n")
