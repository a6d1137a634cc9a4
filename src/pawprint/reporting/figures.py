"""The images of a run, from the tables and models of the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pawprint.core import files
from pawprint.core.label_cells import CELLS
from pawprint.core.tables import read
from pawprint.evaluation import classification
from pawprint.models.model_file import ModelCard
from pawprint.models.network import Network
from pawprint.reporting import charts, contact_sheet, gallery
from pawprint.reporting.target_display import DISPLAYS
from pawprint.runtime import distributed
from pawprint.training.schedule import OneCycle
from pawprint.vision.dataset import Dataset
from pawprint.vision.resample import InputSpec

PHASES = ("frozen", "unfrozen")


@dataclass(frozen=True)
class Tables:
    """What evaluate wrote."""

    predictions: pd.DataFrame
    confused: pd.DataFrame
    losses: pd.DataFrame
    scores: pd.DataFrame
    sweep: pd.DataFrame


def read_table(path: Path) -> pd.DataFrame:
    """A CSV of ours: names and labels stay text, also those that look like numbers."""
    words = dict.fromkeys(("name", "actual", "predicted", "label", "split"), "str")
    empty = dict.fromkeys(("probability", "average_precision"), "")  # read as no number
    return read(path, (), words, empty)


def read_tables(*paths: Path) -> Tables:
    """The tables of these CSV files, in the order of the fields."""
    return Tables(*map(read_table, paths))


def page_params(
    dataset: str, evaluate: Mapping[str, Any], model_card: ModelCard, model: Path
) -> dict[str, Any]:
    """What the page says of the run's params and hashes."""
    hashes = {"data sha256": model_card.data, "model sha256": files.file_hash(model)}
    params = {"dataset": dataset, **model_card.params, "evaluate": evaluate}
    return params | hashes | {"versions": model_card.versions}


def draw_finders(path: Path, curves: Sequence[Path], suggestions: Sequence[Path]) -> None:
    """The finder's curves, from its CSV and JSON files, one a phase."""
    tables = dict(zip(PHASES, map(read_table, curves), strict=True))
    lrs = dict(zip(PHASES, map(files.read_json, suggestions), strict=True))
    charts.write(path, charts.finders(tables, lrs))


def draw_history(
    path: Path, tables: Sequence[Path], cards: Sequence[ModelCard], data: Dataset
) -> None:
    """Losses, error and schedule of both phases, from the CSVs and models of the train stages."""
    # the schedule again from the cards: no stage writes a table of its steps
    cycles, train = {}, len(data.splits["train"])
    for phase, model_card in zip(PHASES, cards, strict=True):
        keys, per_epoch = (
            model_card.params[phase],
            distributed.steps_per_epoch(train, model_card.params["batch_size"]),
        )
        shape = {key: keys[key] for key in ("pct_start", "div", "div_final")}
        steps = keys["epochs"] * per_epoch
        cycles[phase] = (OneCycle(model_card.params["peaks"], steps, **shape), per_epoch)
    histories = dict(zip(PHASES, map(read_table, tables), strict=True))
    charts.write(path, charts.history(histories, cycles, DISPLAYS[data.task.name].metric_unit))


def draw_evaluation(paths: Sequence[Path], tables: Tables, data: Dataset, bins: int) -> None:
    """The confusion of all classes that the model knows, calibration, thresholds, and a scatter.

    The first two are of single labels alone: `probability` of several is a product over all classes
    as if they were independent, which no calibration is to be read from.
    """
    matrix, calibration, thresholds, scatter = paths
    predictions = tables.predictions
    charts.write(matrix, charts.confusion(confusion_counts(predictions, data), data.classes))
    sure = predictions if CELLS[data.task.name].is_exclusive else predictions[:0]
    right = (sure["actual"] == sure["predicted"]).to_numpy(dtype=np.float64)
    charts.write(calibration, charts.reliability(sure["probability"].to_numpy(), right, bins))
    charts.write(thresholds, charts.thresholds(tables.sweep))
    rows = predictions[:0] if "scatter" in DISPLAYS[data.task.name].blank_figures else predictions
    pairs = (rows[key].astype("float64").to_numpy() for key in ("actual", "predicted"))
    charts.write(scatter, charts.scatter(*pairs))


def confusion_counts(predictions: pd.DataFrame, data: Dataset) -> np.ndarray:
    """Images by actual and predicted class; without rows where none is taken for another."""
    if not CELLS[data.task.name].is_exclusive:
        return np.zeros((0, 0), dtype=np.int64)
    return classification.confusion_counts(
        predictions["actual"], predictions["predicted"], data.classes
    )


def draw_sheets(
    paths: Sequence[Path], data: Dataset, model: Network, tables: Tables, input_spec: InputSpec
) -> None:
    """Results at random, the worst losses, where the network looked, and the mix-ups."""
    drawn_sheets = (
        gallery.results_sheet(data, tables.predictions, input_spec),
        gallery.top_losses_sheet(data, tables.losses, input_spec),
        gallery.gradcam_sheet(data, model, tables.losses, input_spec),
        gallery.confused_sheet(data, tables.predictions, tables.confused, input_spec),
    )
    for path, image in zip(paths, drawn_sheets, strict=True):
        contact_sheet.write(path, image)
