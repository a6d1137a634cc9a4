"""Cached pictures joined with their labels: what the network is trained and judged on."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from pawprint import cache, cells, files, tables
from pawprint.cache import Cache
from pawprint.findings import listed
from pawprint.targets import KINDS, Kind


@dataclass(frozen=True)
class Part:
    """One side of the split."""

    rows: Int64[Tensor, " image"]  # of the cache; on the CPU
    targets: Tensor  # one a picture; on the device
    names: list[str]
    labels: list[str]  # cells of labels.csv
    kind: Kind

    def __len__(self) -> int:
        """Pictures."""
        return len(self.names)

    def of(self, chosen: list[int]) -> "Part":
        """Some of its pictures, in the order given."""
        names, labels = ([column[i] for i in chosen] for column in (self.names, self.labels))
        at = torch.tensor(chosen, dtype=torch.int64)
        return replace(
            self,
            rows=self.rows[at],
            targets=self.targets[at.to(self.targets.device)],
            names=names,
            labels=labels,
        )


@dataclass(frozen=True)
class Dataset:
    """The cache, the classes in the order of the outputs, and the sides of the split."""

    cache: Cache
    classes: list[str]
    parts: dict[str, Part]  # train, valid, test; a side without pictures is empty
    digest: str  # sha256 of index.csv and labels.csv
    kind: Kind


def opened(images: Path, index: Path, labels: Path, device: torch.device, budget: int) -> Dataset:
    """The pictures that are both labelled and cached, in the order of labels.csv.

    Args:
        images: the cache's pictures, images.npy.
        index: index.csv, one line a picture of the cache.
        labels: labels.csv.
        device: where batches and targets are wanted.
        budget: bytes that the cache may take there; a larger one stays on the disk.

    Raises:
        FileNotFoundError: a stage before has not run.
        ValueError: train has fewer than two pictures or classes, or valid none, or other classes;
            or a class of labels.csv has no picture in the cache.
    """
    stored = cache.opened(images, index, device, budget)
    table = tables.read(labels, ["name", "split"], "str")
    if (column := table.columns[1]) not in KINDS:
        raise tables.damaged(labels, f"column {column}")
    row = {name: i for i, name in enumerate(stored.names)}
    if not table["name"].isin(row).any():
        raise ValueError(
            f"{labels} and {index} have no picture in common, so they are of two data sets; make "
            "both again: `dvc repro`"
        )
    kind = KINDS[column]
    every = {label for cell in table[column] for label in cells.classes(cell, column)}
    table = table[table["name"].isin(row)]
    told, sizes = table[kind.name], table["split"].value_counts()
    known = kind.classes(told[table["split"] == "train"].tolist())
    there = {label for cell in told for label in cells.classes(cell, kind.name)}
    check_classes(labels, every - there)
    unseen = sorted(there - set(known))
    if unseen or len(known) < kind.least or not sizes.get("valid", 0):
        raise ValueError(
            f"{labels}: of the pictures that could be decoded, train holds "
            f"{sizes.get('train', 0)} of {len(known)} classes, valid {sizes.get('valid', 0)}, and "
            f"absent from train are {len(unseen)} classes ({listed(unseen) or 'none'}); "
            "mend the pictures that presize left out, or use label.split: stratified"
        )
    parts = {}
    for split in ("train", "valid", "test"):
        chosen = table[table["split"] == split]
        names, words = chosen["name"].tolist(), chosen[kind.name].tolist()
        rows = torch.tensor([row[name] for name in names], dtype=torch.int64)
        sides = stored.sides[rows]
        wanted = kind.encoded(words, known, sides)
        kind.check(wanted, names, sides)
        parts[split] = Part(rows, wanted.to(device), names, words, kind)
    hashes = files.digest(index) + files.digest(labels)
    return Dataset(stored, known, parts, files.text_digest(hashes), kind)


def check_classes(labels: Path, lost: set[str]) -> None:
    """Refuse to train on fewer classes than labels.csv has.

    Raises:
        ValueError: some classes have no picture that presize could decode.
    """
    if lost:
        what = "1 class" if len(lost) == 1 else f"{len(lost)} classes"
        raise ValueError(
            f"{labels}: no picture of {what} could be decoded, so that it would be lost: "
            f"{listed(sorted(lost))}; fix the pictures that presize left out (presize.on_error: "
            "stop names each), or take them out of the data set"
        )
