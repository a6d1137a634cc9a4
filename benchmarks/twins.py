"""Many labels, points and numbers on the composed digits, compared with fastai: `make bench-twins`.

The same network (resnet18 from the seed, fastai's head), images, split, epochs, rates, batches,
threads and strengths of augmentation; the presets have no frozen epochs. The runs of a seed run one
after the other. Seconds: ours of train_frozen and train_unfrozen, fastai's inside its fit. Results
are stored in build/twins; delete the folder to measure again.
"""

import argparse
import json
import shutil
import statistics
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import average_precision_score, r2_score, root_mean_squared_error

from benchmarks import photographs, processes, results
from pawprint.core import files, label_cells, yaml_file
from pawprint.terminal import console

WORK = photographs.ROOT / "build" / "twins"
LOG = WORK / "log"
Run = dict[str, float]


@dataclass(frozen=True)
class Twin:
    """What differs by target: fastai's block, its targets, its learner, and the metrics."""

    block: str
    target: Callable[[Mapping[str, str]], object]  # of a row of labels.csv
    learner: Mapping[str, object]
    metrics: Callable[[np.ndarray, np.ndarray], Run]  # of fastai's predictions and targets


def project(target: str) -> Path:
    """Make a clone of the last commit, with images fetched and presized."""
    folder = WORK / target
    if not (folder / "pictures").exists():
        photographs.git("clone", "--quiet", str(photographs.ROOT), str(folder))
        shutil.copy(folder / f"presets/digits-{target}.yaml", folder / "params.yaml")
        for stage in ("fetch", "weights", "label", "presize"):
            processes.watch([sys.executable, "-m", f"stages.{stage}"], folder, LOG)
        with tarfile.open(folder / "data/raw/pictures") as archive:
            archive.extractall(folder / "pictures", filter="data")
    return folder


def ours(folder: Path, seed: int) -> Run:
    """Seconds and metric of one seed."""
    own = yaml_file.flatten(yaml_file.load(folder / f"presets/digits-{folder.name}.yaml"))
    changed = yaml_file.nest({**own, "seed": seed, "lr_find.steps": 10})
    (folder / "params.yaml").write_text(json.dumps(changed))
    for stage in ("lr_find", "train_frozen", "lr_find_unfrozen", "train_unfrozen", "evaluate"):
        processes.watch([sys.executable, "-m", f"stages.{stage}"], folder, LOG)
    content = files.read_json(folder / "reports/evaluate.json")
    seconds = photographs.stage_seconds(folder)
    spent = sum(seconds[stage] for stage in photographs.STAGES)
    return {"seconds": spent, **{metric: content[metric] for metric in METRICS[folder.name]}}


def theirs(folder: Path, seed: int) -> Run:
    """The same with fastai, in a separate process."""
    words = [sys.executable, "-m", "benchmarks.twins", "--child", str(folder), "--seed", str(seed)]
    processes.watch(words, photographs.ROOT, LOG)
    return files.read_json(folder / "peer.json")


def child(folder: Path, seed: int) -> None:
    """Train by fastai; write seconds and metric."""
    from benchmarks.fastais import fastai

    warnings.filterwarnings("ignore")
    p = yaml_file.load(folder / f"presets/digits-{folder.name}.yaml")
    torch.set_num_threads(p["threads"])
    fastai.set_seed(seed)
    table = pd.read_csv(folder / "data/labels.csv", dtype="str", keep_default_na=False)
    twin, strong = TWINS[folder.name], p["augment"]
    changes = fastai.aug_transforms(
        do_flip=False, max_rotate=strong["max_rotate"], max_zoom=strong["max_zoom"],
        max_warp=strong["max_warp"], max_lighting=strong["max_lighting"],
    )  # fmt: skip
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, getattr(fastai, twin.block)),
        get_x=lambda row: folder / "pictures" / row["name"],
        get_y=twin.target,
        splitter=fastai.IndexSplitter(table.index[table["split"] == "valid"].tolist()),
        batch_tfms=[*changes, fastai.Normalize.from_stats(*fastai.imagenet_stats)],
    )
    data = block.dataloaders(table, bs=p["batch_size"], num_workers=p["threads"])
    head = {"ps": p["optimizer"]["dropout"], **twin.learner}
    learn = fastai.vision_learner(data, fastai.resnet18, pretrained=False, normalize=False, **head)
    began = time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.unfreeze()
        learn.fit_one_cycle(p["unfrozen"]["epochs"], p["unfrozen"]["lr_max"])
    seconds = time.perf_counter() - began
    with learn.no_bar():
        predictions, targets = (np.asarray(x) for x in learn.get_preds(ds_idx=1))
    metrics = twin.metrics(predictions, targets)
    files.write_json(folder / "peer.json", {"seconds": seconds, **metrics})


