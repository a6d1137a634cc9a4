"""The pictures of a block, looked at again after a change: what has changed, and its new hash."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pawprint import archives, catalogue, cells, downloads, entry, files, labels, yaml12
from pawprint.catalogue import FILE, Block, Source
from pawprint.findings import Findings, listed
from pawprint.newset import (
    Labels,
    brought,
    described,
    labelled,
    looked_at,
    next_command,
    origin,
    row,
    stop,
)
from pawprint.presize import Presized
from pawprint.survey import Survey


def updated(name: str, url: str | None) -> Iterator[str]:
    """Look at the pictures of a block again, and write their new hash and count.

    Args:
        name: of the block.
        url: none, or the block's own.

    Raises:
        ValueError: no such block, or as for `added`; nothing is written.
    """
    if name not in yaml12.load(FILE):
        raise ValueError(f"{FILE}: no block `{name}` to update; add it: pawprint new {name} PATH")
    block = catalogue.block(name)
    if url and place(url) != place(block.pictures.url):
        raise ValueError(
            f"{FILE}: `{name}` has url: {block.pictures.url}; change it there, then run "
            f"`pawprint new {name} --update`"
        )
    archive, said = brought(name, Source(url=block.pictures.url))
    yield from origin(said)
    csv = None
    if block.label.outside:
        csv, said = brought(name, Source(url=block.label.outside.url))
        yield row("csv", said)
    listing, found = archives.listing(archive, block.pictures.url), Findings()
    made, seen = looked_at(archive, listing, block, csv, found)
    algorithm, before = block.pictures.expected or ("sha256", "")
    is_equal = csv is None or csv.name == block.label.sha256
    if files.digest(archive, algorithm) == before and block.count in (None, len(made)) and is_equal:
        yield row("unchanged", f"{len(made):,} pictures, {algorithm} {before}; nothing is written")
        return
    yield from changes(block, made, seen)
    yield from described(made, seen, found, block.target)
    stop(found)
    entry.rewrite(FILE, name, archive.name, len(made), csv.name if csv else None)
    yield row("written", f"{FILE}: {name}, sha256 {archive.name}, count {len(made)}")
    yield row("next", next_command(name, block))


def place(url: str) -> str:
    """The same text for the same place, whether or not it is written from the root."""
    return url.rstrip("/") if ":" in url else os.path.abspath(Path(url).expanduser())  # noqa: PTH100


def changes(block: Block, made: Labels, seen: Survey) -> Iterator[str]:
    """What is otherwise than in the archive that the block names, as far as that one is kept."""
    expected = block.pictures.expected
    old = downloads.STORE / expected[1] if expected else None
    if old is None or not old.is_file():
        before = "unknown" if block.count is None else f"{block.count:,}"
        yield row("count", f"{before} -> {len(made):,} pictures; the earlier ones are not kept")
        return
    names = archives.image_names(old)
    yield row("count", f"{len(names):,} -> {len(made):,} pictures")
    csv = downloads.STORE / block.label.sha256 if block.label.sha256 else None
    if csv and not csv.is_file():
        yield row("changed", f"{block.label.file}; {difference(old, names, seen.pictures)}")
        return
    earlier_labels = labelled(old, names, block, csv, Findings())
    other = [name for name in names if name in made and made[name] != earlier_labels[name]]
    relabelled = f"{len(other):,} other {block.target} ({listed(other, 3)})" if other else ""
    changed = difference(old, names, seen.pictures)
    parts = [part for part in (changed, relabelled) if part]
    yield row("changed", ", ".join(parts) or "no picture, but other files")
    earlier, now = (
        {label for cell in some.values() for label in cells.classes(cell or "", block.target)}
        for some in (earlier_labels, made)
    )
    for word, some in (("new", now - earlier), ("gone", earlier - now)):
        if some:
            yield row("classes", f"{word}: {listed(sorted(map(str, some)))}")


def difference(old: Path, names: Sequence[str], pictures: Sequence[Presized]) -> str:
    """How many pictures came, went, or have other bytes now, the first of each; empty for none."""
    before = labels.fingerprints(archives.contents(old, set(names)))
    now = {picture.name: picture.sha256 for picture in pictures}
    parts = {
        "new": sorted(now.keys() - before.keys()),
        "gone": sorted(before.keys() - now.keys()),
        "other bytes": sorted(x for x in now if x in before and now[x] != before[x]),
    }
    said = [f"{len(some):,} {word} ({listed(some, 3)})" for word, some in parts.items() if some]
    return ", ".join(said)
