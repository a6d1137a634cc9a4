"""A cache of one block, as stage presize writes it for an archive."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pawprint.core import files
from pawprint.vision import cache_writer
from pawprint.vision.cache_writer import CachedImage

BLOCK = Path("images", "archive.npy")


def write_cache(
    folder: Path, images: Iterable[CachedImage], names: Sequence[str], size: int, on_error: str
) -> tuple[list[CachedImage], str]:
    """Write images/, blocks.csv and index.csv; the images of the rows, and what was left out."""
    with files.atomic_folder(folder / "images") as inside:
        done = cache_writer.write_block(inside / BLOCK.name, images, names, size)
        message = cache_writer.check_errors([x for x in done if x.error], on_error, len(names))
    good = [image for image in done if not image.error]
    write_places(folder, len(good))
    index = [(x.name, x.width, x.height, x.sha256) for x in good]
    files.write_csv(folder / "index.csv", ["name", "width", "height", "sha256"], index)
    return good, message


def write_places(folder: Path, count: int) -> None:
    """blocks.csv of so many images in one block."""
    rows = [(BLOCK.stem, row) for row in range(count)]
    files.write_csv(folder / "blocks.csv", ["block", "row"], rows)


def paths(folder: Path, labels: Path | None = None) -> tuple[Path, Path, Path, Path]:
    """What `dataset.load_dataset` reads."""
    return (
        folder / "images", folder / "blocks.csv", folder / "index.csv",
        labels or folder / "labels.csv",
    )  # fmt: skip
