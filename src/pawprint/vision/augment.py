"""Random augmentation of training images, as one map per image.

fastai crops and shrinks each image on the CPU (an integer crop), then samples it twice more on the
GPU (rotation, zoom and warp at full size; the random crop to the final size). Here all of these are
ONE map from a pixel of the batch to a place in the cache, and the image is sampled once.
Distributions and geometry are fastai's, with one deviation: the random crop is drawn for each
image, not for each batch.

Coordinates are in [-1, 1] from edge to edge, x to the right, y down; maps go from the output to
the input. (fastai counts from the centre of the first pixel to that of the last, which moves the
samples against the pixels by up to half of one.)
Source: fastai 2.8's vision/augment.py.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from pawprint.core.params import Augment


@dataclass(frozen=True)
class AugmentConfig:
    """The largest size of each change."""

    flip: float
    max_rotate: float
    max_zoom: float
    max_warp: float
    max_lighting: float
    p_affine: float
    p_lighting: float
    min_scale: float


@dataclass(frozen=True)
class AugmentParams:
    """The random values of each image; `float64`, so that maps are exact to the last pixel."""

    along: Float64[Tensor, " image"]  # 0-1: place of the square on the long side
    flip: Float64[Tensor, " image"]  # 1, or -1 for mirrored
    angle: Float64[Tensor, " image"]  # radians, clockwise
    zoom: Float64[Tensor, " image"]  # 1 or more
    zoom_x: Float64[Tensor, " image"]  # 0-1: centre of the zoom
    zoom_y: Float64[Tensor, " image"]
    warp_x: Float64[Tensor, " image"]
    warp_y: Float64[Tensor, " image"]
    area: Float64[Tensor, " image"]  # 0-1: the crop's share of the square
    crop_x: Float64[Tensor, " image"]  # 0-1: place of the crop
    crop_y: Float64[Tensor, " image"]
    brightness: Float64[Tensor, " image"]  # added to the logit
    contrast: Float64[Tensor, " image"]  # the logit is multiplied by it


def augment_config(params: Augment) -> AugmentConfig:
    """The largest size of each change, from `augment` in params.yaml."""
    return AugmentConfig(**params.model_dump(exclude={"supersample"}))


@dataclass(frozen=True)
class BatchTransform:
    """What sampling needs for each image, ready for the device."""

    matrix: Float32[Tensor, "image 3 3"]  # output -> the square
    scale: Float32[Tensor, "image 2"]  # the square -> the cache
    offset: Float32[Tensor, "image 2"]
    brightness: Float32[Tensor, " image"] | None  # None: the light stays as it is
    contrast: Float32[Tensor, " image"] | None

    def to(self, device: torch.device) -> "BatchTransform":
        """The same maps on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def subset(self, rows: Int64[Tensor, " batch"] | slice) -> "BatchTransform":
        """The maps of some images."""
        return self._each(lambda tensor: tensor[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "BatchTransform":
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: change(t) for k, t in tensors.items() if t is not None})


