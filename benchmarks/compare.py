"""Images, compared with fastai and Pillow: presize, augmentation, batches. Part of `make bench`.

`python -m benchmarks.compare [ARCHIVE]`: also presize the archive's photos.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from benchmarks import fastais, interleaved, jpegs, results
from benchmarks.interleaved import Job
from pawprint.runtime import rng
from pawprint.runtime.device import keep_freed_memory
from pawprint.terminal import console
from pawprint.vision import augment, cache_writer, loader, resample
from pawprint.vision.resample import InputSpec

BATCH, SIDE, SIZE, THREADS, REPEATS, BATCHES = 64, 460, 224, 2, 7, 6
DEFAULTS = augment.AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)


def by_pillow(data: bytes) -> np.ndarray:
    """The same as presize, by Pillow."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def presizing(files: list[bytes]) -> tuple[Job, Job]:
    """Time decoding and squeezing, by us and by Pillow."""
    return (
        lambda: [cache_writer.decode_to_square("", data, SIDE, "white") for data in files],
        lambda: [by_pillow(data) for data in files],
    )


def augmenting(files: list[bytes], supersample: int) -> tuple[Job, Job]:
    """Time the way from decoded squares to a batch, by us and by fastai."""
    image = [cache_writer.decode_to_square("", data, SIDE, "white").pixels for data in files]
    cached = torch.stack([pixels for pixels in image if pixels is not None])
    square = fastais.fastai.TensorImage(cached.permute(0, 3, 1, 2).contiguous())
    image_sizes, chain = torch.tensor([[500.0, 375.0]]).expand(len(files), 2), fastais.chain(0)
    view = InputSpec(SIZE, supersample)

    def ours() -> Tensor:
        draws = augment.sample_params(len(files), DEFAULTS, rng.generator(0))
        return resample.render(
            cached, augment.build_transform(draws, image_sizes, SIDE, True), view
        )

    return ours, lambda: chain(square)


def loading(here: Path) -> tuple[tuple[Job, Job], tuple[Job, Job]]:
    """Time the batches of a later epoch, for training and validation, from files or cache."""
    data, table = jpegs.open_it(here), pd.read_csv(here / "labels.csv", dtype="str")
    loaders = fastais.loaders(here, table, BATCH, THREADS)
    train, valid = data.splits["train"], data.splits["valid"]

    def all_of(result: Callable[[], object]) -> Job:
        return lambda: [None for _ in result()]  # type: ignore[attr-defined]

    return (
        (
            all_of(
                lambda: loader.train_batches(
                    data.cache, train, DEFAULTS, InputSpec(SIZE), BATCH, 0, "x", 0
                )
            ),
            all_of(lambda: loaders.train),
        ),
        (
            all_of(lambda: loader.eval_batches(data.cache, valid, InputSpec(SIZE), BATCH)),
            all_of(lambda: loaders.valid),
        ),
    )


def main() -> None:
    """Measure all rows and write the section."""
    keep_freed_memory()
    archive = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    photographs = jpegs.of(archive) if archive else []
    files, whole = jpegs.make(BATCH), BATCH * BATCHES
    with jpegs.folder(whole, whole) as here:
        training, validation = loading(here)
        rows = [
            ("presize of 64 images, 1 thread", presizing(files), 1),
            ("augmentation of 64 images", augmenting(files, 1), THREADS),
            ("the same, 2×2 samples a pixel", augmenting(files, 2), THREADS),
            (f"{BATCHES} training batches from JPEG, a later epoch", training, THREADS),
            (f"{BATCHES} validation batches from JPEG, a later epoch", validation, THREADS),
        ]
        if photographs:
            title = f"presize of {len(photographs)} photographs, 1 thread"
            rows.insert(1, (title, presizing(photographs), 1))
        actual = []
        for name, (ours, peer), threads in rows:
            torch.set_num_threads(threads)
            times = interleaved.time_jobs({"ours": ours, "peer": peer}, REPEATS)
            actual.append(interleaved.line(name, times["ours"], times["peer"], digits=3))
            print(" | ".join(actual[-1]), flush=True)
    results.put(
        "Pictures beside fastai and Pillow",
        f"{results.machine()} Seconds, n = {REPEATS} interleaved repetitions; ratio: median of the "
        f"pairs, the peer's over ours. Peer: Pillow for presize; fastai elsewhere, with {THREADS} "
        f"loader processes, which it restarts for each epoch. {THREADS} threads. Pieces of "
        "scikit-learn's two photographs as JPEGs of 500×375 px, batches of 64 at 224 px.\n\n"
        + results.table(interleaved.HEAD, actual),
    )


if __name__ == "__main__":
    console.run_command(main, "compare")
