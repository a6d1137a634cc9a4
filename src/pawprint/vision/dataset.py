"""Cached images joined with their labels: the data for training and evaluation."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from pawprint.core import files, label_cells, tables
from pawprint.core.findings import shorten
from pawprint.vision import image_cache
from pawprint.vision.image_cache import ImageCache
from pawprint.vision.task import TASKS, Task


@dataclass(frozen=True)
class Split:
    """The images of train, valid or test."""

    rows: Int64[Tensor, " image"]  # of the cache; on the CPU
    targets: Tensor  # one a picture; on the device
    names: list[str]
    cells: list[str]  # of labels.csv
    task: Task

    def __len__(self) -> int:
        """Images."""
        return len(self.names)

    def subset(self, chosen: list[int]) -> "Split":
        """Some of its images, in the order given."""
        names, cells = ([column[i] for i in chosen] for column in (self.names, self.cells))
        at = torch.tensor(chosen, dtype=torch.int64)
        return replace(
            self,
            rows=self.rows[at],
            targets=self.targets[at.to(self.targets.device)],
            names=names,
            cells=cells,
        )


@dataclass(frozen=True)
class Dataset:
    """The cache, the classes in the order of the outputs, and the splits."""

    cache: ImageCache
    classes: list[str]
    splits: dict[str, Split]  # train, valid, test; a split without images is empty
    digest: str  # sha256 of index.csv and labels.csv
    task: Task


def load_dataset(
    images: Path, blocks: Path, index: Path, labels: Path, device: torch.device, budget: int
) -> Dataset:
    """The images that are both labelled and cached, in the order of labels.csv.

    Args:
        images: the folder of the cache's blocks.
        blocks: blocks.csv, where in them an image lies.
        index: index.csv, one line per image of the cache.
        labels: labels.csv.
        device: the device of batches and targets.
        budget: bytes that the cache may take there; a larger cache stays on disk.

    Raises:
        FileNotFoundError: an earlier stage has not run.
        ValueError: train has fewer than two images or classes, valid has none or other classes, or
            a class of labels.csv has no image in the cache.
    """
    cache = image_cache.load_image_cache(images, blocks, index, device, budget)
    table = tables.read(labels, ["name", "split"], "str")
    if (column := table.columns[1]) not in TASKS:
        raise tables.damaged_error(labels, f"column {column}")
    row = {name: i for i, name in enumerate(cache.names)}
    if not table["name"].isin(row).any():
        raise ValueError(
            f"{labels} and {index} have no image in common, so they come from two datasets; "
            "rebuild both: `dvc repro`"
        )
    all_classes = {label for cell in table[column] for label in label_cells.classes(cell, column)}
    table = table[table["name"].isin(row)]
    cells, counts = table[column], table["split"].value_counts()
    train_cells = cells[table["split"] == "train"].tolist()
    classes = TASKS[column].classes(train_cells)
    present_classes = {label for cell in cells for label in label_cells.classes(cell, column)}
    check_classes(labels, all_classes - present_classes)
    unseen = sorted(present_classes - set(classes))
    is_too_few = len(present_classes - {*unseen}) < label_cells.CELLS[column].min_classes
    if unseen or is_too_few or not counts.get("train", 0) or not counts.get("valid", 0):
        raise ValueError(
            f"{labels}: of the images that could be decoded, train has {counts.get('train', 0)} "
            f"of {len(classes)} classes, valid {counts.get('valid', 0)}, and {len(unseen)} classes "
            f"are missing from train ({shorten(unseen) or 'none'}); fix the images that presize "
            "left out, or use label.split: stratified"
        )
    task, splits = TASKS[column].fit(train_cells), {}
    for split in ("train", "valid", "test"):
        chosen = table[table["split"] == split]
        names, split_cells = chosen["name"].tolist(), chosen[column].tolist()
        rows = torch.tensor([row[name] for name in names], dtype=torch.int64)
        image_sizes = cache.image_sizes[rows]
        targets = task.encode(split_cells, classes, image_sizes)
        task.check(targets, names, image_sizes)
        splits[split] = Split(rows, targets.to(device), names, split_cells, task)
    hashes = files.file_hash(index) + files.file_hash(labels)
    return Dataset(cache, classes, splits, files.text_hash(hashes), task)


def check_classes(labels: Path, lost: set[str]) -> None:
    """Raise an error if the cache has fewer classes than labels.csv.

    Raises:
        ValueError: some classes have no image that presize could decode.
    """
    if lost:
        what = "1 class" if len(lost) == 1 else f"{len(lost)} classes"
        raise ValueError(
            f"{labels}: {what} cannot be learned, because none of the images could be decoded: "
            f"{shorten(sorted(lost))}; fix the images that presize left out (presize.on_error: "
            "stop names each), or remove them from the dataset"
        )
