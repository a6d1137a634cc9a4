"""The presized images as training reads them: on the device, or memory-mapped."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from pawprint.core import tables

COLUMNS = {"name": "str", "width": "float32", "height": "float32"}  # of index.csv


@dataclass(frozen=True)
class ImageCache:
    """The images of one dataset, by row; both kinds of `store` give the same bytes."""

    names: list[str]
    image_sizes: Float32[Tensor, "image 2"]  # width, height in px of the originals; on the CPU
    store: Tensor | np.ndarray  # N×S×S×3 uint8: on the device, or mapped from the disk
    device: torch.device

    @property
    def size(self) -> int:
        """The side of the cached squares in pixels."""
        return int(self.store.shape[1])

    def images(self, rows: Int64[Tensor, " batch"]) -> UInt8[Tensor, "batch size size rgb=3"]:
        """The images of these rows, on the device; `rows` may be on any device."""
        if isinstance(self.store, Tensor):
            return self.store[rows.to(self.store.device, non_blocking=True)]
        return torch.from_numpy(self.store[rows.cpu().numpy()]).to(self.device)


def load_image_cache(images: Path, index: Path, device: torch.device, budget: int) -> ImageCache:
    """Load the cache that presize wrote.

    Args:
        images: images.npy, N×S×S×3 uint8.
        index: index.csv, with as many rows.
        device: the device of the batches.
        budget: bytes that the cache may take on the device; a larger cache stays on disk.

    Raises:
        FileNotFoundError: presize has not run.
        ValueError: its files are damaged.
    """
    mapped = tables.read_array(images)
    table = tables.read(index, [*COLUMNS], COLUMNS)
    if len(table) != len(mapped):
        raise tables.damaged_error(
            index, f"{len(table):,} rows, but {len(mapped):,} images in {images}"
        )
    image_sizes = torch.from_numpy(table[["width", "height"]].to_numpy(dtype=np.float32))
    store = torch.from_numpy(np.load(images)).to(device) if mapped.nbytes <= budget else mapped
    return ImageCache(table["name"].tolist(), image_sizes, store, device)
