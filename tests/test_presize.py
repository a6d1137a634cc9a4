import io
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pawprint.storage import archives
from pawprint.vision import cache_writer, decode, image_cache
from tests import caches
from tests.conftest import picture

SIZE = 32


def by_pillow(data: bytes, size: int = SIZE) -> np.ndarray:
    """The slow second way: Pillow alone."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def worst(data: bytes, size: int = SIZE) -> int:
    image = cache_writer.decode_to_square("x", data, size, "white")
    assert image.pixels is not None, image.error
    difference = image.pixels.numpy().astype(int) - by_pillow(data, size)
    return int(np.abs(difference).max())


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 300), st.integers(2, 300), st.integers(0, 99))
@example(40, 40, 40)  # of a value that is exactly 141, Pillow makes 142, and torch 140
def test_a_jpeg_is_squeezed_as_by_pillow_within_two_grey_levels(w: int, h: int, seed: int) -> None:
    assert worst(picture(w, h, seed)) <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_other_formats_too(kind: str) -> None:
    assert worst(picture(50, 40, kind=kind)) <= 1


def save_image(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK", "YCbCr"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    source = Image.open(io.BytesIO(picture(50, 40)))
    image = source.convert("L").convert("LA") if mode == "LA" else source.convert(mode)
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    assert worst(save_image(image, kind)) <= 1


def test_sixteen_bit_greys_are_scaled_not_cut_off() -> None:
    grey = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    image = cache_writer.decode_to_square(
        "x", save_image(Image.fromarray(grey), "PNG"), 64, "white"
    ).pixels
    assert image is not None
    assert np.abs(image.numpy()[..., 0].astype(int) - np.rint(grey / 257).astype(int)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_upright(orientation: int) -> None:
    image = Image.open(io.BytesIO(picture(60, 40, 3)))
    exif = Image.Exif()
    exif[decode.ORIENTATION] = orientation
    data = save_image(image, "JPEG", exif=exif, quality=95)
    result = cache_writer.decode_to_square("x", data, SIZE, "white")
    assert (result.width, result.height) == ((60, 40) if orientation < 5 else (40, 60))
    assert worst(data) <= 1


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = save_image(frames[0], "GIF", save_all=True, append_images=frames[1:])
    image = cache_writer.decode_to_square("x", data, 8, "white").pixels
    assert image is not None and image[0, 0].tolist() == pytest.approx([255, 0, 0], abs=2)


BAD = {
    "cut.jpg": picture(200, 200)[:-2000],
    "empty.jpg": b"",
    "text.jpg": b"<html>not found</html>",
    "head.png": picture(kind="PNG")[:30],
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_gives_a_reason_in_one_line(name: str) -> None:
    image = cache_writer.decode_to_square(name, BAD[name], SIZE, "white")
    assert image.pixels is None
    assert image.error and "\n" not in image.error and "object at 0x" not in image.error


def made_cache(folder: Path, contents: dict[str, bytes], on_error: str, size: int = 16) -> str:
    pictures = cache_writer.decode_all(contents.items(), size, "white", workers=2)
    _, message = caches.write_cache(folder, pictures, sorted(contents), size, on_error)
    return message


def test_the_cache_holds_each_picture_in_the_row_of_its_sorted_name(tmp_path: Path) -> None:
    contents = {f"{i}.jpg": picture(30 + i, 20, seed=i) for i in (5, 3, 8, 1)}
    assert made_cache(tmp_path, contents, "stop") == ""
    stored = np.load(tmp_path / caches.BLOCK, mmap_mode="r")
    for row, name in enumerate(sorted(contents)):
        alone = cache_writer.decode_to_square(name, contents[name], 16, "white").pixels
        assert alone is not None and np.array_equal(stored[row], alone.numpy())


def test_all_bad_pictures_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    contents = {"good.jpg": picture(), **BAD}
    with pytest.raises(ValueError, match=r"4 of 5 images.*on_error: skip") as caught:
        made_cache(tmp_path, contents, "stop")
    assert all(name in str(caught.value) for name in BAD)
    assert not list(tmp_path.iterdir())


def test_skip_leaves_bad_pictures_out_and_lists_them(tmp_path: Path) -> None:
    contents = {"a.jpg": picture(seed=1), **BAD, "z.jpg": picture(seed=2)}
    message = made_cache(tmp_path, contents, "skip")
    assert all(name in message for name in BAD)
    stored = np.load(tmp_path / caches.BLOCK)
    assert stored.shape == (2, 16, 16, 3)
    for row, name in enumerate(("a.jpg", "z.jpg")):
        alone = cache_writer.decode_to_square(name, contents[name], 16, "white").pixels
        assert alone is not None and np.array_equal(stored[row], alone.numpy())


def test_a_full_disk_is_foreseen(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"need 120,000,000.0 MB, but only .* lower presize.size"):
        cache_writer.check_space(tmp_path, 10_000_000, 2000)


def test_few_pictures_wait_in_memory_at_a_time() -> None:
    taken, lock = [], threading.Lock()

    def contents() -> object:
        for i in range(100):
            with lock:
                taken.append(i)
            yield f"{i}.jpg", picture(seed=i)

    result = cache_writer.decode_all(contents(), 8, "white", workers=2)  # type: ignore[arg-type]
    next(result)
    assert len(taken) <= 17


def test_the_cache_is_the_same_on_the_device_and_mapped(tmp_path: Path) -> None:
    contents = {f"{i}.jpg": picture(seed=i) for i in range(9)}
    made_cache(tmp_path, contents, "stop")
    here = torch.device("cpu")
    kinds = [
        image_cache.load_image_cache(*caches.paths(tmp_path)[:3], here, budget)
        for budget in (1 << 30, 0)
    ]
    assert [isinstance(kind.store, torch.Tensor) for kind in kinds] == [True, False]
    rows = torch.tensor([7, 0, 3, 3])
    assert torch.equal(kinds[0].images(rows), kinds[1].images(rows))
    assert kinds[0].size == 16 and kinds[0].image_sizes[2].tolist() == [40, 30]


@pytest.mark.photographs
def test_real_photographs_are_squeezed_as_by_pillow(sample: Path) -> None:
    names = archives.image_names(sample)[::30]
    for _, data in archives.read_files(sample, names):
        assert worst(data, 460) <= 1
