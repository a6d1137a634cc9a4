"""A data set of made pictures, small enough to train on in a second."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pawprint.training.optimizer import OptimizerConfig
from pawprint.training.session import ImageSession
from pawprint.training.workload import Recipe
from pawprint.vision.augment import AugmentConfig
from pawprint.vision.classification import Classification
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.image_cache import DiskBlocks, ImageCache, find_blocks
from pawprint.vision.resample import InputSpec

CPU = torch.device("cpu")
STRENGTHS = AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)


def dataset(n: int = 40, classes: int = 3, size: int = 32, mapped: bool = False) -> Dataset:
    """Pictures whose mean colour tells their class; every fifth is valid."""
    rng = np.random.default_rng(0)
    numbers = np.arange(n) % classes
    pictures = rng.integers(0, 120, (n, size, size, 3), dtype=np.uint8)
    for i, number in enumerate(numbers):
        pictures[i, ..., number] += 130
    names = [f"{i}.jpg" for i in range(n)]
    image_sizes = torch.tensor(rng.integers(20, 60, (n, 2)), dtype=torch.float32)
    store = on_disk(pictures) if mapped else torch.from_numpy(pictures)
    parts = {}
    for split, rows in (("train", [i for i in range(n) if i % 5]), ("valid", list(range(0, n, 5)))):
        targets = torch.tensor(numbers[rows])
        words = [f"class {numbers[i]}" for i in rows]
        parts[split] = Split(
            torch.tensor(rows), targets, [names[i] for i in rows], words, Classification()
        )
    known = [f"class {i}" for i in range(classes)]
    return Dataset(
        ImageCache(names, image_sizes, store, CPU), known, parts, "0" * 64, Classification()
    )


FOLDERS = list[tempfile.TemporaryDirectory[str]]()  # removed with the process


def on_disk(pictures: np.ndarray) -> DiskBlocks:
    """The same in two blocks, the second image of the first one being the first of the second."""
    FOLDERS.append(tempfile.TemporaryDirectory())
    folder, n = Path(FOLDERS[-1].name), len(pictures)
    rows = [("ab"[i % 2], i // 2) for i in range(n)]
    places = pd.DataFrame(rows, columns=["block", "row"])
    for i, name in enumerate("ab"):
        np.save(folder / f"{name}.npy", pictures[i::2])
    return find_blocks(folder, places)


def recipe(seed: int = 0, batch_size: int = 8, dtype: torch.dtype = torch.float32) -> Recipe:
    """Small and quick."""
    return Recipe(InputSpec(32), batch_size, seed, dtype, STRENGTHS, 0.0)


def session(
    seed: int = 0, mapped: bool = False, dtype: torch.dtype = torch.float32
) -> ImageSession:
    """What a stage would open."""
    return ImageSession(
        CPU, dataset(mapped=mapped), recipe(seed, dtype=dtype), SETTINGS, "resnet18"
    )


SETTINGS = OptimizerConfig(0.01, 0.99, 1e-5)