def sample_params(
    n: int, augment_config: AugmentConfig, generator: torch.Generator
) -> AugmentParams:
    """Random values for `n` images, as fastai's `aug_transforms` distributes them."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator, dtype=torch.float64)

    def sometimes(values: Tensor, probability: float, neutral: float) -> Tensor:
        return torch.where(uniform(0, 1) < probability, values, neutral)

    s, light = augment_config, augment_config.max_lighting
    turn, contrast = math.radians(s.max_rotate), -math.log(1 - light)
    return AugmentParams(
        along=uniform(0, 1),
        flip=torch.where(uniform(0, 1) < s.flip, -1.0, 1.0).double(),
        angle=sometimes(uniform(-turn, turn), s.p_affine, 0),
        zoom=sometimes(uniform(1, s.max_zoom), s.p_affine, 1),
        zoom_x=uniform(0, 1),
        zoom_y=uniform(0, 1),
        warp_x=sometimes(uniform(-s.max_warp, s.max_warp), s.p_affine, 0),
        warp_y=sometimes(uniform(-s.max_warp, s.max_warp), s.p_affine, 0),
        area=uniform(s.min_scale, 1),
        crop_x=uniform(0, 1),
        crop_y=uniform(0, 1),
        brightness=sometimes(
            torch.logit(uniform((1 - light) / 2, (1 + light) / 2)), s.p_lighting, 0
        ),
        contrast=sometimes(uniform(-contrast, contrast).exp(), s.p_lighting, 1),
    )


def identity_params(n: int) -> AugmentParams:
    """The values that leave the centre square unchanged."""
    half, one, zero = (torch.full((n,), v, dtype=torch.float64) for v in (0.5, 1, 0))
    return AugmentParams(half, one, zero, one, half, half, zero, zero, one, half, half, zero, one)


def build_transform(
    draws: AugmentParams,
    image_sizes: Float32[Tensor, "image 2"],
    cache_size: int,
    is_lit: bool,
    aspect: float = 1.0,
) -> BatchTransform:
    """The maps of images with these random values.

    Args:
        draws: one value per image.
        image_sizes: width and height of the originals, px.
        cache_size: side of the cached squares, px.
        is_lit: whether to apply brightness and contrast.
        aspect: width over height of the output; "the square" is then a rectangle of this shape.
    """
    matrix = warp(draws) @ affine(draws, aspect) @ crop(draws, cache_size)
    width, height = image_sizes.double().unbind(1)
    high = torch.minimum(height, width / aspect)  # px of the square in the original
    scale = torch.stack([high * aspect / width, high / height], 1)
    offset = (2 * draws.along[:, None] - 1) * (1 - scale)
    lights = (draws.brightness.float(), draws.contrast.float()) if is_lit else (None, None)
    return BatchTransform(matrix.float(), scale.float(), offset.float(), *lights)


def crop(draws: AugmentParams, cache_size: int) -> Float64[Tensor, "image 3 3"]:
    """From the output to the square: the random resized crop, in whole pixels of the square."""
    side = (draws.area.sqrt() * cache_size).round()
    left = (draws.crop_x * (cache_size - side + 1)).floor().minimum(cache_size - side)
    top = (draws.crop_y * (cache_size - side + 1)).floor().minimum(cache_size - side)
    zero, one = torch.zeros_like(side), torch.ones_like(side)
    scale = side / cache_size
    shift_x, shift_y = ((2 * start + side) / cache_size - 1 for start in (left, top))
    return _matrix([scale, zero, shift_x], [zero, scale, shift_y], [zero, zero, one])


def affine(draws: AugmentParams, aspect: float = 1.0) -> Float64[Tensor, "image 3 3"]:
    """Flip · rotation · zoom; what turns keeps its shape (fastai shears it in a rectangle)."""
    zero, one = torch.zeros_like(draws.flip), torch.ones_like(draws.flip)
    cos, sin, s = draws.angle.cos(), draws.angle.sin(), 1 / draws.zoom
    flip = _matrix([draws.flip, zero, zero], [zero, one, zero], [zero, zero, one])
    turn = ([cos, sin / aspect, zero], [-sin * aspect, cos, zero], [zero, zero, one])
    rotation = _matrix(*turn)
    shift_x, shift_y = ((1 - s) * (2 * centre - 1) for centre in (draws.zoom_x, draws.zoom_y))
    zoom = _matrix([s, zero, shift_x], [zero, s, shift_y], [zero, zero, one])
    return flip @ rotation @ zoom


def warp(draws: AugmentParams) -> Float64[Tensor, "image 3 3"]:
    """The homography that sends four moved corners to the square's own, by its 8 equations."""
    u, v = draws.warp_x, draws.warp_y
    moved = ((-1 - v, -1 - u), (-1 + v, 1 + u), (1 + v, -1 + u), (1 - v, 1 - u))
    corners = ((-1, -1), (-1, 1), (1, -1), (1, 1))
    zero, one = torch.zeros_like(u), torch.ones_like(u)
    rows, right = [], []
    for (x, y), (to_x, to_y) in zip(moved, corners, strict=True):
        rows.append(torch.stack([x, y, one, zero, zero, zero, -to_x * x, -to_x * y], 1))
        rows.append(torch.stack([zero, zero, zero, x, y, one, -to_y * x, -to_y * y], 1))
        right += [to_x, to_y]
    target = torch.tensor(right, dtype=u.dtype).expand(len(u), 8)
    solved = torch.linalg.solve(torch.stack(rows, 1), target)
    return torch.cat([solved, one[:, None]], 1).reshape(-1, 3, 3)


def _matrix(*rows: list[Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, 1) for row in rows], 1)
