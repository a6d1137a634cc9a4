"""How close the network's image is to the original photo, ours and fastai's.

Each centre square at 224 px, PSNR in dB against Pillow's resize of the original's own centre
square: bicubic, and bilinear, with which torchvision's weights were trained.
`python -m benchmarks.quality [ARCHIVE]`; without one, pieces of scikit-learn's two photographs.
"""

import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks import fastais, jpegs, results
from benchmarks.fastais import fastai
from pawprint.terminal import console
from pawprint.vision import augment, cache_writer, resample
from pawprint.vision.resample import InputSpec

SIZE, CACHES = 224, (460, 384, 320)


def truth(data: bytes, filtered: Image.Resampling) -> Tensor:
    """Pillow's resize of the original, 3×224×224 in [0, 1]."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = (left, top, left + side, top + side)  # exact: half a pixel aside costs 5 dB
    result = np.array(image.resize((SIZE, SIZE), filtered, box=square))
    return torch.from_numpy(result).permute(2, 0, 1) / 255


def ours(data: bytes, cache: int, supersample: int) -> Tensor:
    """From the squeezed cache."""
    image = cache_writer.decode_to_square("", data, cache, "white")
    assert image.pixels is not None, image.error
    image_sizes = torch.tensor([[float(image.width), float(image.height)]])
    chosen = augment.build_transform(augment.identity_params(1), image_sizes, cache, is_lit=False)
    mean, std = (torch.tensor(stat).view(3, 1, 1) for stat in (resample.MEAN, resample.STD))
    return resample.render(image.pixels[None], chosen, InputSpec(SIZE, supersample))[0] * std + mean


def by_fastai(data: bytes) -> Tensor:
    """fastai's validation chain: Resize(460), then its batch transforms."""
    square = fastai.Resize(460)(fastai.PILImage.create(io.BytesIO(data)), split_idx=1)
    result = fastais.chain(1)(fastai.ToTensor()(square)[None])
    mean, std = (torch.tensor(stat).view(3, 1, 1) for stat in (resample.MEAN, resample.STD))
    return (torch.as_tensor(result[0]) * std + mean).clamp(0, 1)


def psnr(a: Tensor, b: Tensor) -> float:
    """In dB, of values in [0, 1]."""
    return -10 * math.log10(max((a - b).double().square().mean().item(), 1e-12))


def rows(images: list[bytes]) -> Iterator[list[str]]:
    """A line per method: mean and standard deviation over the images."""
    filters = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)
    targets = [[truth(data, filtered) for data in images] for filtered in filters]
    ways = {
        f"ours, cache {cache} px, {k * k} samples a pixel": [ours(d, cache, k) for d in images]
        for cache in CACHES
        for k in (1, 2)
    } | {"fastai, validation": [by_fastai(data) for data in images]}
    for name, result in ways.items():
        actual = [[psnr(a, b) for a, b in zip(result, each, strict=True)] for each in targets]
        yield [name, *(f"{np.mean(dbs):.1f} (sd {np.std(dbs, ddof=1):.1f})" for dbs in actual)]


def main() -> None:
    """Measure, and write the section."""
    archive = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    images = jpegs.of(archive) if archive else jpegs.make(16)
    actual = list(rows(images))
    source = "photographs of the archive given" if archive else "pieces of two photographs"
    table = results.table(("way", "against bicubic, dB", "against bilinear, dB"), actual)
    results.put(
        "How true the picture is",
        f"{results.machine()} n = {len(images)} {source}; centre squares at {SIZE} px against "
        f"Pillow's resize of the original.\n\n{table}",
    )
    print(table)


if __name__ == "__main__":
    console.run_command(main, "quality")
