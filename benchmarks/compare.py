"""Ours beside fastai and Pillow, interleaved in one process: `make bench`.

Prints a table of milliseconds and ratios, and writes it to benchmarks/RESULTS.md. The pictures
are pieces of scikit-learn's two photographs, saved as JPEGs of 500×375 px.
"""

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from benchmarks import results
from benchmarks.fastais import fastai
from pawprint import augment, devices, presize, randomness, sampling

PICTURES, SIDE, SIZE, THREADS, REPEATS = 64, 460, 224, 2, 7
DEFAULTS = augment.Strengths(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
Row = tuple[str, Callable[[], object], Callable[[], object], int]


def jpegs(count: int = PICTURES) -> list[bytes]:
    """Files of 500×375 px, as many as a batch has pictures unless said otherwise."""
    rng, made = np.random.default_rng(0), []
    for i in range(count):
        photo = Image.fromarray(load_sample_images().images[i % 2])
        left, top = int(rng.integers(0, 140)), int(rng.integers(0, 52))
        file = io.BytesIO()
        photo.crop((left, top, left + 500, top + 375)).save(file, "JPEG", quality=90)
        made.append(file.getvalue())
    return made


def by_pillow(data: bytes) -> np.ndarray:
    """What presize is measured against."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def fastai_chain(split: int) -> fastai.Pipeline:
    """fastai's batch transforms, training (0) or validation (1)."""
    steps = [
        fastai.IntToFloatTensor(),
        *fastai.aug_transforms(size=SIZE, min_scale=0.75),
        fastai.Normalize.from_stats(*fastai.imagenet_stats, cuda=False),
    ]
    return fastai.Pipeline(steps, split_idx=split)


def fastai_loaded(files: list[bytes], split: int) -> torch.Tensor:
    """fastai's item transforms on each file, collated."""
    resize, to_tensor = fastai.Resize(SIDE), fastai.ToTensor()
    items = [fastai.PILImage.create(io.BytesIO(data)) for data in files]
    return torch.stack([to_tensor(resize(item, split_idx=split)) for item in items])


def rows() -> list[Row]:
    """Name, ours, the peer's, and threads of each comparison."""
    files = jpegs()
    cached = torch.stack(
        [p for d in files if (p := presize.squeezed("", d, SIDE).pixels) is not None]
    )
    sides = torch.tensor([[500.0, 375.0]]).expand(PICTURES, 2)
    square = fastai.TensorImage(cached.permute(0, 3, 1, 2).contiguous())
    train, valid = fastai_chain(0), fastai_chain(1)

    def ours(light: bool) -> torch.Tensor:
        draws = augment.drawn(PICTURES, DEFAULTS, randomness.generator(0))
        chosen = draws if light else augment.neutral(PICTURES)
        return sampling.batch(cached, augment.maps(chosen, sides, SIDE, light), sampling.View(SIZE))

    def presized() -> object:
        return [presize.squeezed("", data, SIDE) for data in files]

    return [
        ("presize, 64 pictures, 1 thread", presized, lambda: [by_pillow(d) for d in files], 1),
        ("augmentation, 64 pictures", lambda: ours(True), lambda: train(square.clone()), THREADS),
        (
            "JPEG to training batch, a later epoch",
            lambda: ours(True),
            lambda: train(fastai.TensorImage(fastai_loaded(files, 0))),
            THREADS,
        ),
        (
            "JPEG to validation batch, a later epoch",
            lambda: ours(False),
            lambda: valid(fastai.TensorImage(fastai_loaded(files, 1))),
            THREADS,
        ),
    ]


def timed(run: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1e3


def compared(name: str, ours: Callable[[], object], peers: Callable[[], object]) -> list[str]:
    """A line of the table, from interleaved repetitions after one warm-up each."""
    ours(), peers()
    pairs = [(timed(ours), timed(peers)) for _ in range(REPEATS)]
    mine, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    figures = (min(mine), statistics.median(mine), min(theirs), statistics.median(theirs))
    return [name, *(f"{figure:.0f}" for figure in figures), f"{ratio:.1f}"]


def main() -> None:
    """Run all rows and write RESULTS.md."""
    devices.keep_memory()
    found = []
    for name, ours, peers, threads in rows():
        torch.set_num_threads(threads)
        found.append(compared(name, ours, peers))
        print(" | ".join(found[-1]), flush=True)
    head = ("what", "ours min", "median", "peer min", "median", "ratio")
    results.put(
        "Pictures beside fastai and Pillow",
        f"{results.machine()} Milliseconds, n = {REPEATS} interleaved repetitions; ratio: median "
        "of the pairs. Peer: Pillow for presize, fastai elsewhere. Pieces of scikit-learn's two "
        f"photographs as JPEGs of 500×375 px.\n\n{results.table(head, found)}",
    )


if __name__ == "__main__":
    main()
