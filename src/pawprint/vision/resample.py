"""From the cache to the network's batch: sample once by a map, adjust light, normalise."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from pawprint.vision import augment
from pawprint.vision.augment import AugmentParams, BatchTransform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, RGB, of values in [0, 1]
CPU_CACHE_BYTES = 4 << 20  # bytes of floats that a core keeps close at hand


Size = int | str  # px a side of a square, or HEIGHTxWIDTH


@dataclass(frozen=True)
class InputSpec:
    """How the network gets an image."""

    size: Size
    supersample: int = 1  # samples a side of each pixel, whose mean it is

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        return parse_size(self.size)

    @property
    def aspect(self) -> float:
        """Width over height."""
        height, width = self.shape
        return width / height


def parse_size(size: Size) -> tuple[int, int]:
    """Height and width, px.

    >>> parse_size(224), parse_size("240x320")
    ((224, 224), (240, 320))
    """
    height, _, width = str(size).partition("x")
    return int(height), int(width or height)


def image_transform(
    draws: AugmentParams | None,
    image_sizes: Float32[Tensor, "image 2"],
    cache_size: int,
    input_spec: InputSpec,
) -> BatchTransform:
    """How to sample each image: with these random values, or as its plain centre square.

    Args:
        draws: the values of each image; None for the centre squares with unchanged light.
        image_sizes: width and height of the originals, px.
        cache_size: side of the cached squares, px.
        input_spec: how the network gets an image.
    """
    values = draws or augment.identity_params(len(image_sizes))
    is_lit = draws is not None
    return augment.build_transform(values, image_sizes, cache_size, is_lit, input_spec.aspect)


def render(
    images: UInt8[Tensor, "batch side side rgb=3"], transform: BatchTransform, input_spec: InputSpec
) -> Float32[Tensor, "batch rgb=3 height width"]:
    """The network's input, normalised, in channels-last order.

    On a CPU it is rendered in pieces that fit its cache, which takes half of the time.
    """
    n, side = images.shape[:2]
    step = n if images.device.type != "cpu" else max(1, CPU_CACHE_BYTES // (side * side * 3 * 4))
    inputs = torch.empty(n, *input_spec.shape, 3, device=images.device).permute(0, 3, 1, 2)
    for start in range(0, n, step):
        chunk = slice(start, start + step)
        inputs[chunk] = _render_chunk(images[chunk], transform.subset(chunk), input_spec)
    return inputs


def _render_chunk(images: Tensor, transform: BatchTransform, input_spec: InputSpec) -> Tensor:
    floats = images.float().permute(0, 3, 1, 2)
    places = sampling_grid(transform, input_spec)
    values = functional.grid_sample(floats, places, padding_mode="border", align_corners=False)
    if input_spec.supersample > 1:
        values = functional.avg_pool2d(values, input_spec.supersample)
    values.div_(255)
    if transform.brightness is not None and transform.contrast is not None:
        values = adjust_lighting(values, transform.brightness, transform.contrast)
    mean, std = mean_and_std(values.device)
    return values.sub_(mean).div_(std)


@cache
def mean_and_std(device: torch.device) -> tuple[Float32[Tensor, "rgb=3 1 1"], ...]:
    """MEAN and STD on the device, copied only once, since each copy would wait for the device."""
    return tuple(torch.tensor(stat, device=device).view(3, 1, 1) for stat in (MEAN, STD))


def sampling_grid(
    transform: BatchTransform, input_spec: InputSpec
) -> Float32[Tensor, "batch rows columns 2"]:
    """Where in the cache to sample each output pixel, `supersample` times per side.

    Outside the square the image is mirrored at the square's border, as in fastai.
    """
    y, x = (
        (torch.arange(size, device=transform.matrix.device) * 2 + 1) / size - 1
        for size in (
            input_spec.shape[0] * input_spec.supersample,
            input_spec.shape[1] * input_spec.supersample,
        )
    )
    x, y = x.view(1, 1, -1), y.view(1, -1, 1)
    rows = transform.matrix[:, :, :, None, None]
    below = rows[:, 2, 0] * x + (rows[:, 2, 1] * y + rows[:, 2, 2])
    places = torch.empty(*below.shape, 2, device=x.device)
    for axis in (0, 1):
        place = (rows[:, axis, 0] * x + (rows[:, axis, 1] * y + rows[:, axis, 2])).div_(below)
        place.add_(1).abs_().sub_(2).abs_().neg_().add_(1)  # 1 - |2 - |p + 1||: mirrored at ±1
        scale, offset = (
            values[:, axis, None, None] for values in (transform.scale, transform.offset)
        )
        places[..., axis] = place.mul_(scale).add_(offset)
    return places


def adjust_lighting(
    values: Float32[Tensor, "batch rgb=3 height width"],
    brightness: Float32[Tensor, " batch"],
    contrast: Float32[Tensor, " batch"],
) -> Float32[Tensor, "batch rgb=3 height width"]:
    """Brightness, then contrast, on the logits of values in [0, 1]; changes `values` in place."""
    logits = values.clamp_(1e-7, 1 - 1e-7).logit_()
    return logits.add_(brightness.view(-1, 1, 1, 1)).mul_(contrast.view(-1, 1, 1, 1)).sigmoid_()
