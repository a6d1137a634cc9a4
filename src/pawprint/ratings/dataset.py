"""The whole table of ratings on the device, train and valid."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float32, Int32
from torch import Tensor

from pawprint.core import files, tables


@dataclass(frozen=True)
class RatingSplit:
    """Ratings of one split, on the device."""

    pairs: Int32[Tensor, "rating pair=2"]  # rows of the users' and the items' tables
    targets: Float32[Tensor, " rating"]

    def __len__(self) -> int:
        """The number of ratings."""
        return len(self.targets)


@dataclass(frozen=True)
class Ratings:
    """Both splits, and the names of the rows: those in train, from row 1 on."""

    users: list[str]
    items: list[str]
    train: RatingSplit
    valid: RatingSplit
    digest: str  # sha256 of ratings.csv


def load_ratings(path: Path, device: torch.device) -> Ratings:
    """Load the table that split wrote; users and items that are not in train are row 0.

    Raises:
        FileNotFoundError: stage split has not run.
    """
    table = tables.read(path, ["user", "item", "rating", "split"], {"user": "str", "item": "str"})
    is_train = table["split"] == "train"
    # of train alone; fastai gives a title that only valid has a row that nothing trains
    names = {x: vocabulary(table.loc[is_train, x].unique()) for x in ("user", "item")}
    columns = []
    for column, known in names.items():
        row = {name: i for i, name in enumerate(known, 1)}
        numbers = table[column].map(row).fillna(0).to_numpy()
        # int32: ten million ratings take 114 MiB with their targets, int64 would take 191
        columns.append(torch.tensor(numbers, dtype=torch.int32))
    pairs = torch.stack(columns, 1)
    targets = torch.tensor(table["rating"].to_numpy(), dtype=torch.float32)
    rows = [torch.tensor((table["split"] == split).to_numpy()) for split in ("train", "valid")]
    train, valid = (RatingSplit(pairs[row].to(device), targets[row].to(device)) for row in rows)
    return Ratings(names["user"], names["item"], train, valid, files.file_hash(path))


def vocabulary(names: Collection[str]) -> list[str]:
    """The names, each once, sorted: as numbers if all are whole numbers, else by code point."""
    distinct: Sequence[str] = sorted(set(names))
    # as in fastai, whose pandas reads such a column as numbers: 2 before 10
    if all(name.isascii() and name.isdecimal() for name in distinct):
        return sorted(distinct, key=lambda name: (int(name), name))
    return list(distinct)
