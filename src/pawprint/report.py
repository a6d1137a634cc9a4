"""The pictures of a run, from the tables and models of the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from pawprint import batches, charts, files, mistakes, sampling, sheets
from pawprint.dataset import Dataset
from pawprint.modelfile import Card
from pawprint.networks import Network
from pawprint.sampling import Size, View
from pawprint.schedules import OneCycle
from pawprint.tables import read

PHASES = ("frozen", "unfrozen")


@dataclass(frozen=True)
class Tables:
    """What evaluate wrote."""

    predictions: pd.DataFrame
    confused: pd.DataFrame
    losses: pd.DataFrame
    scores: pd.DataFrame
    sweep: pd.DataFrame


def table(path: Path) -> pd.DataFrame:
    """A CSV of ours: names and labels stay text, also those that look like numbers."""
    words = dict.fromkeys(("name", "actual", "predicted", "label", "split"), "str")
    empty = dict.fromkeys(("probability", "average_precision"), "")  # read as no number
    return read(path, (), words, empty)


def view(card: Card, size: Size | None) -> View:
    """As evaluate saw the pictures; `size` is `evaluate.size`."""
    return sampling.view(size or card.size, card.params["augment"])


def params(dataset: str, evaluate: Mapping[str, Any], card: Card, model: Path) -> dict[str, Any]:
    """What the page says of the run's params and hashes."""
    hashes = {"data sha256": card.data, "model sha256": files.digest(model)}
    own = {"dataset": dataset, **card.params, "evaluate": evaluate}
    return own | hashes | {"versions": card.versions}


def draw_finders(path: Path, curves: Sequence[Path], found: Sequence[Path]) -> None:
    """The finder's curves, from its CSV and JSON files, one a phase."""
    tables = dict(zip(PHASES, map(table, curves), strict=True))
    rates = dict(zip(PHASES, map(files.read_json, found), strict=True))
    charts.write(path, charts.finders(tables, rates))


def draw_history(path: Path, tables: Sequence[Path], cards: Sequence[Card], data: Dataset) -> None:
    """Losses, error and schedule of both phases, from the CSVs and models of the train stages."""
    cycles, train = {}, len(data.parts["train"])
    for phase, card in zip(PHASES, cards, strict=True):
        keys, per_epoch = card.params[phase], batches.per_epoch(train, card.params["batch_size"])
        shape = {key: keys[key] for key in ("pct_start", "div", "div_final")}
        steps = keys["epochs"] * per_epoch
        cycles[phase] = (OneCycle(card.params["peaks"], steps, **shape), per_epoch)
    histories = dict(zip(PHASES, map(table, tables), strict=True))
    charts.write(path, charts.history(histories, cycles))


def draw_judged(paths: Sequence[Path], tables: Tables, data: Dataset, bins: int) -> None:
    """The confusion of all classes that the model knows, the calibration, the thresholds.

    The first two are of single labels alone: `probability` of several is a product over all classes
    as if they were independent, which no calibration is to be read from.
    """
    matrix, calibration, thresholds = paths
    told = tables.predictions
    charts.write(matrix, charts.confusion(counts(told, data), data.classes))
    sure = told if data.kind.excludes else told[:0]
    right = (sure["actual"] == sure["predicted"]).to_numpy(dtype=np.float64)
    charts.write(calibration, charts.reliability(sure["probability"].to_numpy(), right, bins))
    charts.write(thresholds, charts.thresholds(tables.sweep))


def counts(told: pd.DataFrame, data: Dataset) -> np.ndarray:
    """Pictures by actual and predicted class; without rows where none is taken for another."""
    if not data.kind.excludes:
        return np.zeros((0, 0), dtype=np.int64)
    return np.asarray(confusion_matrix(told["actual"], told["predicted"], labels=data.classes))


def draw_sheets(
    paths: Sequence[Path], data: Dataset, network: Network, tables: Tables, seen: View
) -> None:
    """Results at random, the worst losses, where the network looked, and the mix-ups."""
    made = (
        mistakes.results(data, tables.predictions, seen),
        mistakes.top_losses(data, tables.losses, seen),
        mistakes.looked_at(data, network, tables.losses, seen),
        mistakes.confused(data, tables.predictions, tables.confused, seen),
    )
    for path, picture in zip(paths, made, strict=True):
        sheets.write(path, picture)
