"""Sheets of pictures, and what stage preview puts on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pawprint.reporting import contact_sheet, preview
from pawprint.reporting.contact_sheet import LINE, MARGIN
from pawprint.vision import augment, loader, resample
from pawprint.vision.keypoints import Keypoints
from pawprint.vision.resample import InputSpec
from tests import small


def part(result: Image.Image, column: int, row: int, side: int) -> np.ndarray:
    """The pixels of one picture on a sheet."""
    left = MARGIN + column * (side + MARGIN)
    top = MARGIN + row * (side + LINE + MARGIN)
    return np.asarray(result.crop((left, top, left + side, top + side)))


def test_the_normalisation_is_undone_to_the_byte() -> None:
    pictures = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    chosen = augment.build_transform(augment.identity_params(2), torch.ones(2, 2), 16, is_lit=False)
    assert torch.equal(
        contact_sheet.denormalize(resample.render(pictures, chosen, InputSpec(16))), pictures
    )


def test_pictures_stand_in_rows_enlarged_by_whole_factors() -> None:
    pictures = torch.randint(0, 256, (5, 48, 48, 3), dtype=torch.uint8)
    image = contact_sheet.draw_sheet(pictures, list("abcde"), columns=3)
    side = 48 * 4  # the least multiple of 48 that reaches 160
    assert image.size == (3 * (side + MARGIN) + MARGIN, 2 * (side + LINE + MARGIN) + MARGIN)
    for i in range(5):
        shown = part(image, i % 3, i // 3, side)[::4, ::4]
        assert np.array_equal(shown, pictures[i].numpy())


def test_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    pictures = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
    for name in ("a.png", "b.png"):
        contact_sheet.write(tmp_path / name, contact_sheet.draw_sheet(pictures, ["x", "y", "z"], 2))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_long_caption_is_cut_and_an_odd_one_harmless() -> None:
    font = contact_sheet.typeface()
    cut = contact_sheet.ellipsize("staffordshire_bull_terrier" * 3, font, 160)
    assert cut.endswith("…") and font.getlength(cut) <= 160
    assert contact_sheet.ellipsize("cat", font, 160) == "cat"
    assert contact_sheet.ellipsize("a\nb\x00", font, 160) == "a?b?"


def test_the_batch_that_is_shown_is_the_first_of_the_training() -> None:
    data = small.dataset(n=60)
    image = preview.training_sheet(data, small.STRENGTHS, InputSpec(32), 20, 7)
    words = (7, "frozen", 0)
    batches = loader.train_batches(
        data.cache, data.splits["train"], small.STRENGTHS, InputSpec(32), 20, *words
    )
    pictures, _ = next(batches)
    for i in range(16):
        shown = part(image, i % 4, i // 4, 160)[::5, ::5]
        assert np.array_equal(shown, contact_sheet.denormalize(pictures)[i].numpy())


def test_changes_begin_with_the_picture_as_it_is() -> None:
    data = small.dataset()
    image = preview.changes_sheet(data, small.STRENGTHS, InputSpec(32), 0)
    plain, _ = next(loader.eval_batches(data.cache, data.splits["train"], InputSpec(32), 1))
    assert np.array_equal(
        part(image, 0, 0, 160)[::5, ::5], contact_sheet.denormalize(plain)[0].numpy()
    )
    others = [part(image, i % 3, i // 3, 160) for i in range(1, 9)]
    assert len({other.tobytes() for other in others}) == 8


def test_the_cross_of_a_point_moves_with_the_picture() -> None:
    """A white block on black has its cross in its middle, however it is turned."""
    data, n = small.dataset(), 40
    pictures = torch.zeros(n, 32, 32, 3, dtype=torch.uint8)
    pictures[:, 6:11, 22:27] = 255
    stored = replace(data.cache, image_sizes=torch.full((n, 2), 32.0), store=pictures)
    targets = torch.tensor([[24.5, 8.5]]) / 16 - 1
    parts = {
        split: replace(part, targets=targets.expand(len(part), 2), task=Keypoints())
        for split, part in data.splits.items()
    }
    data = replace(data, cache=stored, classes=["x", "y"], splits=parts, task=Keypoints())
    image = preview.changes_sheet(data, replace(small.STRENGTHS, min_scale=1.0), InputSpec(32), 0)
    seen = set()
    for column in range(3):
        tile = part(image, column, 0, 160)
        rows, columns = np.nonzero((tile == contact_sheet.RIGHT).all(2))
        y, x = round(rows.mean()), round(columns.mean())
        corners = [tile[y + dy, x + dx].min() for dy in (-8, 8) for dx in (-8, 8)]
        assert min(corners) > 128
        seen.add((x, y))
    assert len(seen) == 3


def test_validation_is_spread_over_the_list_from_first_to_last() -> None:
    data = small.dataset(n=200)
    image = preview.validation_sheet(data, InputSpec(32))
    shown = torch.cat(
        [x for x, _ in loader.eval_batches(data.cache, data.splits["valid"], InputSpec(32), 64)]
    )
    for i, row in ((0, 0), (15, 39)):
        expected = contact_sheet.denormalize(shown)[row].numpy()
        assert np.array_equal(part(image, i % 4, i // 4, 160)[::5, ::5], expected)
