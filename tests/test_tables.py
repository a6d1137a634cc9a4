"""Files of the stages' own that were damaged: told with what makes them again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pawprint.ratings.dataset import load_ratings
from pawprint.reporting import figures
from pawprint.vision import dataset
from tests import caches

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What label, presize and split would write."""
    (tmp_path / "images").mkdir()
    np.save(tmp_path / caches.BLOCK, np.zeros((6, 8, 8, 3), np.uint8))
    caches.write_places(tmp_path, 6)
    rows = [f"{i}.jpg,{8 + i},8,x" for i in range(6)]
    (tmp_path / "index.csv").write_text("\n".join(["name,width,height,sha256", *rows]) + "\n")
    rows = [f"{i}.jpg,{'ab'[i % 2]},{'train' if i < 4 else 'valid'}" for i in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(["name,label,split", *rows]) + "\n")
    rows = [f"{i},{i},3.5,{'train' if i < 4 else 'valid'}" for i in range(6)]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating,split", *rows]) + "\n")
    return tmp_path


def open_it(folder: Path) -> None:
    data = dataset.load_dataset(*caches.paths(folder), torch.device("cpu"), 0)
    assert data.cache.image_sizes.tolist() == [[8.0 + i, 8.0] for i in range(6)]


def ratings(folder: Path) -> None:
    load_ratings(folder / "ratings.csv", torch.device("cpu"))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (str(caches.BLOCK), open_it),
        ("blocks.csv", open_it),
        ("index.csv", open_it),
        ("labels.csv", open_it),
        ("ratings.csv", ratings),
    ],
)
@pytest.mark.parametrize(
    "content", [b"", b"hello\n", POINTER, "é;b\n1;2\n".encode("latin-1"), bytes(range(256))]
)
def test_a_damaged_file_says_what_makes_it_again(
    folder: Path, name: str, read: Callable[[Path], None], content: bytes
) -> None:
    read(folder)
    (folder / name).write_bytes(content)
    words = (
        r"damaged \((not an array|not a table|no column|not UTF-8)[^)]*\); delete it, then "
        r"`dvc repro`"
    )
    with pytest.raises(ValueError, match=f"{name}: {words}"):
        read(folder)


@pytest.mark.parametrize("name", [str(caches.BLOCK), "index.csv", "blocks.csv"])
def test_a_cache_that_was_cut_is_damaged(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(ValueError, match=f"{name}: damaged "):
        open_it(folder)


def test_files_of_two_data_sets_are_named(folder: Path) -> None:
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace(".jpg", ".png"))
    with pytest.raises(ValueError, match=r"labels\.csv and .*index\.csv have no image in common"):
        open_it(folder)


def test_a_table_of_the_report_that_is_empty_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_bytes(b"")
    with pytest.raises(ValueError, match=r"predictions\.csv: damaged \(not a table, .*`dvc repro`"):
        figures.read_table(tmp_path / "predictions.csv")
