"""What the network is about to see: a training batch, one image's changes, validation."""

import math

import torch
from PIL import Image
from torch import Tensor

from pawprint.reporting import contact_sheet
from pawprint.reporting.target_display import DISPLAYS
from pawprint.runtime import rng
from pawprint.vision import augment, loader, resample
from pawprint.vision.augment import AugmentConfig, AugmentParams
from pawprint.vision.dataset import Dataset
from pawprint.vision.resample import InputSpec

MAX_IMAGES, COLUMNS, CHANGES = 16, 4, 8


def training_sheet(
    data: Dataset, augment_config: AugmentConfig, input_spec: InputSpec, batch_size: int, seed: int
) -> Image.Image:
    """The first images of the frozen phase's first batch, to the bit, with their labels."""
    key = (seed, "frozen", 0)
    batches = loader.train_batches(
        data.cache, data.splits["train"], augment_config, input_spec, batch_size, *key
    )
    images, targets = next(batches)
    return captioned_batch(data, images[:MAX_IMAGES], targets[:MAX_IMAGES])


def changes_sheet(
    data: Dataset, augment_config: AugmentConfig, input_spec: InputSpec, seed: int
) -> Image.Image:
    """The first image of train as it is, then as drawn at random, several times."""
    first = data.splits["train"].subset([0])
    cached, image_sizes = data.cache.images(first.rows), data.cache.image_sizes[first.rows]
    drawn = augment.sample_params(CHANGES, augment_config, rng.generator(seed, "preview"))
    images, marks = [], []
    for draws, n in ((None, 1), (drawn, CHANGES)):
        sizes = image_sizes.expand(n, 2)
        transform = resample.image_transform(draws, sizes, data.cache.size, input_spec)
        transform = transform.to(cached.device)
        inputs = resample.render(cached.expand(n, -1, -1, -1), transform, input_spec)
        images.append(contact_sheet.denormalize(inputs))
        targets = first.targets.expand(n, *first.targets.shape[1:])
        targets = data.task.transform_targets(targets, transform)
        marks.append(DISPLAYS[data.task.name].marks(targets))
    captions = ["as it is", *(describe_params(drawn, i) for i in range(CHANGES))]
    return contact_sheet.draw_sheet(
        torch.cat(images), captions, 3, marks=[(contact_sheet.RIGHT, torch.cat(marks))]
    )


def describe_params(draws: AugmentParams, i: int) -> str:
    """What was drawn, in four short lines."""
    angle, zoom = math.degrees(draws.angle[i].item()), draws.zoom[i].item()
    mirrored = ", mirrored" if draws.flip[i] < 0 else ""
    warp = f"{draws.warp_x[i].item():+.2f} {draws.warp_y[i].item():+.2f}"
    return (
        f"{angle:+.0f}°, zoom {zoom:.2f}{mirrored}\n"
        f"crop {draws.area[i].item():.2f}\nwarp {warp}\n"
        f"light {draws.brightness[i].item():+.2f} ×{draws.contrast[i].item():.2f}"
    )


def validation_sheet(data: Dataset, input_spec: InputSpec) -> Image.Image:
    """Images of valid as they are judged, spread evenly over the list."""
    split = data.splits["valid"]
    # the list is sorted, so its first images are often of one class
    spread = torch.linspace(0, len(split) - 1, min(MAX_IMAGES, len(split))).round().long()
    chosen = split.subset(spread.tolist())
    return captioned_batch(
        data, *next(loader.eval_batches(data.cache, chosen, input_spec, MAX_IMAGES))
    )


def captioned_batch(data: Dataset, images: Tensor, targets: Tensor) -> Image.Image:
    """A batch with what the network is to say of each image."""
    display, visible = DISPLAYS[data.task.name], contact_sheet.denormalize(images)
    captions, marks = display.captions(targets, data), display.marks(targets)
    return contact_sheet.draw_sheet(
        visible, captions, COLUMNS, marks=[(contact_sheet.RIGHT, marks)]
    )
