"""Images of the valid split with what the model said of them: results, worst losses, mix-ups."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import torch
from PIL import Image

from pawprint.core.label_cells import classes
from pawprint.models.network import Network
from pawprint.reporting import contact_sheet, gradcam
from pawprint.reporting.target_display import DISPLAYS, class_text
from pawprint.runtime import rng
from pawprint.vision import loader
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.resample import InputSpec

MAX_IMAGES, COLUMNS, MAX_PAIRS = 16, 4, 8


def select(split: Split, names: list[str]) -> Split:
    """These images of a split, in the order of the names."""
    place = {name: i for i, name in enumerate(split.names)}
    return split.subset([place[name] for name in names])


def input_batch(data: Dataset, split: str, names: list[str], input_spec: InputSpec) -> torch.Tensor:
    """These images of a split as the network is given them, in the order of the names."""
    chosen = select(data.splits[split], names)
    images, _ = next(loader.eval_batches(data.cache, chosen, input_spec, len(names)))
    return images


def visible_images(
    data: Dataset, split: str, names: list[str], input_spec: InputSpec
) -> torch.Tensor:
    """The same for a person, n×h×w×3 uint8."""
    return contact_sheet.denormalize(input_batch(data, split, names, input_spec))


def results_sheet(data: Dataset, table: pd.DataFrame, input_spec: InputSpec) -> Image.Image:
    """Valid images at random, green where the model is right, red where it is not.

    Args:
        data: the dataset.
        table: predictions.csv, every name in valid.
        input_spec: as they were judged.
    """
    # no seed of params: runs on one split show the same images, so they can be compared
    order = torch.randperm(len(table), generator=rng.generator("results"))[:MAX_IMAGES].tolist()
    return captioned_sheet(data, table.iloc[order], input_spec)


def top_losses_sheet(data: Dataset, table: pd.DataFrame, input_spec: InputSpec) -> Image.Image:
    """The worst of all; `table` is top_losses.csv."""
    return captioned_sheet(data, table.iloc[:MAX_IMAGES], input_spec)


def captioned_sheet(data: Dataset, rows: pd.DataFrame, input_spec: InputSpec) -> Image.Image:
    """A sheet of these rows: probability and answer; where it is wrong, the truth and the loss."""
    display = DISPLAYS[data.task.name]
    split = select(data.splits["valid"], rows["name"].tolist())
    images, _ = next(loader.eval_batches(data.cache, split, input_spec, len(split)))
    image_sizes = data.cache.image_sizes[split.rows]
    transform = loader.eval_transform(data.cache, split, input_spec)
    marks = []
    for ink, column in ((contact_sheet.RIGHT, "actual"), (contact_sheet.WRONG, "predicted")):
        targets = data.task.encode(rows[column].tolist(), data.classes, image_sizes)
        marks.append((ink, display.marks(data.task.transform_targets(targets, transform))))
    results = [display.result(row) for row in rows.to_dict("records")]
    captions, inks = zip(*results, strict=True)
    return contact_sheet.draw_sheet(
        contact_sheet.denormalize(images), captions, COLUMNS, inks, marks
    )


def gradcam_sheet(
    data: Dataset, model: Network, table: pd.DataFrame, input_spec: InputSpec
) -> Image.Image:
    """The worst mistakes, each beside where the network looks for its answer (Grad-CAM).

    Args:
        data: the dataset.
        model: in evaluation mode.
        table: top_losses.csv.
        input_spec: as they were judged.
    """
    doubts = [(row, doubtful_class(row, data)) for row in table.to_dict("records")]
    wrong = [(row, label) for row, label in doubts if label is not None][:MAX_PAIRS]
    if not wrong:
        return blank()
    batch = input_batch(data, "valid", [str(row["name"]) for row, _ in wrong], input_spec)
    answers = torch.tensor([data.classes.index(label) for _, label in wrong])
    plain = contact_sheet.denormalize(batch)
    warm = gradcam.overlay(plain, gradcam.grad_cam(model, batch, answers))
    images = torch.stack([plain, warm], 1).flatten(0, 1)
    captions = [
        text
        for row, label in wrong
        for text in (class_text(row["actual"], data.task.name), f"looked at for {label}")
    ]
    return contact_sheet.draw_sheet(
        images, captions, COLUMNS, [contact_sheet.WRONG, contact_sheet.INK] * len(wrong)
    )


def doubtful_class(row: Mapping[Hashable, Any], data: Dataset) -> str | None:
    """The class whose output is wrong: that which was said, else the first that was missed."""
    predicted, actual = (set(classes(str(row[k]), data.task.name)) for k in ("predicted", "actual"))
    return min(predicted - actual, default=None) or min(actual - predicted, default=None)


def blank() -> Image.Image:
    """The sheet of no mistakes."""
    return Image.new("RGB", (contact_sheet.MIN_SIDE, contact_sheet.MIN_SIDE), contact_sheet.PAPER)


def confused_sheet(
    data: Dataset, predictions: pd.DataFrame, pairs: pd.DataFrame, input_spec: InputSpec
) -> Image.Image:
    """The most frequent mix-ups: an image that was mistaken, beside one of what it was taken for.

    Args:
        data: the dataset.
        predictions: predictions.csv.
        pairs: most_confused.csv, most frequent first; without rows the sheet is empty.
        input_spec: as they were judged.
    """
    images, captions, inks = [], [], []
    train = data.splits["train"]
    for pair in pairs.iloc[:MAX_PAIRS].to_dict("records"):
        actual, taken = pair["actual"], pair["predicted"]
        both = predictions[(predictions["actual"] == actual) & (predictions["predicted"] == taken)]
        # the name decides among equals, so that equal runs give equal sheets
        worst = both.sort_values(["probability", "name"], ascending=[False, True]).iloc[0]
        typical = train.names[train.cells.index(taken)]
        images += [visible_images(data, "valid", [worst["name"]], input_spec)]
        images += [visible_images(data, "train", [typical], input_spec)]
        captions += [f"{actual}, {pair['count']}×", f"taken for {taken}"]
        inks += [contact_sheet.WRONG, contact_sheet.INK]
    if not images:
        return blank()
    return contact_sheet.draw_sheet(torch.cat(images), captions, COLUMNS, inks)
