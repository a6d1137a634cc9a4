"""Pictures of the valid split with what the model said of them: results, worst losses, mix-ups."""

import pandas as pd
import torch
from PIL import Image

from pawprint import batches, randomness, sheets
from pawprint.dataset import Dataset
from pawprint.sampling import View

MOST, COLUMNS, PAIRS = 16, 4, 8


def shown(data: Dataset, split: str, names: list[str], view: View) -> torch.Tensor:
    """These pictures of a split as they are judged, n×h×w×3 uint8, in the order given."""
    part = data.parts[split]
    place = {name: i for i, name in enumerate(part.names)}
    chosen = part.of([place[name] for name in names])
    found = batches.ordered(data.cache, chosen, view, len(names))
    return sheets.visible(next(found)[0])


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
    """A sheet of these rows: probability and answer, and the truth where that is another."""
    captions, inks = [], []
    for row in rows.to_dict("records"):
        is_right = row["actual"] == row["predicted"]
        truth = "" if is_right else f"\nis {row['actual']}"
        captions.append(f"{row['probability']:.2f} {row['predicted']}{truth}")
        inks.append(sheets.RIGHT if is_right else sheets.WRONG)
    pictures = shown(data, "valid", rows["name"].tolist(), view)
    return sheets.sheet(pictures, captions, COLUMNS, inks)


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
        return Image.new("RGB", (sheets.LEAST, sheets.LEAST), sheets.PAPER)
    return sheets.sheet(torch.cat(pictures), captions, COLUMNS, inks)
