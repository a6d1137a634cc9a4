"""Inspect the images of a block again after a change: what has changed, and the new hash."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pawprint.core import files, label_cells, yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.curation import catalog_entry
from pawprint.curation.new_dataset import (
    Labels,
    describe_images,
    fetch_archive,
    format_line,
    label_images,
    next_command,
    origin,
    raise_if_errors,
    survey_images,
)
from pawprint.curation.survey import Survey
from pawprint.data import catalog, downloads, label_table
from pawprint.data.catalog import FILE, DatasetEntry
from pawprint.data.source import Source
from pawprint.storage import archives
from pawprint.vision.cache_writer import CachedImage


def update_dataset(name: str, url: str | None) -> Iterator[str]:
    """Inspect the images of a block again, and write their new hash and count.

    Args:
        name: the name of the block.
        url: empty, or the block's own URL.

    Raises:
        ValueError: no such block, or as for `new_dataset.add_dataset`; nothing is written.
    """
    if name not in yaml_file.load(FILE):
        raise ValueError(f"{FILE}: no block `{name}` to update; add it: pawprint new {name} PATH")
    block = catalog.load_dataset_entry(name)
    if url and normalize_url(url) != normalize_url(block.pictures.url):
        raise ValueError(
            f"{FILE}: `{name}` has url: {block.pictures.url}; change it there, then run "
            f"`pawprint new {name} --update`"
        )
    # without the block's hash, which is that of the pictures before the change
    archive, text = fetch_archive(name, Source(url=block.pictures.url))
    yield from origin(text)
    csv = None
    if block.label.outside:
        csv, text = fetch_archive(name, Source(url=block.label.outside.url))
        yield format_line("csv", text)
    listing, findings = archives.listing(archive, block.pictures.url), Findings()
    image_labels, survey_result = survey_images(archive, listing, block, csv, findings)
    algorithm, before = block.pictures.expected or ("sha256", "")
    is_equal = csv is None or csv.name == block.label.sha256
    if (
        # the store's name is a sha256, and a block may have an md5 alone
        files.file_hash(archive, algorithm) == before
        and block.count in (None, len(image_labels))
        and is_equal
    ):
        yield format_line(
            "unchanged", f"{len(image_labels):,} images, {algorithm} {before}; nothing is written"
        )
        return
    yield from changes(block, image_labels, survey_result)
    yield from describe_images(image_labels, survey_result, findings, block.target)
    raise_if_errors(findings)
    catalog_entry.update_entry(
        FILE, name, archive.name, len(image_labels), csv.name if csv else None
    )
    count = f", count {len(image_labels)}" if block.count is not None else ""
    yield format_line("written", f"{FILE}: {name}, sha256 {archive.name}{count}")
    yield format_line("next", next_command(name, block))


def normalize_url(url: str) -> str:
    """The same text for the same path, whether or not it is absolute."""
    if files.is_address(url):
        return url.rstrip("/")
    # Path.absolute() leaves `..` in, and resolve() follows links
    return os.path.abspath(Path(url).expanduser())  # noqa: PTH100


def changes(block: DatasetEntry, image_labels: Labels, survey_result: Survey) -> Iterator[str]:
    """What differs from the archive in the block, if that one is kept."""
    expected = block.pictures.expected
    old = downloads.STORE / expected[1] if expected else None
    if old is None or not old.is_file():
        before = "unknown" if block.count is None else f"{block.count:,}"
        yield format_line(
            "count", f"{before} -> {len(image_labels):,} images; the earlier ones were not kept"
        )
        return
    names = archives.image_names(old)
    yield format_line("count", f"{len(names):,} -> {len(image_labels):,} images")
    csv = downloads.STORE / block.label.sha256 if block.label.sha256 else None
    if csv and not csv.is_file():
        yield format_line(
            "changed", f"{block.label.file}; {difference(old, names, survey_result.images)}"
        )
        return
    earlier_labels = label_images(old, names, block, csv, Findings())
    other = [
        name
        for name in names
        if name in image_labels and image_labels[name] != earlier_labels[name]
    ]
    relabelled = f"{len(other):,} other {block.target} ({shorten(other, 3)})" if other else ""
    changed = difference(old, names, survey_result.images)
    parts = [part for part in (changed, relabelled) if part]
    yield format_line("changed", ", ".join(parts) or "no images, only other files")
    earlier, now = (
        {label for cell in some.values() for label in label_cells.classes(cell or "", block.target)}
        for some in (earlier_labels, image_labels)
    )
    for word, some in (("new", now - earlier), ("gone", earlier - now)):
        if some:
            yield format_line("classes", f"{word}: {shorten(sorted(map(str, some)))}")


def difference(old: Path, names: Sequence[str], images: Sequence[CachedImage]) -> str:
    """How many images were added, removed or changed, with the first names; empty if none."""
    before = label_table.fingerprints(archives.read_files(old, set(names)))
    now = {image.name: image.sha256 for image in images}
    parts = {
        "new": sorted(now.keys() - before.keys()),
        "gone": sorted(before.keys() - now.keys()),
        "other bytes": sorted(x for x in now if x in before and now[x] != before[x]),
    }
    parts_text = [
        f"{len(some):,} {word} ({shorten(some, 3)})" for word, some in parts.items() if some
    ]
    return ", ".join(parts_text)