def mean_precision(predictions: np.ndarray, targets: np.ndarray) -> Run:
    """mAP."""
    return {"map": float(average_precision_score(targets, predictions, average="macro"))}


def root_mean_square(predictions: np.ndarray, targets: np.ndarray) -> Run:
    """RMSE of places in [-1, 1], as a fraction of the image's width and height."""
    apart = predictions.reshape(len(predictions), -1) - targets.reshape(len(predictions), -1)
    return {"rmse_share": float(np.sqrt(np.square(apart).mean()) / 2)}


def residuals(predictions: np.ndarray, targets: np.ndarray) -> Run:
    """R² and RMSE."""
    r2 = float(r2_score(targets.ravel(), predictions.ravel()))
    return {"r2": r2, "rmse": float(root_mean_squared_error(targets.ravel(), predictions.ravel()))}


def label_set(row: Mapping[str, str]) -> list[str]:
    """The classes of an image."""
    return label_cells.classes(row["labels"], "labels")


def point(row: Mapping[str, str]) -> torch.Tensor:
    """x, y in px."""
    return torch.tensor([label_cells.coordinates(row["points"])])


TWINS = {
    "labels": Twin("MultiCategoryBlock", label_set, {}, mean_precision),
    "points": Twin("PointBlock", point, {"y_range": (-1, 1)}, root_mean_square),
    "number": Twin("RegressionBlock", lambda row: float(row["number"]), {"n_out": 1}, residuals),
}
METRICS = {"labels": ("map",), "points": ("rmse_share",), "number": ("r2", "rmse")}


def keep(name: str, result: Callable[[], Run]) -> Run:
    """The run of that name, made now or stored before."""
    path = WORK / f"{name}.json"
    if not path.exists():
        print(f"{name} ...", flush=True)
        files.write_json(path, result())
    return files.read_json(path)


def line(target: str, who: str, result: list[Run], peer: list[Run]) -> list[str]:
    """A row of the table."""
    seconds = [run["seconds"] for run in result]
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(result, peer, strict=True)]
    figures = []
    for metric in METRICS[target]:
        each = ", ".join(f"{run[metric]:.4f}" for run in result)
        figures.append(f"{metric} {statistics.mean(run[metric] for run in result):.4f} ({each})")
    return [
        *(target, who, "; ".join(figures)),
        *(f"{statistics.median(seconds):.0f}", f"{statistics.median(ratios):.1f}"),
    ]


def main() -> None:
    """Run what is missing, then write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--target", action="append", choices=[*TWINS])
    parser.add_argument("--child", type=Path)
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.seed)
        return
    WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    for target in args.target or TWINS:
        folder, both = project(target), []
        for seed in range(args.seeds):
            mine = keep(f"{target}-ours-{seed}", partial(ours, folder, seed))
            peer = keep(f"{target}-fastai-{seed}", partial(theirs, folder, seed))
            both.append((mine, peer))
        mine_all, peers = [pair[0] for pair in both], [pair[1] for pair in both]
        rows += [line(target, "ours", mine_all, peers), line(target, "fastai", peers, peers)]
    head = ("", "", "on valid, mean (by seed)", "seconds, median", "fastai's seconds over these")
    commit = photographs.git("log", "-1", "--format=%h").strip()
    results.put(
        f"Composed digits: {', '.join(args.target or TWINS)}",
        f"{results.machine()} Commit {commit}. resnet18 from the seed, 64 px, the same epochs, "
        "rates, batches and threads; ours in the precision that `auto` gives. Seconds: ours inside "
        "train_frozen and train_unfrozen, fastai's inside its fit, 2 loader processes.\n\n"
        f"{results.table(head, rows)}",
    )
    print(results.table(head, rows))


if __name__ == "__main__":
    console.run_command(main, "twins")
