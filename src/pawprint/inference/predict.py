"""Predictions for new images: only the model file is needed, no params.yaml and no DVC."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from pawprint.core.findings import Findings
from pawprint.inference.answers import ANSWERS, Answer
from pawprint.inference.request import Request
from pawprint.models import model_file
from pawprint.models.network import Network
from pawprint.runtime.device import setup_device
from pawprint.storage import file_type, folders, image_files, unused_files
from pawprint.storage.image_files import Listing
from pawprint.vision import cache_writer, oddities, resample
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.oddities import Oddities
from pawprint.vision.resample import InputSpec
from pawprint.vision.task import TASKS, check_finite

BATCH = 32


def expand_paths(names: Iterable[str], notes: list[str] | None = None) -> list[Path]:
    """Expand names to files: files, folders (all images below), patterns such as '*.jpg'.

    A name that is not a file, a folder without an image, or an image behind a broken link stays in
    the list, so that it is reported.

    Args:
        names: as typed.
        notes: collects lines on what in the folders is not used.
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
    """The images below a folder, also unreadable ones; the folder itself if it has none."""
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


def predict_files(
    model_path: Path,
    files: Sequence[Path],
    top: int,
    min_probability: float | None,
    findings: Findings,
) -> Iterator[Answer]:
    """The model's answer for each file that can be read, in order, in float32.

    Images are prepared as in training: the same decoder, cache size and view.

    Args:
        model_path: a Pawprint model file.
        files: paths of the images.
        top: the number of classes to name.
        min_probability: 0-1, below which no label is given; None for the model's own threshold.
        findings: get an error for each file that cannot be read, and notes on odd images.

    Raises:
        FileNotFoundError, ValueError: the model file is missing, not a Pawprint model, or gives
            NaN.
    """
    model, model_card = model_file.read(model_path)
    device = setup_device("auto", model_card.params["threads"])
    model.to(device)
    request = Request(model_card, top, min_probability)
    odd: list[tuple[str, Oddities]] = []
    for start in range(0, len(files), BATCH):
        read = [
            read_image(path, model_card.presize, model_card.background)
            for path in files[start : start + BATCH]
        ]
        findings.errors.extend(f"{one.name}: {one.error}" for one in read if one.error)
        good = [image for image in read if not image.error]
        if good:
            yield from predict_batch(model, good, device, request)
        odd += [(image.name, image.odd) for image in good]
    findings.notes.extend(oddities.notes(odd, None))  # a transparent part is nothing odd here


def read_image(path: Path, size: int, background: str | None) -> CachedImage:
    """The image as presize prepares it, or why there is none."""
    try:
        if path.is_dir() and [*path.iterdir(), True]:  # iterdir raises where it may not be read
            return CachedImage(str(path), None, 0, 0, "", "no images in this folder")
        return cache_writer.decode_to_square(str(path), path.read_bytes(), size, background)
    except OSError as error:
        return CachedImage(str(path), None, 0, 0, "", error.strerror or str(error))


@torch.no_grad()
def predict_batch(
    model: Network,
    images: Sequence[CachedImage],
    device: torch.device,
    request: Request,
) -> Iterator[Answer]:
    """The answers for the images that could be read."""
    model_card = request.model_card
    pixels = torch.stack([x.pixels for x in images if x.pixels is not None]).to(device)
    image_sizes = torch.tensor([[float(x.width), float(x.height)] for x in images])
    input_spec = InputSpec(model_card.size, model_card.supersample)
    transform = resample.image_transform(None, image_sizes, model_card.presize, input_spec)
    transform = transform.to(device)
    outputs = model(resample.render(pixels, transform, input_spec)).float()
    check_finite(outputs)
    predictions = TASKS[model_card.target].decode(outputs, transform).cpu()
    answer_type = ANSWERS[model_card.target]
    for image, values in zip(images, predictions, strict=True):
        yield answer_type.of(image, values, request)
