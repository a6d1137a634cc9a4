"""Training, ours beside fastai: steps, epochs, memory and start-up. Part of `make bench`.

The pictures are pieces of scikit-learn's two photographs, the weights are random: for speed alone.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch

from benchmarks import compare, fastais, processes, results
from benchmarks.fastais import fastai
from pawprint import augment, dataset, devices, files, networks, presize, session, training
from pawprint.optimizers import Settings
from pawprint.sampling import View
from pawprint.schedules import OneCycle
from pawprint.session import Session
from pawprint.training import Recipe

ARCHS, PHASES, BATCH, TRAIN, VALID = (
    ("resnet18", "mobilenet_v2"),
    ("frozen", "unfrozen"),
    32,
    96,
    32,
)
STEPS, REPEATS, THREADS, CLASSES = 3, 3, 2, 4
CPU = torch.device("cpu")
Job = Callable[[], object]


@contextmanager
def pictures() -> Iterator[Path]:
    """A folder with JPEGs, labels.csv and our cache of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = compare.jpegs(TRAIN + VALID)
        names = [f"{i % CLASSES}_{i:04d}.jpg" for i in range(len(made))]
        for picture, data in zip(names, made, strict=True):
            (folder / picture).write_bytes(data)
        splits = ["train"] * TRAIN + ["valid"] * VALID
        rows = sorted(zip(names, [n[0] for n in names], splits, strict=True))
        files.write_csv(folder / "labels.csv", ["name", "label", "split"], rows)
        cached = presize.presized(zip(names, made, strict=True), 460, THREADS)
        good, _ = presize.write(folder / "images.npy", cached, sorted(names), 460, "stop")
        index = [(p.name, p.width, p.height, p.sha256) for p in good]
        files.write_csv(folder / "index.csv", ["name", "width", "height", "sha256"], index)
        yield folder


def ours(folder: Path, arch: str, phase: str, kind: torch.dtype) -> tuple[Job, Job]:
    """One epoch, and some steps on a batch that is there, by our loop."""
    paths = (folder / "images.npy", folder / "index.csv", folder / "labels.csv")
    data = dataset.opened(*paths, CPU, 1 << 40)
    strengths = augment.Strengths(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
    recipe = Recipe(View(224), BATCH, 0, kind, strengths, 0.0)
    run = Session(CPU, data, recipe, Settings(0.01, 0.99, 1e-5, 0.0, True))
    network = networks.fresh(arch, CLASSES, 0, {})
    if phase == "frozen":
        networks.freeze(network, train_norm=True)
    state = session.state(run, network)
    cycle = OneCycle([1e-4] * 3, 10_000, 0.25, 25.0, 1e5)
    batch = next(training.augmented(data, recipe, phase, 0))

    def epoch() -> object:
        return list(training.fit(state, data, recipe, cycle, phase, len(state.history) + 1))

    def steps() -> object:
        return torch.stack(list(training.steps(state, [batch] * STEPS, cycle, 0, recipe))).tolist()

    return epoch, steps


def peers(folder: Path, arch: str, phase: str) -> tuple[Job, Job]:
    """The same by fastai's loop."""
    table = pd.read_csv(folder / "labels.csv", dtype="str")
    loaders = fastais.loaders(folder, table, BATCH, THREADS)
    learn = fastais.learner(loaders, arch, CLASSES)
    batch = loaders.train.one_batch()
    quick = fastais.learner(fastai.DataLoaders([batch] * STEPS, []), arch, CLASSES)
    for each in (learn, quick):
        each.freeze() if phase == "frozen" else each.unfreeze()

    def fit(which: fastai.Learner) -> None:
        with which.no_bar(), which.no_logging():
            which.fit(1, 1e-4)

    return lambda: fit(learn), lambda: fit(quick)


def timed(jobs: dict[str, Job]) -> dict[str, list[float]]:
    """Seconds of each job, interleaved, after one warm-up each."""
    for job in jobs.values():
        job()
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(REPEATS):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            found[name].append(time.perf_counter() - began)
    return found


def rows(folder: Path) -> Iterator[list[str]]:
    """A line a network, phase and type: step and epoch, with fastai's over ours."""
    kinds = {"float32": torch.float32}
    if torch.cpu._is_avx512_bf16_supported():
        kinds["bfloat16"] = torch.bfloat16
    for arch in ARCHS:
        for phase in PHASES:
            mine = {name: ours(folder, arch, phase, kind) for name, kind in kinds.items()}
            peer = peers(folder, arch, phase)
            for which, what in ((1, f"{STEPS} steps"), (0, "epoch")):
                jobs = {name: pair[which] for name, pair in mine.items()}
                found = timed(jobs | {"fastai": peer[which]})
                for name in kinds:
                    yield line(f"{what}, {arch}, {phase}, {name}", found[name], found["fastai"])


def line(name: str, mine: list[float], peer: list[float]) -> list[str]:
    """Minimum and median of both, in seconds, and the median of the pairs' ratios."""
    ratio = statistics.median(b / a for a, b in zip(mine, peer, strict=True))
    figures = (min(mine), statistics.median(mine), min(peer), statistics.median(peer))
    return [name, *(f"{figure:.2f}" for figure in figures), f"{ratio:.1f}"]


def memory(folder: Path, side: str, arch: str) -> float:
    """GiB at most of a process that trains two unfrozen epochs (and of its loaders)."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.epochs", side, arch, str(folder)]
    return processes.watched(command, Path.cwd(), folder / "log")[1] / 2**30


def trained(side: str, arch: str, folder: Path) -> None:
    """Two unfrozen epochs of one side, for `memory`."""
    made = peers(folder, arch, "unfrozen") if side == "fastai" else None
    epoch, _ = made or ours(folder, arch, "unfrozen", getattr(torch, side))
    epoch(), epoch()


def started(module: str) -> Job:
    """A process that imports a module and ends."""
    command = [sys.executable, "-W", "ignore", "-c", f"import {module}"]
    return lambda: processes.watched(command, Path.cwd(), Path("/dev/null"))


def measured() -> str:
    """The section of RESULTS.md."""
    found = []
    with pictures() as folder:
        for row in rows(folder):
            found.append(row)
            print(" | ".join(row), flush=True)
        sides = ("float32", "bfloat16", "fastai")
        taken = [[arch, *(f"{memory(folder, s, arch):.2f}" for s in sides)] for arch in ARCHS]
    modules = {"ours": "stages.train_frozen", "fastai": "fastai.vision.all"}
    begun = timed({name: started(module) for name, module in modules.items()})
    found.append(line("start-up: imports of a training", begun["ours"], begun["fastai"]))
    head = ("what", "ours min", "median", "fastai min", "median", "ratio")
    return (
        f"{results.machine()} Seconds, n = {REPEATS} interleaved repetitions; ratio: median of the "
        f"pairs, fastai's over ours. Batches of {BATCH} at 224 px, {TRAIN} training and {VALID} "
        "validation pictures an epoch, augmentation and (fastai's) decoding included; steps: on a "
        f"batch that is there.\n\n{results.table(head, found)}\n\n"
        "Memory at most, GiB, of two unfrozen epochs (fastai's with its loader processes):\n\n"
        + results.table(("network", "ours, float32", "ours, bfloat16", "fastai"), taken)
    )


def main() -> None:
    """Measure all; with arguments, be the child of `memory`."""
    torch.set_num_threads(THREADS)
    devices.keep_memory()
    if len(sys.argv) > 1:
        trained(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        results.put("Training beside fastai", measured())


if __name__ == "__main__":
    main()
