"""More images: time per epoch and memory, resident or memory-mapped. Part of `make bench`.

Images of noise, mobilenet_v3_small at 64 px from a cache of 256 px: only the cache grows.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from numpy.lib.format import open_memmap

from benchmarks import processes, results
from pawprint.core import files
from pawprint.models import network
from pawprint.runtime.device import resolve_dtype, setup_device
from pawprint.training import loop
from pawprint.training.optimizer import OptimizerConfig
from pawprint.training.schedule import OneCycle
from pawprint.training.session import ImageSession
from pawprint.training.workload import Recipe
from pawprint.vision import augment, dataset
from pawprint.vision.resample import InputSpec

BASE, FACTORS, SIDE, EPOCHS, THREADS = 512, (1, 4, 16), 256, 6, 2
BUDGETS = {"resident": 1 << 40, "mapped": 0}
PICTURE = results.FILE.parents[1] / "docs" / "growth.png"


def write(folder: Path, n: int) -> None:
    """A cache of `n` images of noise, a fifth of them valid."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    stored = open_memmap(folder / "images/all.npy", "w+", np.uint8, (n, SIDE, SIDE, 3))
    for start in range(0, n, BASE):
        stored[start : start + BASE] = rng.integers(0, 256, (BASE, SIDE, SIDE, 3), dtype=np.uint8)
    stored.flush()
    names = [f"{i:06d}.jpg" for i in range(n)]
    files.write_csv(folder / "blocks.csv", ["block", "row"], [("all", i) for i in range(n)])
    index = [(name, 500, 375, "0" * 64) for name in names]
    files.write_csv(folder / "index.csv", ["name", "width", "height", "sha256"], index)
    rows = [(x, str(i % 4), "train" if i % 5 else "valid") for i, x in enumerate(names)]
    files.write_csv(folder / "labels.csv", ["name", "label", "split"], rows)


def child(folder: Path, budget: int) -> None:
    """Run some epochs; print the seconds of each but the first, as JSON on the last line."""
    device = setup_device("cpu", THREADS)
    cache = (folder / "images", folder / "blocks.csv", folder / "index.csv")
    data = dataset.load_dataset(*cache, folder / "labels.csv", device, budget)
    strengths = augment.AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
    recipe = Recipe(InputSpec(64), 64, 0, resolve_dtype("auto", device), strengths, 0.0)
    arch, optimizer = "mobilenet_v3_small", OptimizerConfig(0.01, 0.99, 1e-5)
    run = ImageSession(device, data, recipe, optimizer, arch)
    workload, state = run.workload("unfrozen"), run.init_state(network.create_model(arch, 4, 0, {}))
    cycle = OneCycle([1e-4] * 3, EPOCHS * workload.steps_per_epoch, 0.25, 25.0, 1e5)
    actual = loop.fit(state, workload, cycle, EPOCHS)
    seconds = [epoch.seconds for epoch in actual]
    (folder / "seconds.json").write_text(json.dumps(seconds[1:]))


def measure() -> list[dict[str, float | str]]:
    """A line per factor and kind: images, seconds per epoch, private memory in GiB."""
    rows: list[dict[str, float | str]] = []
    for factor in FACTORS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, BASE * factor)
            for kind, budget in BUDGETS.items():
                command = [sys.executable, "-m", "benchmarks.growth", name, str(budget)]
                where = (Path.cwd(), folder / "log")
                _, own = processes.watch(command, *where, processes.anonymous)
                seconds = json.loads((folder / "seconds.json").read_text())
                line = {"n": BASE * factor, "kind": kind, "s": statistics.median(seconds)}
                rows.append(line | {"GiB": own / 2**30})
                print(rows[-1], flush=True)
    return rows


def draw(actual: list[dict[str, float | str]]) -> None:
    """Draw time and memory over the images, from zero, so that linear growth is a straight line."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, key, title in zip(
        axes, ("s", "GiB"), ("seconds of an epoch", "private memory, GiB"), strict=True
    ):
        for kind, style in (("resident", "o-"), ("mapped", "s--")):
            lines = [line for line in actual if line["kind"] == kind]
            axis.plot([x["n"] for x in lines], [x[key] for x in lines], style, label=kind)
        counts = sorted({float(line["n"]) for line in actual})
        axis.set_xticks(counts, [f"{count:,.0f}" for count in counts])
        axis.set(title=title, xlabel="pictures", ylim=(0, None), xlim=(0, None))
        axis.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=100)
    plt.close(figure)


def main() -> None:
    """Measure, write the section, draw; with arguments, run as the child."""
    if len(sys.argv) > 1:
        child(Path(sys.argv[1]), int(sys.argv[2]))
        return
    actual = measure()
    draw(actual)
    lines = [[f"{x['n']:,}", str(x["kind"]), f"{x['s']:.2f}", f"{x['GiB']:.2f}"] for x in actual]
    cached = BASE * SIDE * SIDE * 3 / 2**30
    results.put(
        "What more pictures cost",
        f"{results.machine()} {THREADS} threads; mobilenet_v3_small at 64 px from "
        f"a cache of {SIDE} px ({cached:.2f} GiB for {BASE} images), a fifth validation; median "
        f"of {EPOCHS - 1} epochs after the first. Private memory: without the pages of files, "
        "which the system may take back. The file was in the system's page cache. Drawn in "
        "docs/growth.png.\n\n"
        + results.table(("pictures", "cache", "seconds an epoch", "private GiB"), lines),
    )


if __name__ == "__main__":
    main()
