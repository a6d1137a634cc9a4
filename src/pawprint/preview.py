"""What the network is about to see: a training batch, one picture's changes, validation."""

import math

import torch
from PIL import Image
from torch import Tensor

from pawprint import augment, batches, randomness, sampling, sheets
from pawprint.augment import Draws, Strengths
from pawprint.dataset import Dataset
from pawprint.looks import LOOKS
from pawprint.sampling import View

MOST, COLUMNS, CHANGES = 16, 4, 8


def training(
    data: Dataset, strengths: Strengths, view: View, batch_size: int, seed: int
) -> Image.Image:
    """The first pictures of the frozen phase's first batch, to the bit, with their labels."""
    words = (seed, "frozen", 0)
    found = batches.augmented(data.cache, data.parts["train"], strengths, view, batch_size, *words)
    pictures, wanted = next(found)
    return shown(data, pictures[:MOST], wanted[:MOST])


def changes(data: Dataset, strengths: Strengths, view: View, seed: int) -> Image.Image:
    """The first picture of train as it is, then as drawn at random, several times."""
    first = data.parts["train"].of([0])
    stored, sides = data.cache.pictures(first.rows), data.cache.sides[first.rows]
    drawn = augment.drawn(CHANGES, strengths, randomness.generator(seed, "preview"))
    made, marks = [], []
    for draws, light in ((augment.neutral(1), False), (drawn, True)):
        n = len(draws.flip)
        maps = augment.maps(draws, sides.expand(n, 2), data.cache.size, light, view.aspect)
        maps = maps.to(stored.device)
        made.append(sheets.visible(sampling.batch(stored.expand(n, -1, -1, -1), maps, view)))
        wanted = data.kind.moved(first.targets.expand(n, *first.targets.shape[1:]), maps)
        marks.append(LOOKS[data.kind.name](wanted, data.classes)[1])
    captions = ["as it is", *(said(drawn, i) for i in range(CHANGES))]
    return sheets.sheet(torch.cat(made), captions, 3, marks=[(sheets.RIGHT, torch.cat(marks))])


def said(draws: Draws, i: int) -> str:
    """What was drawn, in four short lines."""
    angle, zoom = math.degrees(draws.angle[i].item()), draws.zoom[i].item()
    mirrored = ", mirrored" if draws.flip[i] < 0 else ""
    warp = f"{draws.warp_x[i].item():+.2f} {draws.warp_y[i].item():+.2f}"
    return (
        f"{angle:+.0f}°, zoom {zoom:.2f}{mirrored}\n"
        f"crop {draws.area[i].item():.2f}\nwarp {warp}\n"
        f"light {draws.brightness[i].item():+.2f} ×{draws.contrast[i].item():.2f}"
    )


def validation(data: Dataset, view: View) -> Image.Image:
    """Pictures of valid as they are judged, spread evenly over the list."""
    part = data.parts["valid"]
    spread = torch.linspace(0, len(part) - 1, min(MOST, len(part))).round().long()
    chosen = part.of(spread.tolist())
    return shown(data, *next(batches.ordered(data.cache, chosen, view, MOST)))


def shown(data: Dataset, pictures: Tensor, wanted: Tensor) -> Image.Image:
    """A batch with what the network is to say of each picture."""
    captions, marks = LOOKS[data.kind.name](wanted, data.classes)
    return sheets.sheet(sheets.visible(pictures), captions, COLUMNS, marks=[(sheets.RIGHT, marks)])
