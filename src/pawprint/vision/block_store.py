"""Presize the blocks of a dataset: those of an earlier run come from a store, the others are new.

The store is `.presized/KEY/BLOCK.npy`; the key stands for all that the pixels depend on. It can be
deleted at any time: then the next run decodes all images again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import PIL
import torch

from pawprint.core import files
from pawprint.storage import archives, entries, manifest
from pawprint.terminal import console
from pawprint.vision import cache_writer, decode, frames, oddities, tiff, transparency, unreadable
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.oddities import Oddities

STORE = files.project_root() / ".presized"
CODE = (cache_writer, decode, frames, oddities, tiff, transparency, unreadable)


@dataclass(frozen=True)
class ImageBlock:
    """The images of a block, in the order of its rows."""

    name: str
    names: Sequence[Sequence[str]]  # of each row: images with equal bytes
    hashes: Sequence[str]  # sha256 of each row; empty if the block is an archive


@dataclass(frozen=True)
class PresizedBlock:
    """A block whose images have been decoded."""

    block: ImageBlock
    images: Sequence[CachedImage]  # one for each entry of `block.names`, without pixels
    path: Path  # of its pixels
    is_new: bool

    def named(self) -> Iterator[CachedImage]:
        """An entry for each name, also of images with equal bytes."""
        for names, image in zip(self.block.names, self.images, strict=True):
            yield from (replace(image, name=name) for name in names)

    def rows(self) -> dict[str, int]:
        """The row of each name whose image could be decoded."""
        pairs = zip(self.block.names, self.images, strict=True)
        good = [names for names, image in pairs if not image.error]
        return {name: row for row, names in enumerate(good) for name in names}


def image_blocks(place: Path) -> list[ImageBlock]:
    """The blocks of stage fetch's folder; an archive is one block."""
    images = archives.image_names(place)
    if not entries.is_blocks(place):
        return [ImageBlock(entries.ARCHIVE, [[name] for name in images], [])]
    blocks, known = list[ImageBlock](), {*images}
    for name, members in manifest.read(place / manifest.FILE).members.items():
        rows = {x: [one for one in names if one in known] for x, names in members.items()}
        rows = {x: names for x, names in rows.items() if names}
        if rows:
            blocks.append(ImageBlock(name, [*rows.values()], [*rows]))
    return blocks


class BlockStore:
    """The presized blocks of one size and background."""

    def __init__(self, size: int, background: str, folder: Path = STORE) -> None:
        """Find the store's folder for this size and background, and for this code."""
        code = [Path(str(module.__file__)).read_bytes() for module in CODE]
        facts = [size, background, PIL.__version__, torch.__version__]
        key = hashlib.sha256(b"".join([*code, json.dumps(facts).encode()])).hexdigest()[:16]
        self.size, self.background, self.folder = size, background, folder / key

    def find(self, block: ImageBlock) -> PresizedBlock | None:
        """The block, if it is in the store as it was written."""
        path = self._path(block)
        try:
            content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            if content["state"] != files.state(path) or content["hashes"] != [*block.hashes]:
                return None
            facts = zip(block.names, content["images"], strict=True)
            return PresizedBlock(block, [_image(names[0], x) for names, x in facts], path, False)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None

    def write(
        self, block: ImageBlock, images: Iterator[CachedImage], folder: Path
    ) -> PresizedBlock:
        """Write the next images as this block; an archive's goes to `folder` alone."""
        path = self._path(block) if block.hashes else folder / f"{block.name}.npy"
        names = [names[0] for names in block.names]
        done = cache_writer.write_block(path, islice(images, len(names)), names, self.size)
        if block.hashes:
            facts = [{**asdict(image), "name": "", "pixels": None} for image in done]
            content = {"state": files.state(path), "hashes": [*block.hashes], "images": facts}
            files.write_json(path.with_suffix(".json"), content)
        return PresizedBlock(block, done, path, True)

    def _path(self, block: ImageBlock) -> Path:
        return self.folder / f"{block.name}.npy"


def presize_blocks(
    place: Path, blocks: Sequence[ImageBlock], store: BlockStore, folder: Path, workers: int
) -> list[PresizedBlock]:
    """Put all blocks into a folder; those that the store lacks are decoded.

    Args:
        place: stage fetch's folder.
        blocks: of `image_blocks`.
        store: of the size and background.
        folder: where the blocks go, as NAME.npy.
        workers: images that are decoded at a time.

    Raises:
        OSError: the disk is full, or will be.
    """
    found = {block.name: store.find(block) for block in blocks}
    first = [names[0] for block in blocks if not found[block.name] for names in block.names]
    cache_writer.check_space(folder, len(first), store.size)
    contents = archives.read_files(place, first) if first else iter(())
    images = cache_writer.decode_all(contents, store.size, store.background, workers)
    shown = iter(console.progress_bar(images, "presize", len(first)))
    done = [found[block.name] or store.write(block, shown, folder) for block in blocks]
    for one in done:
        if one.path.parent != folder:
            files.link_or_copy(one.path, folder / one.path.name)
    return done


def summary(done: Sequence[PresizedBlock], folder: Path) -> str:
    """How many images there are, and how many of them had to be decoded.

    >>> summary([], Path("nowhere"))
    '0 images, 0 MB'
    """
    images = sum(len(one.rows()) for one in done)
    size = sum(path.stat().st_size for path in folder.glob("*.npy"))
    line = f"{images:,} images, {size / 1e6:,.0f} MB"
    new = [one for one in done if one.is_new]
    decoded = sum(len(one.images) for one in new)
    kept = f"; {decoded:,} decoded, of {len(new):,} of {len(done):,} blocks"
    return line + (kept if len(new) < len(done) else "")


def _image(name: str, facts: Mapping[str, Any]) -> CachedImage:
    odd = Oddities(**facts["odd"])
    span = None if odd.span is None else (odd.span[0], odd.span[1])  # JSON has no tuples
    return CachedImage(**{**facts, "name": name, "odd": replace(odd, span=span)})
