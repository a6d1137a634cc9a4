"""What a model says of new pictures: needs the model file alone, no params.yaml and no DVC."""

import csv
import glob
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pawprint import archives, augment, devices, modelfile, presize, sampling, targets, untrusted
from pawprint.modelfile import Card
from pawprint.networks import Network
from pawprint.presize import Presized

BATCH = 32


@dataclass(frozen=True)
class Answer:
    """One picture's."""

    file: str
    label: str | None  # None: no class reaches the least probability
    probability: float  # 0-1, of the likeliest class
    top: list[tuple[str, float]]  # the likeliest classes, likeliest first


def found(names: Iterable[str]) -> list[Path]:
    """The files that are meant: files, folders (all pictures below), patterns such as '*.jpg'.

    A name that is no file, or a folder without a picture, stays in the list, so that it is
    reported and not lost.
    """
    files: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            below = (p for p in path.rglob("*") if p.is_file())
            files += sorted(
                p for p in below if archives.is_image_name(p.relative_to(path).as_posix())
            ) or [path]
        elif not path.exists() and glob.has_magic(name):
            matches = glob.glob(name, recursive=True)  # noqa: PTH207 - absolute patterns too
            files += [Path(match) for match in sorted(matches)] or [path]
        else:
            files.append(path)
    return files


def answers(
    model: Path, files: Sequence[Path], top: int, least: float, faults: list[str]
) -> Iterator[Answer]:
    """The model's answer for each file that can be read, in order, in float32.

    The pictures are prepared as those of the training were: the same decoder, cache size and view.

    Args:
        model: a model file of ours.
        files: pictures.
        top: how many classes to name.
        least: probability below which there is no label, 0-1.
        faults: told a line for each file that cannot be read.

    Raises:
        FileNotFoundError, ValueError: the model file is missing, or none of ours, or gives NaN.
    """
    network, card = modelfile.read(model)
    device = devices.prepared("auto", card.params["threads"])
    network.to(device)
    for start in range(0, len(files), BATCH):
        read = [opened(path, card.presize) for path in files[start : start + BATCH]]
        faults += [f"{picture.name}: {picture.fault}" for picture in read if picture.fault]
        good = [picture for picture in read if not picture.fault]
        if good:
            yield from judged(network, card, good, device, top, least)


def opened(path: Path, size: int) -> Presized:
    """The picture as presize would have it, or why there is none."""
    if path.is_dir():
        return Presized(str(path), None, 0, 0, "", "no pictures in this folder")
    try:
        return presize.squeezed(str(path), path.read_bytes(), size)
    except OSError as error:
        return Presized(str(path), None, 0, 0, "", error.strerror or str(error))


@torch.no_grad()
def judged(
    network: Network,
    card: Card,
    pictures: Sequence[Presized],
    device: torch.device,
    top: int,
    least: float,
) -> Iterator[Answer]:
    """The answers for pictures that could be read."""
    pixels = torch.stack([x.pixels for x in pictures if x.pixels is not None]).to(device)
    sides = torch.tensor([[float(x.width), float(x.height)] for x in pictures])
    maps = augment.maps(augment.neutral(len(pictures)), sides, card.presize, light=False)
    view = sampling.view(card.size, card.params["augment"])
    logits = network(sampling.batch(pixels, maps.to(device), view)).float()
    targets.check_finite(logits)
    shares, order = targets.probabilities(logits).sort(1, descending=True)
    for picture, values, numbers in zip(pictures, shares.tolist(), order.tolist(), strict=True):
        named = [(card.classes[i], share) for i, share in zip(numbers, values, strict=True)]
        label = named[0][0] if values[0] >= least else None
        yield Answer(picture.name, label, values[0], named[:top])


def as_json(answer: Answer) -> str:
    """One object: file, label, probability, top."""
    rounded = [[label, round(share, 6)] for label, share in answer.top]
    content = asdict(answer) | {"probability": round(answer.probability, 6), "top": rounded}
    return json.dumps(content, ensure_ascii=False)


def as_csv(answer: Answer) -> str:
    """One line: file, label, probability.

    A name that a spreadsheet would run as a formula gets a `./` in front: the same file.
    """
    line = io.StringIO()
    name = f"./{answer.file}" if untrusted.FORMULA.match(answer.file) else answer.file
    row = (name, answer.label or "", f"{answer.probability:.6f}")
    csv.writer(line, lineterminator="\n").writerow(row)  # by which it knows what to quote
    return line.getvalue()[:-1]


def as_text(answer: Answer) -> str:
    """One line for a person: file, label, probability, what else it may be."""
    others = ", ".join(f"{label} {share:.2f}" for label, share in answer.top[1:])
    label = answer.label or "none of these"
    name = answer.file if answer.file.isprintable() else repr(answer.file)
    return f"{name}  {label} {answer.probability:.2f}" + (f"  ({others})" if others else "")
