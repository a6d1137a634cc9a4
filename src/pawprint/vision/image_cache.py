"""The presized images as training reads them: on the device, or from the disk."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from pawprint.core import tables

COLUMNS = {"name": "str", "width": "float32", "height": "float32"}  # of index.csv
PLACES = {"block": "str", "row": "int64"}  # of blocks.csv


@dataclass(frozen=True)
class DiskBlocks:
    """The images of all blocks on disk; only those that are asked for come into memory."""

    paths: Sequence[Path]  # .npy files
    shape: tuple[int, int, int, int]  # N, S, S, 3
    block: Int64[np.ndarray, " image"]  # of each image, by its row in index.csv
    offset: Int64[np.ndarray, " image"]  # where it begins in that file, bytes

    def read(self, rows: Int64[np.ndarray, " batch"]) -> UInt8[Tensor, "batch size size rgb=3"]:
        """The images of these rows.

        Raises:
            ValueError: a file is shorter than it was.
        """
        images = torch.empty((len(rows), *self.shape[1:]), dtype=torch.uint8)
        # no memory maps: each would hold a file open, and a system allows a process about 1,000
        places = enumerate(rows.tolist())
        for block, group in groupby(places, lambda place: int(self.block[place[1]])):
            with self.paths[block].open("rb", buffering=0) as file:
                for i, row in group:
                    file.seek(self.offset[row])
                    image = images[i].numpy()
                    if file.readinto(image.data) != image.nbytes:
                        raise tables.damaged_error(self.paths[block], "only part of an array")
        return images


@dataclass(frozen=True)
class ImageCache:
    """The images of one dataset, by row; both kinds of `store` give the same bytes."""

    names: list[str]
    image_sizes: Float32[Tensor, "image 2"]  # width, height in px of the originals; on the CPU
    store: Tensor | DiskBlocks  # N×S×S×3 uint8: on the device, or read from the disk as needed
    device: torch.device

    @property
    def size(self) -> int:
        """The side of the cached squares in pixels."""
        return int(self.store.shape[1])

    def images(self, rows: Int64[Tensor, " batch"]) -> UInt8[Tensor, "batch size size rgb=3"]:
        """The images of these rows, on the device; `rows` may be on any device."""
        if isinstance(self.store, Tensor):
            return self.store[rows.to(self.store.device, non_blocking=True)]
        return self.store.read(rows.cpu().numpy()).to(self.device)


def load_image_cache(
    images: Path, blocks: Path, index: Path, device: torch.device, budget: int
) -> ImageCache:
    """Load the cache that presize wrote.

    Args:
        images: the folder of blocks, each n×S×S×3 uint8.
        blocks: blocks.csv, the block and the row of each image.
        index: index.csv, with as many rows.
        device: the device of the batches.
        budget: bytes that the cache may take on the device; a larger cache stays on disk.

    Raises:
        FileNotFoundError: presize has not run.
        ValueError: its files are damaged.
    """
    places = tables.read(blocks, [*PLACES], PLACES)
    table = tables.read(index, [*COLUMNS], COLUMNS)
    if len(table) != len(places) or not len(table):
        raise tables.damaged_error(index, f"{len(table):,} rows, but {len(places):,} in {blocks}")
    image_sizes = torch.from_numpy(table[["width", "height"]].to_numpy(dtype=np.float32))
    stored = find_blocks(images, places)
    # in the order of the table, so that where the blocks begin changes no batch
    is_small = math.prod(stored.shape) <= budget
    store = stored.read(np.arange(len(table))).to(device) if is_small else stored
    return ImageCache(table["name"].tolist(), image_sizes, store, device)


def find_blocks(images: Path, places: pd.DataFrame) -> DiskBlocks:
    """The blocks in a folder, and where in them each image begins.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: one is damaged, or has fewer rows or another size than it must have.
    """
    names, block = np.unique(places["block"], return_inverse=True)
    rows = places["row"].to_numpy()
    paths, starts, shape = (
        [images / f"{name}.npy" for name in names],
        list[int](),
        tuple[int, ...](),
    )
    for i, path in enumerate(paths):
        mapped = tables.read_array(path)  # for its shape alone
        shape = shape or mapped.shape[1:]
        if mapped.shape[1:] != shape or len(mapped) <= rows[block == i].max():
            raise tables.damaged_error(path, f"its shape is {mapped.shape}")
        starts.append(path.stat().st_size - mapped.nbytes)
    offset = np.array(starts)[block] + rows * math.prod(shape)
    height, width, colours = shape
    return DiskBlocks(paths, (len(places), height, width, colours), block, offset)
