"""The composed map against slower second ways: points carried by hand, torch's own resampling."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from pawprint.runtime import rng
from pawprint.vision import augment, resample
from pawprint.vision.augment import AugmentConfig, AugmentParams
from pawprint.vision.resample import InputSpec

DEFAULTS = AugmentConfig(
    flip=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2, max_lighting=0.2,
    p_affine=0.75, p_lighting=0.75, min_scale=0.75,
)  # fmt: skip


def random_draws(n: int, seed: int = 0, strengths: AugmentConfig = DEFAULTS) -> AugmentParams:
    return augment.sample_params(n, strengths, rng.generator(seed))


def carried_by_hand(
    draws: AugmentParams, i: int, x: float, y: float, width: float, height: float, size: int
) -> tuple[float, float]:
    """An output point in [-1, 1] to fractions of the whole picture, step by step in plain Python.

    crop (pixels of the square) -> zoom -> rotation -> flip -> warp -> mirror -> place on the long
    side.
    """
    d = {field.name: float(getattr(draws, field.name)[i]) for field in fields(draws)}
    side = round(math.sqrt(d["area"]) * size)
    left, top = (min(int(d[f"crop_{a}"] * (size - side + 1)), size - side) for a in "xy")
    px, py = left + (x + 1) / 2 * side, top + (y + 1) / 2 * side
    x, y = 2 * px / size - 1, 2 * py / size - 1
    s = 1 / d["zoom"]
    x, y = s * x + (1 - s) * (2 * d["zoom_x"] - 1), s * y + (1 - s) * (2 * d["zoom_y"] - 1)
    cos, sin = math.cos(d["angle"]), math.sin(d["angle"])
    x, y = cos * x + sin * y, -sin * x + cos * y
    x *= d["flip"]
    x, y = homography(d["warp_x"], d["warp_y"], x, y)
    x, y = mirror(x), mirror(y)
    across, down = (x + 1) / 2, (y + 1) / 2
    if width > height:
        across = d["along"] * (1 - height / width) + across * height / width
    else:
        down = d["along"] * (1 - width / height) + down * width / height
    return across, down


def homography(u: float, v: float, x: float, y: float) -> tuple[float, float]:
    """By numpy's least squares on the direct linear transform, with another scale of the matrix."""
    moved = [(-1 - v, -1 - u), (-1 + v, 1 + u), (1 + v, -1 + u), (1 - v, 1 - u)]
    corners = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    rows = []
    for (a, b), (c, d) in zip(moved, corners, strict=True):
        rows.append([a, b, 1, 0, 0, 0, -c * a, -c * b, -c])
        rows.append([0, 0, 0, a, b, 1, -d * a, -d * b, -d])
    h = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    tx, ty, w = h @ np.array([x, y, 1])
    return tx / w, ty / w


def mirror(p: float) -> float:
    while not -1 <= p <= 1:
        p = 2 - p if p > 1 else -2 - p
    return p


@pytest.mark.parametrize(("width", "height"), [(500.0, 375.0), (300.0, 400.0), (200.0, 200.0)])
def test_the_map_carries_points_as_the_steps_do_one_by_one(width: float, height: float) -> None:
    n, size, out = 40, 64, 5
    draws = random_draws(n)
    image_sizes = torch.tensor([[width, height]]).expand(n, 2)
    places = resample.sampling_grid(
        augment.build_transform(draws, image_sizes, size, is_lit=False), InputSpec(out)
    )
    at = [(i + 0.5) / out * 2 - 1 for i in range(out)]
    for i in range(n):
        for row, y in enumerate(at):
            for column, x in enumerate(at):
                across, down = carried_by_hand(draws, i, x, y, width, height, size)
                expected = [2 * across - 1, 2 * down - 1]
                assert places[i, row, column].tolist() == pytest.approx(expected, abs=2e-5)


