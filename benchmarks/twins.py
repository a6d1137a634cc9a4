"""Many labels and points on the composed digits, compared with fastai: `make bench-twins`.

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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import average_precision_score

from benchmarks import photographs, processes, results
from pawprint.core import files, label_cells, yaml_file
from pawprint.terminal import console

WORK = photographs.ROOT / "build" / "twins"
LOG, METRICS = WORK / "log", {"labels": "map", "points": "rmse_share"}
Run = dict[str, float]


def project(kind: str) -> Path:
    """Make a clone of the last commit, with images fetched and presized."""
    folder = WORK / kind
    if not (folder / "pictures").exists():
        photographs.git("clone", "--quiet", str(photographs.ROOT), str(folder))
        shutil.copy(folder / f"presets/digits-{kind}.yaml", folder / "params.yaml")
        for stage in ("fetch", "weights", "label", "presize"):
            processes.watch([sys.executable, "-m", f"stages.{stage}"], folder, LOG)
        with tarfile.open(folder / "data/raw/pictures") as archive:
            archive.extractall(folder / "pictures", filter="data")
    return folder


def ours(folder: Path, seed: int) -> Run:
    """Seconds and metric of one seed."""
    own = yaml_file.flatten(yaml_file.load(folder / f"presets/digits-{folder.name}.yaml"))
    changed = photographs.nest({**own, "seed": seed, "lr_find.steps": 10})
    (folder / "params.yaml").write_text(json.dumps(changed))
    for stage in ("lr_find", "train_frozen", "lr_find_unfrozen", "train_unfrozen", "evaluate"):
        processes.watch([sys.executable, "-m", f"stages.{stage}"], folder, LOG)
    content = files.read_json(folder / "reports/evaluate.json")
    seconds = photographs.stage_seconds(folder)
    spent = sum(seconds[stage] for stage in photographs.STAGES)
    return {"seconds": spent, "metric": content[METRICS[folder.name]]}


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
    is_labels, strong = folder.name == "labels", p["augment"]
    changes = fastai.aug_transforms(
        do_flip=False, max_rotate=strong["max_rotate"], max_zoom=strong["max_zoom"],
        max_warp=strong["max_warp"], max_lighting=strong["max_lighting"],
    )  # fmt: skip
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.MultiCategoryBlock if is_labels else fastai.PointBlock),
        get_x=lambda row: folder / "pictures" / row["name"],
        get_y=told[folder.name],
        splitter=fastai.IndexSplitter(table.index[table["split"] == "valid"].tolist()),
        batch_tfms=[*changes, fastai.Normalize.from_stats(*fastai.imagenet_stats)],
    )
    data = block.dataloaders(table, bs=p["batch_size"], num_workers=p["threads"])
    head = {"ps": p["optimizer"]["dropout"]} | ({} if is_labels else {"y_range": (-1, 1)})
    learn = fastai.vision_learner(data, fastai.resnet18, pretrained=False, normalize=False, **head)
    began = time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.unfreeze()
        learn.fit_one_cycle(p["unfrozen"]["epochs"], p["unfrozen"]["lr_max"])
    seconds = time.perf_counter() - began
    with learn.no_bar():
        seen, targets = (np.asarray(x) for x in learn.get_preds(ds_idx=1))
    metric = measured[folder.name](seen, targets)
    files.write_json(folder / "peer.json", {"seconds": seconds, "metric": metric})


def mean_precision(seen: np.ndarray, targets: np.ndarray) -> float:
    """mAP."""
    return float(average_precision_score(targets, seen, average="macro"))


def share_off(seen: np.ndarray, targets: np.ndarray) -> float:
    """RMSE of places in [-1, 1] as a share of the sides."""
    apart = seen.reshape(len(seen), -1) - targets.reshape(len(seen), -1)
    return float(np.sqrt(np.square(apart).mean()) / 2)


told: dict[str, Callable[[Any], Any]] = {
    "labels": lambda row: label_cells.classes(row["labels"], "labels"),
    "points": lambda row: torch.tensor([label_cells.coordinates(row["points"])]),
}
measured = {"labels": mean_precision, "points": share_off}


def keep(name: str, result: Callable[[], Run]) -> Run:
    """The run of that name, made now or stored before."""
    path = WORK / f"{name}.json"
    if not path.exists():
        print(f"{name} ...", flush=True)
        files.write_json(path, result())
    return files.read_json(path)


def line(kind: str, side: str, result: list[Run], peer: list[Run]) -> list[str]:
    """A row of the table."""
    seconds = [run["seconds"] for run in result]
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(result, peer, strict=True)]
    each = ", ".join(f"{run['metric']:.4f}" for run in result)
    mean = statistics.mean(run["metric"] for run in result)
    return [
        *(kind, side, f"{METRICS[kind]} {mean:.4f} ({each})"),
        *(f"{statistics.median(seconds):.0f}", f"{statistics.median(ratios):.1f}"),
    ]


def main() -> None:
    """Run what is missing, then write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.seed)
        return
    WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind in METRICS:
        folder, both = project(kind), []
        for seed in range(given.seeds):
            mine = keep(f"{kind}-ours-{seed}", partial(ours, folder, seed))
            peer = keep(f"{kind}-fastai-{seed}", partial(theirs, folder, seed))
            both.append((mine, peer))
        mine_all, peers = [pair[0] for pair in both], [pair[1] for pair in both]
        rows += [line(kind, "ours", mine_all, peers), line(kind, "fastai", peers, peers)]
    head = ("", "", "on valid, mean (by seed)", "seconds, median", "fastai's seconds over these")
    commit = photographs.git("log", "-1", "--format=%h").strip()
    results.put(
        "Many labels and points, composed digits",
        f"{results.machine()} Commit {commit}. resnet18 from the seed, 64 px, the same epochs, "
        "rates, batches and threads; ours in the precision that `auto` gives. Seconds: ours inside "
        "train_frozen and train_unfrozen, fastai's inside its fit, 2 loader processes.\n\n"
        f"{results.table(head, rows)}",
    )
    print(results.table(head, rows))


if __name__ == "__main__":
    console.run_command(main, "twins")
