"""Images that every machine has: pieces of scikit-learn's two photos, as JPEGs."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from pawprint.core import files
from pawprint.storage import archives
from pawprint.vision import cache_writer, dataset
from pawprint.vision.dataset import Dataset

CLASSES, CACHE = 4, 460


def of(archive: Path, most: int = 80) -> list[bytes]:
    """Image files, spread evenly over the archive."""
    names = archives.image_names(archive)
    chosen = names[:: max(1, len(names) // most)][:most]
    return [data for _, data in archives.read_files(archive, chosen)]


def make(count: int) -> list[bytes]:
    """Make this many files of 500×375 px."""
    rng, actual = np.random.default_rng(0), []
    for i in range(count):
        photo = Image.fromarray(load_sample_images().images[i % 2])
        left, top = int(rng.integers(0, 140)), int(rng.integers(0, 52))
        file = io.BytesIO()
        photo.crop((left, top, left + 500, top + 375)).save(file, "JPEG", quality=90)
        actual.append(file.getvalue())
    return actual


@contextmanager
def folder(train: int, valid: int) -> Iterator[Path]:
    """Make a folder with the files, labels.csv and our cache of them."""
    with tempfile.TemporaryDirectory() as name:
        here, images = Path(name), make(train + valid)
        names = [f"{i % CLASSES}_{i:04d}.jpg" for i in range(len(images))]
        for image, data in zip(names, images, strict=True):
            (here / image).write_bytes(data)
        splits = ["train"] * train + ["valid"] * valid
        rows = sorted(zip(names, [text[0] for text in names], splits, strict=True))
        files.write_csv(here / "labels.csv", ["name", "label", "split"], rows)
        cached = cache_writer.decode_all(zip(names, images, strict=True), CACHE, "white", 2)
        good = cache_writer.write_block(here / "images/all.npy", cached, sorted(names), CACHE)
        places = [("all", i) for i in range(len(good))]
        files.write_csv(here / "blocks.csv", ["block", "row"], places)
        index = [(p.name, p.width, p.height, p.sha256) for p in good]
        files.write_csv(here / "index.csv", ["name", "width", "height", "sha256"], index)
        yield here


def open_it(here: Path) -> Dataset:
    """Our dataset of such a folder, in memory."""
    cache = (here / "images", here / "blocks.csv", here / "index.csv")
    return dataset.load_dataset(*cache, here / "labels.csv", torch.device("cpu"), 1 << 40)