def test_the_plain_map_shows_the_centre_square_pixel_by_pixel() -> None:
    # a 2:1 picture whose cache is as wide as its centre square: every second column, by hand
    size = 8
    pictures = (
        torch.arange(size * size, dtype=torch.uint8).view(1, size, size, 1).expand(1, -1, -1, 3)
    )
    chosen = augment.build_transform(
        augment.identity_params(1), torch.tensor([[2.0, 1.0]]), size, is_lit=False
    )
    image = unnormalise(resample.render(pictures.contiguous(), chosen, InputSpec(size)))[0, 0] * 255
    for row in range(size):
        for column in range(size):
            place = 0.25 * size + 0.5 * (column + 0.5) - 0.5  # of the sample, in cache pixels
            assert image[row, column].item() == pytest.approx(row * size + place, abs=1e-3)


def unnormalise(batch: Tensor) -> Tensor:
    mean, std = (torch.tensor(stat).view(3, 1, 1) for stat in (resample.MEAN, resample.STD))
    return batch * std + mean


def test_a_square_picture_at_its_own_size_comes_out_unchanged() -> None:
    pictures = torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8)
    chosen = augment.build_transform(augment.identity_params(3), torch.ones(3, 2), 16, is_lit=False)
    image = unnormalise(resample.render(pictures, chosen, InputSpec(16)))
    assert torch.allclose(image.permute(0, 2, 3, 1) * 255, pictures.float(), atol=1e-3)


@pytest.mark.parametrize(("width", "height"), [(500.0, 375.0), (32.0, 32.0)])
def test_supersampling_is_the_mean_of_four_samples_about_each_pixels_centre(
    width: float, height: float
) -> None:
    n, side, out = 5, 32, 9
    pictures = torch.randint(0, 256, (n, side, side, 3), dtype=torch.uint8)
    chosen = augment.build_transform(
        random_draws(n), torch.tensor([[width, height]]).expand(n, 2), side, True
    )
    chosen = replace(chosen, brightness=None, contrast=None)
    image = resample.render(pictures, chosen, InputSpec(out, supersample=2))
    quarter = 2 / out / 4  # of a pixel, where neighbours lie 2 / out apart
    slow = torch.zeros(n, 3, out, out)
    for dx in (-quarter, quarter):
        for dy in (-quarter, quarter):
            shift = torch.tensor([[1, 0, dx], [0, 1, dy], [0, 0, 1]])
            moved = replace(chosen, matrix=chosen.matrix @ shift)
            slow += resample.render(pictures, moved, InputSpec(out)) / 4
    assert torch.allclose(image, slow, atol=1e-4)


def test_flip_mirrors() -> None:
    pictures = torch.randint(0, 256, (1, 16, 16, 3), dtype=torch.uint8)
    draws = augment.identity_params(1)
    image_sizes = torch.ones(1, 2)
    plain = resample.render(
        pictures, augment.build_transform(draws, image_sizes, 16, is_lit=False), InputSpec(16)
    )
    flipped = replace(draws, flip=-draws.flip)
    image = resample.render(
        pictures, augment.build_transform(flipped, image_sizes, 16, is_lit=False), InputSpec(16)
    )
    assert torch.allclose(image, plain.flip(3), atol=1e-4)


def test_a_positive_angle_turns_the_picture_clockwise() -> None:
    pictures = torch.zeros(1, 33, 33, 3, dtype=torch.uint8)
    pictures[0, 4, 16] = 255  # a dot above the centre
    turned = replace(
        augment.identity_params(1), angle=torch.tensor([math.pi / 2], dtype=torch.float64)
    )
    chosen = augment.build_transform(turned, torch.ones(1, 2), 33, is_lit=False)
    image = resample.render(pictures, chosen, InputSpec(33))[0, 0]
    assert divmod(int(image.argmax()), 33) == (16, 28)  # now to the right of it


