"""What an update of a dataset changes: images, labels, classes, and sides of the split."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pawprint.core import files, label_cells
from pawprint.core.findings import Findings, shorten
from pawprint.curation import moves, versions
from pawprint.curation.moves import LabelledImages
from pawprint.curation.new_dataset import Labels, format_line
from pawprint.data import downloads
from pawprint.data.catalog import DatasetEntry
from pawprint.data.labels import read_targets
from pawprint.storage import archives, image_files, manifest
from pawprint.storage.manifest import Manifest

PICTURES = Path("data/raw/pictures")  # of the version that stage fetch had last


def describe(
    name: str,
    block: DatasetEntry,
    before: Manifest | None,
    places: tuple[Path, Path | None],
    image_labels: Labels,
    now: Mapping[str, str],
) -> Iterator[str]:
    """What differs from the version that the block names, as far as that is known.

    Args:
        name: of the dataset.
        block: of datasets.yaml, before the update.
        before: the manifest of the version before.
        places: where the images are now, and the CSV that is not among them.
        image_labels: the cell of each image now.
        now: the sha256 of each image now.
    """
    old, hashes = former_images(block, before)
    if not hashes:
        count = "unknown" if block.count is None else f"{block.count:,}"
        yield format_line(
            "count", f"{count} -> {len(now):,} images; the earlier ones were not kept"
        )
        return
    yield format_line("count", f"{len(hashes):,} -> {len(now):,} images")
    changed = versions.difference(hashes, now)
    csv = downloads.STORE / block.label.sha256 if block.label.sha256 else None
    if csv and not csv.is_file():
        yield format_line("changed", f"{block.label.file}; {changed}")
        return
    if old is None and block.label.source in ("csv", "biwi"):  # the texts before are not kept
        yield format_line("changed", changed or "no images, only other files")
        return
    earlier, later = (
        LabelledImages(
            names, of, read_targets(at, names, block.label, Findings(), block.target, table)
        )
        for names, of, at, table in (
            ([*hashes], hashes, old or places[0], csv),
            ([*now], now, *places),
        )
    )
    cells = dict(zip(earlier.names, earlier.annotations.targets, strict=True))
    other = [x for x in cells if x in image_labels and image_labels[x] != cells[x]]
    relabelled = f"{len(other):,} other {block.target} ({shorten(other, 3)})" if other else ""
    parts = [part for part in (changed, relabelled) if part]
    yield format_line("changed", ", ".join(parts) or "no images, only other files")
    former, present = (_classes(some, block.target) for some in (cells, image_labels))
    for word, some in (("new", present - former), ("gone", former - present)):
        if some:
            yield format_line("classes", f"{word}: {shorten(sorted(some))}")
    if sides := moves.describe(name, earlier, later):
        yield format_line("split", sides)


def _classes(image_labels: Labels, target: str) -> set[str]:
    return {x for cell in image_labels.values() for x in label_cells.classes(cell or "", target)}


def former_images(
    block: DatasetEntry, before: Manifest | None
) -> tuple[Path | None, Mapping[str, str]]:
    """Where the files of the block's version still are, if they are kept; its images' sha256."""
    if place := former_place(block):
        return place, archives.file_hashes(place, archives.image_names(place))
    known = before.hashes if before else {}
    return None, {name: x for name, x in known.items() if image_files.is_candidate(name)}


def former_place(block: DatasetEntry) -> Path | None:
    """Where the files of the block's version still are; None if they are not kept."""
    if block.pictures.manifest:
        table = PICTURES / manifest.FILE
        is_it = table.is_file() and files.file_hash(table) == block.pictures.manifest
        return PICTURES if is_it else None
    expected = block.pictures.expected
    old = downloads.STORE / expected[1] if expected else None
    return old if old and old.is_file() else None
