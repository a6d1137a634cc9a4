"""Inspect the images of a block again after a change: what has changed, and the new version."""

import os
from collections.abc import Iterator
from pathlib import Path

from pawprint.core import files, yaml_file
from pawprint.core.findings import Findings
from pawprint.curation import catalog_entry, changes, versions
from pawprint.curation.new_dataset import (
    describe_images,
    format_line,
    next_command,
    origin,
    raise_if_errors,
    survey_images,
)
from pawprint.curation.versions import Version
from pawprint.data import catalog
from pawprint.data.catalog import FILE, DatasetEntry
from pawprint.data.source import Source
from pawprint.storage import archives, unused_files


def update_dataset(name: str, url: str | None, is_compact: bool = False) -> Iterator[str]:
    """Inspect the images of a block again, and write their new version and count.

    Args:
        name: the name of the block.
        url: empty, or the block's own URL.
        is_compact: whether to merge the small blocks of a folder.

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
    # without the block's hash, which is that of the images before the change
    place, text = versions.open_place(name, Source(url=block.pictures.url))
    yield from origin(text)
    csv = None
    if block.label.outside:
        csv, text = versions.open_place(name, Source(url=block.label.outside.url))
        yield format_line("csv", text)
    listing, findings = archives.listing(place, block.pictures.url), Findings()
    before = versions.read_before(name)
    version = versions.version_of(place, listing.images, block.label, before, is_compact)
    is_equal = _is_equal(block, place, version, len(listing.images), csv)
    if is_equal and version.is_written(name):
        unused_files.check(listing, block.label, findings)
        yield from (format_line("note", note) for note in findings.notes)
        yield format_line(
            "unchanged",
            f"{len(listing.images):,} images, {version.describe(name)}; nothing is written",
        )
        return
    known = versions.known_files(before, version)
    image_labels, survey_result = survey_images(place, listing, block, csv, findings, known)
    now = {image.name: image.sha256 for image in survey_result.images}
    yield from changes.describe(name, block, before, (place, csv), image_labels, now)
    if before and version.content:
        for line in versions.block_lines(place, before, version.content):
            yield format_line("blocks", line)
    yield from describe_images(image_labels, survey_result, findings, block.target)
    raise_if_errors(findings)
    version.write(name)
    hashes = (version.key, version.sha256)
    catalog_entry.update_entry(FILE, name, hashes, len(image_labels), csv.name if csv else None)
    count = f", count {len(image_labels)}" if block.count is not None else ""
    yield format_line("written", f"{FILE}: {name}, {version.describe(name)}{count}")
    yield format_line("next", next_command(name, block))


def _is_equal(
    block: DatasetEntry, place: Path, version: Version, count: int, csv: Path | None
) -> bool:
    """Whether the block says all this already."""
    if block.count not in (None, count) or (csv and csv.name != block.label.sha256):
        return False
    if version.content:
        return block.pictures.manifest == version.sha256
    algorithm, before = block.pictures.expected or ("sha256", "")
    # the store's name is a sha256, and a block may have an md5 alone
    return files.file_hash(place, algorithm) == before


def normalize_url(url: str) -> str:
    """The same text for the same path, whether or not it is absolute."""
    if files.is_address(url):
        return url.rstrip("/")
    # Path.absolute() leaves `..` in, and resolve() follows links
    return os.path.abspath(Path(url).expanduser())  # noqa: PTH100