def test_a_crop_is_the_slice_that_it_says_resampled() -> None:
    size, out = 32, 16
    pictures = torch.randint(0, 256, (1, size, size, 3), dtype=torch.uint8)
    draws = augment.identity_params(1)
    draws = replace(
        draws, area=draws.area * 0.5, crop_x=draws.crop_x * 0 + 0.999, crop_y=draws.crop_y * 0
    )
    side = round(math.sqrt(0.5) * size)  # 23
    image = resample.render(
        pictures,
        augment.build_transform(draws, torch.ones(1, 2), size, is_lit=False),
        InputSpec(out),
    )
    corner = pictures[:, :side, size - side :].permute(0, 3, 1, 2).float()
    slow = functional.interpolate(corner, (out, out), mode="bilinear", align_corners=False) / 255
    assert torch.allclose(unnormalise(image), slow, atol=1e-4)


def test_lighting_is_fastais_formula() -> None:
    values = torch.rand(2, 3, 4, 4)
    brightness, contrast = torch.tensor([0.3, -0.2]), torch.tensor([1.2, 0.9])
    result = resample.adjust_lighting(values.clone(), brightness, contrast)
    for i in range(2):
        p = values[i].double().numpy()
        logits = (np.log(p / (1 - p)) + float(brightness[i])) * float(contrast[i])
        assert result[i].numpy() == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)


def test_draws_have_fastais_ranges_and_shares() -> None:
    d = random_draws(40_000)
    turned = d.angle != 0
    assert turned.float().mean().item() == pytest.approx(0.75, abs=0.01)
    assert d.angle.abs().max().item() <= math.radians(10)
    assert d.angle.abs().max().item() == pytest.approx(math.radians(10), rel=1e-3)
    assert (d.flip == -1).float().mean().item() == pytest.approx(0.5, abs=0.01)
    assert d.zoom.min().item() >= 1 and d.zoom.max().item() <= 1.1
    both = ((d.warp_x != 0) & (d.warp_y != 0)).float().mean().item()
    assert both == pytest.approx(0.75**2, abs=0.01)  # masks of their own
    assert d.area.min().item() == pytest.approx(0.75, abs=1e-3)
    assert d.contrast.min().item() == pytest.approx(0.8, rel=1e-3)
    assert d.contrast.max().item() == pytest.approx(1.25, rel=1e-3)
    light = torch.sigmoid(d.brightness)
    assert light.min().item() == pytest.approx(0.4, rel=1e-3)
    assert light.max().item() == pytest.approx(0.6, rel=1e-3)


def test_strengths_of_zero_change_nothing() -> None:
    still = AugmentConfig(0.0, 0.0, 1.0, 0.0, 0.0, 0.75, 0.75, 1.0)
    draws = replace(random_draws(8, strengths=still), along=torch.full((8,), 0.5).double())
    image_sizes = torch.tensor([[4.0, 3.0]]).expand(8, 2)
    result, plain = (
        augment.build_transform(d, image_sizes, 16, is_lit=False)
        for d in (draws, augment.identity_params(8))
    )
    assert torch.allclose(
        resample.sampling_grid(result, InputSpec(8)),
        resample.sampling_grid(plain, InputSpec(8)),
        atol=1e-6,
    )


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 1000), st.integers(8, 24))
def test_a_batch_does_not_depend_on_its_neighbours(n: int, seed: int, size: int) -> None:
    pictures = torch.randint(0, 256, (n, 16, 16, 3), dtype=torch.uint8)
    chosen = augment.build_transform(random_draws(n, seed), torch.rand(n, 2) + 0.5, 16, is_lit=True)
    whole = resample.render(pictures, chosen, InputSpec(size))
    for i in range(n):
        part = slice(i, i + 1)
        alone = resample.render(pictures[part], chosen.subset(part), InputSpec(size))
        assert torch.allclose(alone, whole[part], atol=2e-5)  # the last bits, by vector length
    assert whole.is_contiguous(memory_format=torch.channels_last)
