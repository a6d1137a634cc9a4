"""Training, compared with fastai: steps, epochs, memory and start-up. Part of `make bench`.

The images are pieces of scikit-learn's two photos and the weights are random, since only speed
matters. On the CPU, even if there is a GPU.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import interleaved, jpegs, processes, results
from benchmarks.interleaved import Job
from pawprint.models import network
from pawprint.runtime.device import setup_device
from pawprint.training import loop
from pawprint.training.optimizer import OptimizerConfig
from pawprint.training.schedule import OneCycle
from pawprint.training.session import ImageSession
from pawprint.training.workload import Recipe
from pawprint.vision import augment
from pawprint.vision.resample import InputSpec

ARCHS, PHASES, BATCH = ("resnet18", "mobilenet_v2"), ("frozen", "unfrozen"), 32
TRAIN, VALID, STEPS, REPEATS, THREADS = 192, 64, 3, 3, 2


def kinds() -> dict[str, torch.dtype]:
    """The dtypes to measure: float32, and bfloat16 if the CPU has it."""
    actual = {"float32": torch.float32}
    return actual | ({"bfloat16": torch.bfloat16} if torch.cpu._is_avx512_bf16_supported() else {})


def ours(here: Path, arch: str, phase: str, kind: torch.dtype) -> tuple[Job, Job]:
    """Time an epoch, and some steps on a ready batch, with our loop."""
    data, device = jpegs.open_it(here), setup_device("cpu", THREADS)
    strengths = augment.AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
    recipe = Recipe(InputSpec(224), BATCH, 0, kind, strengths, 0.0)
    run = ImageSession(device, data, recipe, OptimizerConfig(0.01, 0.99, 1e-5), arch)
    model = network.create_model(arch, jpegs.CLASSES, 0, {})
    if phase == "frozen":
        network.freeze(model, train_norm=True)
    state, workload = run.init_state(model), run.workload(phase)
    cycle = OneCycle([1e-4] * 3, 10_000, 0.25, 25.0, 1e5)
    batch = next(workload.train_batches(0))

    def epoch() -> object:
        return list(loop.fit(state, workload, cycle, len(state.history) + 1))

    def steps() -> object:
        losses = loop.train_one_epoch(state, [batch] * STEPS, workload, cycle, 0)
        return torch.stack(list(losses)).tolist()

    return epoch, steps


def fit_epoch(data: Any, arch: str, phase: str) -> Job:  # noqa: ANN401
    """One epoch of fastai's loop over these loaders."""
    from benchmarks import fastais

    learn = fastais.learner(data, arch, jpegs.CLASSES)
    learn.freeze() if phase == "frozen" else learn.unfreeze()

    def fit() -> None:
        with learn.no_bar(), learn.no_logging():
            learn.fit(1, 1e-4)

    return fit


def peers(here: Path, arch: str, phase: str) -> tuple[Job, Job]:
    """The same with fastai's loop."""
    from benchmarks.fastais import fastai

    data = loaders(here)
    ready = fastai.DataLoaders([data.train.one_batch()] * STEPS, [])
    return fit_epoch(data, arch, phase), fit_epoch(ready, arch, phase)


def loaders(here: Path) -> Any:  # noqa: ANN401
    """fastai's loaders of the folder."""
    from benchmarks import fastais

    table = pd.read_csv(here / "labels.csv", dtype="str")
    return fastais.loaders(here, table, BATCH, THREADS)


def rows(here: Path) -> Iterator[list[str]]:
    """A line per network, phase and dtype: steps and epoch, with fastai's time over ours."""
    for arch in ARCHS:
        for phase in PHASES:
            mine = {name: ours(here, arch, phase, kind) for name, kind in kinds().items()}
            peer = peers(here, arch, phase)
            for which, what in ((1, f"{STEPS} steps"), (0, "epoch")):
                jobs = {name: pair[which] for name, pair in mine.items()} | {"fastai": peer[which]}
                times = interleaved.time_jobs(jobs, REPEATS)
                for name in mine:
                    title = f"{what}, {arch}, {phase}, {name}"
                    yield interleaved.line(title, times[name], times["fastai"])


def train_small(side: str, arch: str, here: Path) -> None:
    """Two unfrozen epochs of one side, in a separate process."""
    if side == "fastai":
        epoch = fit_epoch(loaders(here), arch, "unfrozen")
    else:
        epoch, _ = ours(here, arch, "unfrozen", getattr(torch, side))
    epoch(), epoch()


def memory(here: Path, side: str, arch: str) -> str:
    """Peak memory in GiB of such a process and its loaders."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.epochs", side, arch, str(here)]
    return f"{processes.watch(command, Path.cwd(), here / 'log')[1] / 2**30:.2f}"


def imports_of(module: str) -> Job:
    """A process that imports a module and exits."""
    command = [sys.executable, "-W", "ignore", "-c", f"import {module}"]
    return lambda: subprocess.run(command, check=True)


def measure() -> str:
    """The section of RESULTS.md."""
    actual, image_sizes = [], (*kinds(), "fastai")
    modules = {"ours": "stages.train_frozen", "fastai": "fastai.vision.all"}
    with jpegs.folder(TRAIN, VALID) as here:
        taken = [[arch, *(memory(here, side, arch) for side in image_sizes)] for arch in ARCHS]
        begun = interleaved.time_jobs({k: imports_of(v) for k, v in modules.items()}, REPEATS)
        actual.append(interleaved.line("start-up: imports", begun["ours"], begun["fastai"]))
        for row in rows(here):
            actual.append(row)
            print(" | ".join(row), flush=True)
    return (
        f"{results.machine()} Seconds, n = {REPEATS} interleaved repetitions; ratio: median of the "
        f"pairs, fastai's over ours. Batches of {BATCH} at 224 px, {TRAIN} training and {VALID} "
        f"validation images an epoch, {THREADS} threads; augmentation included, and fastai's "
        f"decoding by {THREADS} processes; steps: on a batch that is there.\n\n"
        f"{results.table(interleaved.HEAD, actual)}\n\n"
        "Memory at most, GiB, of two unfrozen epochs (fastai's with its loader processes):\n\n"
        + results.table(("network", *image_sizes), taken)
    )


def main() -> None:
    """Measure everything; with arguments, run as the child of `memory`."""
    torch.set_num_threads(THREADS)
    if len(sys.argv) > 1:
        train_small(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        results.put("Training beside fastai", measure())


if __name__ == "__main__":
    main()
