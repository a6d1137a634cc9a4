"""Pictures of the valid split with what the model said of them: results, worst losses, mix-ups."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from pawprint import batches, gradcam, randomness, sheets
from pawprint.cells import classes, coordinates
from pawprint.dataset import Dataset, Part
from pawprint.looks import LOOKS
from pawprint.networks import Network
from pawprint.sampling import View

MOST, COLUMNS, PAIRS = 16, 4, 8


def named(part: Part, names: list[str]) -> Part:
    """These pictures of a side of the split, in the order of the names."""
    place = {name: i for i, name in enumerate(part.names)}
    return part.of([place[name] for name in names])


def judged(data: Dataset, split: str, names: list[str], view: View) -> torch.Tensor:
    """These pictures of a split as the network is given them, in the order of the names."""
    chosen = named(data.parts[split], names)
    pictures, _ = next(batches.ordered(data.cache, chosen, view, len(names)))
    return pictures


def shown(data: Dataset, split: str, names: list[str], view: View) -> torch.Tensor:
    """The same for a person, n×h×w×3 uint8."""
    return sheets.visible(judged(data, split, names, view))


def results(data: Dataset, table: pd.DataFrame, view: View) -> Image.Image:
    """Valid pictures at random, green where the model is right, red where it is not.

    Args:
        data: the data set.
        table: predictions.csv, every name in valid.
        view: as they were judged.
    """
    order = torch.randperm(len(table), generator=randomness.generator("results"))[:MOST].tolist()
    return captioned(data, table.iloc[order], view)


def top_losses(data: Dataset, table: pd.DataFrame, view: View) -> Image.Image:
    """The worst of all; `table` is top_losses.csv."""
    return captioned(data, table.iloc[:MOST], view)


def captioned(data: Dataset, rows: pd.DataFrame, view: View) -> Image.Image:
    """A sheet of these rows: probability and answer; where it is wrong, the truth and the loss."""
    told = [CAPTIONS[data.kind.name](row) for row in rows.to_dict("records")]
    part = named(data.parts["valid"], rows["name"].tolist())
    pictures, _ = next(batches.ordered(data.cache, part, view, len(part)))
    sides, maps = data.cache.sides[part.rows], batches.judging_maps(data.cache, part, view)
    marks = []
    for ink, column in ((sheets.RIGHT, "actual"), (sheets.WRONG, "predicted")):
        wanted = data.kind.encoded(rows[column].tolist(), data.classes, sides)
        _, places = LOOKS[data.kind.name](data.kind.moved(wanted, maps), data.classes)
        marks.append((ink, places))
    captions, inks = zip(*told, strict=True)
    return sheets.sheet(sheets.visible(pictures), captions, COLUMNS, inks, marks)


Caption = tuple[str, sheets.Colour]


def words(cell: str, target: str) -> str:
    """The classes of a cell for a person."""
    return ", ".join(classes(cell, target)) or "none"


def of_label(row: Mapping[Hashable, Any]) -> Caption:
    """Probability and answer; where it is wrong, the truth and the loss."""
    is_right = row["actual"] == row["predicted"]
    truth = "" if is_right else f"\nis {row['actual']}, loss {row['loss']:.1f}"
    said = f"{row['probability']:.2f} {row['predicted']}{truth}"
    return said, sheets.RIGHT if is_right else sheets.WRONG


def of_labels(row: Mapping[Hashable, Any]) -> Caption:
    """The labels that were said; where they are wrong, the truth and the loss."""
    is_right = row["actual"] == row["predicted"]
    said, truth = (words(row[key], "labels") for key in ("predicted", "actual"))
    more = "" if is_right else f"\nis {truth}, loss {row['loss']:.2f}"
    return said + more, sheets.RIGHT if is_right else sheets.WRONG


def of_points(row: Mapping[Hashable, Any]) -> Caption:
    """How far off, in px; crosses show the truth (green) and the answer (red)."""
    found, truth = (np.array(coordinates(row[key])) for key in ("predicted", "actual"))
    apart = np.hypot(*(found - truth).reshape(-1, 2).T).max()
    return f"{apart:.1f} px off", sheets.INK


CAPTIONS: dict[str, Callable[[Mapping[Hashable, Any]], Caption]] = {
    "label": of_label,
    "labels": of_labels,
    "points": of_points,
}


def looked_at(data: Dataset, network: Network, table: pd.DataFrame, view: View) -> Image.Image:
    """The worst mistakes, each beside where the network looks for its answer (Grad-CAM).

    Args:
        data: the data set.
        network: in evaluation mode.
        table: top_losses.csv.
        view: as they were judged.
    """
    doubts = [(row, doubted(row, data)) for row in table.to_dict("records")]
    wrong = [(row, label) for row, label in doubts if label is not None][:PAIRS]
    if not wrong:
        return blank()
    batch = judged(data, "valid", [str(row["name"]) for row, _ in wrong], view)
    answers = torch.tensor([data.classes.index(label) for _, label in wrong])
    plain = sheets.visible(batch)
    warm = gradcam.laid_over(plain, gradcam.heat(network, batch, answers))
    pictures = torch.stack([plain, warm], 1).flatten(0, 1)
    captions = [
        text
        for row, label in wrong
        for text in (words(row["actual"], data.kind.name), f"looked at for {label}")
    ]
    return sheets.sheet(pictures, captions, COLUMNS, [sheets.WRONG, sheets.INK] * len(wrong))


def doubted(row: Mapping[Hashable, Any], data: Dataset) -> str | None:
    """The class whose output is wrong: that which was said, else the first that was missed."""
    said, there = (set(classes(str(row[k]), data.kind.name)) for k in ("predicted", "actual"))
    return min(said - there, default=None) or min(there - said, default=None)


def blank() -> Image.Image:
    """The sheet of no mistakes."""
    return Image.new("RGB", (sheets.LEAST, sheets.LEAST), sheets.PAPER)


def confused(
    data: Dataset, predictions: pd.DataFrame, pairs: pd.DataFrame, view: View
) -> Image.Image:
    """The most frequent mix-ups: a picture that was mistaken, beside one of what it was taken for.

    Args:
        data: the data set.
        predictions: predictions.csv.
        pairs: most_confused.csv, most frequent first; without rows the sheet is empty.
        view: as they were judged.
    """
    pictures, captions, inks = [], [], []
    train = data.parts["train"]
    for pair in pairs.iloc[:PAIRS].to_dict("records"):
        actual, taken = pair["actual"], pair["predicted"]
        both = predictions[(predictions["actual"] == actual) & (predictions["predicted"] == taken)]
        worst = both.sort_values(["probability", "name"], ascending=[False, True]).iloc[0]
        typical = train.names[train.labels.index(taken)]
        pictures += [shown(data, "valid", [worst["name"]], view)]
        pictures += [shown(data, "train", [typical], view)]
        captions += [f"{actual}, {pair['count']}×", f"taken for {taken}"]
        inks += [sheets.WRONG, sheets.INK]
    if not pictures:
        return blank()
    return sheets.sheet(torch.cat(pictures), captions, COLUMNS, inks)
