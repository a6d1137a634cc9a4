"""The charts of a run, from the tables and models of the graph: curves, confusion, calibration."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from pawprint import batches, charts, files, sampling
from pawprint.modelfile import Card
from pawprint.sampling import View
from pawprint.schedules import OneCycle

PHASES = ("frozen", "unfrozen")


def table(path: Path) -> pd.DataFrame:
    """A CSV of ours: names and labels stay text, also those that look like numbers."""
    words = dict.fromkeys(("name", "actual", "predicted", "label", "split"), "str")
    return pd.read_csv(path, dtype=words, keep_default_na=False)


def view(card: Card, size: int | None) -> View:
    """As evaluate saw the pictures; `size` is `evaluate.size`."""
    return sampling.view(size or card.size, card.params["augment"])


def finders(curves: Sequence[Path], found: Sequence[Path]) -> Figure:
    """The finder's curves; its CSV and JSON files, one a phase."""
    tables = dict(zip(PHASES, map(table, curves), strict=True))
    return charts.finders(tables, dict(zip(PHASES, map(files.read_json, found), strict=True)))


def history(tables: Sequence[Path], cards: Sequence[Card], train: int) -> Figure:
    """Losses, error and schedule of both phases.

    Args:
        tables: the CSVs of the train stages.
        cards: of the models that they wrote.
        train: pictures of the training split.
    """
    cycles = {}
    for phase, card in zip(PHASES, cards, strict=True):
        keys, per_epoch = card.params[phase], batches.per_epoch(train, card.params["batch_size"])
        shape = {key: keys[key] for key in ("pct_start", "div", "div_final")}
        steps = keys["epochs"] * per_epoch
        cycles[phase] = (OneCycle(card.params["peaks"], steps, **shape), per_epoch)
    return charts.history(dict(zip(PHASES, map(table, tables), strict=True)), cycles)


def confusion(predictions: pd.DataFrame, classes: list[str]) -> Figure:
    """The matrix of predictions.csv, over all classes that the model knows."""
    counts = confusion_matrix(predictions["actual"], predictions["predicted"], labels=classes)
    return charts.confusion(counts, classes)


def reliability(predictions: pd.DataFrame, bins: int) -> Figure:
    """Claimed probability against the share that is right."""
    right = (predictions["actual"] == predictions["predicted"]).to_numpy(dtype=np.float64)
    return charts.reliability(predictions["probability"].to_numpy(), right, bins)
