"""Pictures of the valid split with what the model said of them: results, worst losses, mix-ups."""

import pandas as pd
import torch
from PIL import Image

from pawprint import batches, gradcam, randomness, sheets
from pawprint.dataset import Dataset
from pawprint.networks import Network
from pawprint.sampling import View

MOST, COLUMNS, PAIRS = 16, 4, 8


def judged(data: Dataset, split: str, names: list[str], view: View) -> torch.Tensor:
    """These pictures of a split as the network is given them, in the order of the names."""
    part = data.parts[split]
    place = {name: i for i, name in enumerate(part.names)}
    chosen = part.of([place[name] for name in names])
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
    captions, inks = [], []
    for row in rows.to_dict("records"):
        is_right = row["actual"] == row["predicted"]
        truth = "" if is_right else f"\nis {row['actual']}, loss {row['loss']:.1f}"
        captions.append(f"{row['probability']:.2f} {row['predicted']}{truth}")
        inks.append(sheets.RIGHT if is_right else sheets.WRONG)
    pictures = shown(data, "valid", rows["name"].tolist(), view)
    return sheets.sheet(pictures, captions, COLUMNS, inks)


def looked_at(data: Dataset, network: Network, table: pd.DataFrame, view: View) -> Image.Image:
    """The worst mistakes, each beside where the network looks for its answer (Grad-CAM).

    Args:
        data: the data set.
        network: in evaluation mode.
        table: top_losses.csv.
        view: as they were judged.
    """
    wrong = table[table["actual"] != table["predicted"]].iloc[:PAIRS]
    if wrong.empty:
        return blank()
    batch = judged(data, "valid", wrong["name"].tolist(), view)
    answers = torch.tensor([data.classes.index(label) for label in wrong["predicted"]])
    plain = sheets.visible(batch)
    warm = gradcam.laid_over(plain, gradcam.heat(network, batch, answers))
    pictures = torch.stack([plain, warm], 1).flatten(0, 1)
    captions = [
        text
        for row in wrong.to_dict("records")
        for text in (row["actual"], f"looked at for {row['predicted']}")
    ]
    return sheets.sheet(pictures, captions, COLUMNS, [sheets.WRONG, sheets.INK] * len(wrong))


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
