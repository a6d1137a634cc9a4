"""What a model says of new pictures: needs the model file alone, no params.yaml and no DVC."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from pawprint import (
    augment,
    devices,
    file_type,
    folders,
    image_files,
    modelfile,
    oddities,
    presize,
    sampling,
    targets,
    unused_files,
)
from pawprint.answers import ANSWERS, Answer
from pawprint.findings import Findings
from pawprint.image_files import Listing
from pawprint.modelfile import Card
from pawprint.networks import Network
from pawprint.oddities import Oddities
from pawprint.presize import Presized
from pawprint.targets import KINDS

BATCH = 32


def found(names: Iterable[str], notes: list[str] | None = None) -> list[Path]:
    """The files that are meant: files, folders (all images below), patterns such as '*.jpg'.

    A name that is no file, a folder without an image, or an image that is lost (a link to nothing)
    stays in the list, so that it is reported and not lost.

    Args:
        names: as typed.
        notes: told what in the folders is not used, a line each.
    """
    paths: list[Path] = []
    for name in names:
        path = Path(name)
        if not path.exists() and glob.has_magic(name):
            matches = glob.glob(name, recursive=True)  # noqa: PTH207 - absolute patterns too
            paths += [Path(match) for match in sorted(matches)] or [path]
        else:
            paths.append(path)
    files: list[Path] = []
    for path in paths:
        files += in_folder(path, notes if notes is not None else []) if path.is_dir() else [path]
    return files


def in_folder(folder: Path, notes: list[str]) -> list[Path]:
    """The images below a folder, and those that are lost; the folder itself, where it has none."""
    tree, listing = folders.walk(folder), Listing()
    lost = [name for name, _ in tree.lost if image_files.may_be_image(name)]
    for name, path in tree.files:
        try:
            listing.add(name, True, partial(head, path))
        except OSError:
            lost.append(name)
    kept = listing.without_backups()
    lines = [*folders.notes(tree), *unused_files.notes(kept)]
    notes += [f"{folder}: {line}" for line in lines]
    return [folder / name for name in sorted([*kept.images, *lost])] or [folder]


def head(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(file_type.HEAD_BYTES)


def answers(
    model: Path, files: Sequence[Path], top: int, least: float | None, findings: Findings
) -> Iterator[Answer]:
    """The model's answer for each file that can be read, in order, in float32.

    The pictures are prepared as those of the training were: the same decoder, cache size and view.

    Args:
        model: a model file of ours.
        files: pictures.
        top: how many classes to name.
        least: probability below which there is no label, 0-1; None for the model's own threshold.
        findings: get an error for each file that cannot be read, and notes on odd images.

    Raises:
        FileNotFoundError, ValueError: the model file is missing, or none of ours, or gives NaN.
    """
    network, card = modelfile.read(model)
    device = devices.prepared("auto", card.params["threads"])
    network.to(device)
    odd: list[tuple[str, Oddities]] = []
    for start in range(0, len(files), BATCH):
        read = [
            opened(path, card.presize, card.background) for path in files[start : start + BATCH]
        ]
        findings.errors.extend(f"{one.name}: {one.fault}" for one in read if one.fault)
        good = [picture for picture in read if not picture.fault]
        if good:
            yield from judged(network, card, good, device, top, least)
        odd += [(picture.name, picture.odd) for picture in good]
    findings.notes.extend(oddities.notes(odd, None))  # a transparent part is nothing odd here


def opened(path: Path, size: int, background: str | None) -> Presized:
    """The picture as presize would have it, or why there is none."""
    try:
        if path.is_dir() and [*path.iterdir(), True]:
            return Presized(str(path), None, 0, 0, "", "no pictures in this folder")
        return presize.squeezed(str(path), path.read_bytes(), size, background)
    except OSError as error:
        return Presized(str(path), None, 0, 0, "", error.strerror or str(error))


@torch.no_grad()
def judged(
    network: Network,
    card: Card,
    pictures: Sequence[Presized],
    device: torch.device,
    top: int,
    least: float | None,
) -> Iterator[Answer]:
    """The answers for pictures that could be read."""
    pixels = torch.stack([x.pixels for x in pictures if x.pixels is not None]).to(device)
    sides = torch.tensor([[float(x.width), float(x.height)] for x in pictures])
    view, plain = sampling.view(card.size, card.params["augment"]), augment.neutral(len(pictures))
    maps = augment.maps(plain, sides, card.presize, light=False, aspect=view.aspect).to(device)
    outputs = network(sampling.batch(pixels, maps, view)).float()
    targets.check_finite(outputs)
    seen, say = KINDS[card.target].seen(outputs, maps).cpu(), ANSWERS[card.target]
    for picture, values in zip(pictures, seen, strict=True):
        yield say(picture, values, card, top, least)
