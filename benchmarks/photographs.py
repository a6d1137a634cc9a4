"""Transfer learning on photos, compared with fastai: `make bench-photographs`.

Five splits (label.seed 0-4), one training seed each; for each split ours in the precision that
`auto` gives, fastai, and for the first three ours in float32, one after the other. The same
weights, split, epochs, batch size and threads. With `--again 2`, both sides run once more with two
other training seeds per split, only for the errors, because one seed per split separates the
recipes less well. Every run is stored in build/photographs, so that an interrupted benchmark
continues with its current run; delete the folder to measure again.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks import pairs, processes, results
from benchmarks.pairs import Run
from pawprint.core import files, yaml_file
from pawprint.storage import archives
from pawprint.terminal import console

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "photographs"
LOG, PEER = WORK / "log", Path(__file__).with_name("peer.py")
SEEDS, FLOAT32, BATCH = range(5), range(3), 32
FROZEN, UNFROZEN, THREADS = 3, 6, 2
RECIPE = {
    "dataset": "photographs",
    "arch": "mobilenet_v2",
    "size": 224,
    "batch_size": BATCH,
    "threads": THREADS,
    "lr": 0.003,
    "presize.size": 460,
    "augment.flip": 0.5,
    "augment.supersample": 2,
    "frozen.epochs": FROZEN,
    "unfrozen.epochs": UNFROZEN,
    "unfrozen.lr_min": 1e-5,
    "unfrozen.lr_max": 1e-3,
}
BLOCK = """
photographs:
  pictures:
    url: {pictures}
    sha256: {sha256}
  label:
    from: name
    pattern: ^(.+)_\\d+\\.jpg$
"""
STAGES = ("train_frozen", "train_unfrozen")


def prepare(images: Path, weights: Path) -> Path:
    """Make a clone of the project's last commit, with the photos in its datasets.yaml.

    Raises:
        SystemExit: the stored runs belong to other images, weights or another recipe.
    """
    archives.image_names(images)  # or an error that says what is wrong with the file
    project, recipe = WORK / "project", json.dumps([RECIPE, BLOCK], sort_keys=True)
    parts = (files.file_hash(images), files.file_hash(weights), recipe, PEER.read_text())
    mark = files.text_hash("".join(parts))
    if not (WORK / "mark").exists():
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        git("clone", "--quiet", str(ROOT), str(project))
        block = BLOCK.format(images=images, sha256=parts[0])
        with (project / "datasets.yaml").open("a") as catalogue:
            catalogue.write(block)
        with tarfile.open(images) as archive:
            archive.extractall(WORK / "pictures", filter="data")
        (WORK / "mark").write_text(mark)
    if (WORK / "mark").read_text() != mark:
        sys.exit(
            f"{WORK}: has runs of other images, weights or recipes; delete it to measure again"
        )
    return project


def git(*words: str) -> str:
    """The output of git in the project's root."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, text=True, capture_output=True
    ).stdout


def write_params(project: Path, weights: Path, seed: int, changed: Mapping[str, object]) -> None:
    """Write params.yaml of one run: the project's own, changed by RECIPE as by `-S`."""
    own = yaml_file.flatten(yaml_file.load(project / "presets" / "digits.yaml"))
    hashed = {"weights": str(weights), "weights_sha256": files.file_hash(weights)}
    seeds = {"seed": seed, "label.seed": seed}
    whole = yaml_file.nest({**own, **RECIPE, **hashed, **seeds, **changed})
    (project / "params.yaml").write_text(json.dumps(whole, indent=1))


def rebuilt(project: Path) -> Run:
    """Run the whole graph from scratch with `dvc repro`."""
    git("-C", str(project), "checkout", "--quiet", "dvc.lock", "reports")
    git("-C", str(project), "clean", "-qxfd")  # what a run that was broken off has left
    seconds, most = processes.watch([sys.executable, "-m", "dvc", "repro"], project, LOG)
    return {"seconds": seconds, "memory": most, "stages": stage_seconds(project)}


def stage_seconds(project: Path) -> dict[str, float]:
    """Seconds inside each stage, from its own record."""
    rows = sorted((project / "reports" / "run").glob("*.json"))
    return {path.stem: json.loads(path.read_text())["seconds"] for path in rows}


def ours(project: Path, name: str) -> Run:
    """Split, train both phases, evaluate; the seconds are those inside the train stages."""
    most = 0
    shutil.rmtree(project / ".scratch", ignore_errors=True)  # a killed run would go on from there
    for stage in ("label", *STAGES, "evaluate"):
        _, here = processes.watch([sys.executable, "-m", f"stages.{stage}"], project, LOG)
        most = max(most, here if stage in STAGES else 0)
    # kept for what else may be asked of the model
    shutil.copy(project / "models" / "unfrozen.safetensors", WORK / f"{name}.safetensors")
    shutil.copy(project / "data" / "labels.csv", WORK / f"{name}.csv")
    seconds = stage_seconds(project)
    table = pd.read_csv(project / "reports" / "predictions.csv", dtype="str")
    return {
        "seconds": sum(seconds[stage] for stage in STAGES),
        "memory": most,
        "predicted": dict(zip(table["name"], table["predicted"], strict=True)),
        "actual": dict(zip(table["name"], table["actual"], strict=True)),
    }


def peers(weights: Path, split: int, seed: int, workers: int) -> Run:
    """fastai on one of our splits, with a training seed."""
    labels = WORK / f"auto-{split}.csv"
    job = {
        **{"pictures": str(WORK / "pictures"), "labels": str(labels)},
        **{"weights": str(weights), "seed": seed, "threads": THREADS},
        **{"frozen": FROZEN, "lr": RECIPE["lr"], "unfrozen": UNFROZEN},
        **{"lr_min": RECIPE["unfrozen.lr_min"], "lr_max": RECIPE["unfrozen.lr_max"]},
        **{"batch_size": BATCH, "workers": workers, "out": str(WORK / "peer.json")},
    }
    (WORK / "job.json").write_text(json.dumps(job))
    _, most = processes.watch(
        [sys.executable, "-m", "benchmarks.peer", str(WORK / "job.json")], ROOT, LOG
    )
    content = json.loads((WORK / "peer.json").read_text())
    table = pd.read_csv(labels, dtype="str").query("split == 'valid'")
    return {
        **content,
        "memory": most,
        "actual": dict(zip(table["name"], table["label"], strict=True)),
    }


def keep(name: str, run: Callable[[], Run]) -> Run:
    """The run of that name: made now, or stored by an earlier call of the benchmark."""
    path = WORK / f"{name}.json"
    if not path.exists():
        print(f"{name} ...", flush=True)
        files.write_json(path, run())
    content: Run = json.loads(path.read_text())
    print(f"{name}: {content['seconds']:.0f} s, {content['memory'] / 2**30:.1f} GiB", flush=True)
    return content


def text(actual: dict[str, list[Run]], whole: Run, again: dict[str, list[list[Run]]]) -> str:
    """The section of RESULTS.md."""
    commit = git("-C", str(WORK / "project"), "log", "-1", "--format=%h").strip()
    stages = ", ".join(f"{name} {seconds:.0f}" for name, seconds in whole["stages"].items())
    sentences = [
        pairs.sentence(name, runs, actual["fastai"])
        for name, runs in actual.items()
        if name != "fastai"
    ]
    return "\n\n".join(
        [
            f"{results.machine()} Commit {commit}.",
            f"mobilenet_v2 with ImageNet weights, 224 px, batches of {BATCH}, {FROZEN} frozen "
            f"epochs at 3e-3, {UNFROZEN} unfrozen at slice(1e-5, 1e-3); splits of label.seed 0 to "
            "4, the training seed the same; the runs of a split one after the other. Seconds: ours "
            "inside train_frozen and train_unfrozen, fastai's inside its two fits. Memory: the "
            "most of a process and its children. Errors: of the valid images of all splits.",
            pairs.table(actual),
            "\n".join(f"- {sentence}" for sentence in sentences),
            *([pairs.with_other_seeds(actual, again)] if again["fastai"] else []),
            f"The whole `dvc repro` of split 0 from nothing: {whole['seconds']:.0f} s, of which "
            f"inside the stages: {stages}.",
            "Breeds taken for one another most often, either way, all splits (the whole matrix: "
            "docs/photographs-confusion.png):",
            pairs.mistakes(actual),
        ]
    )


def main() -> None:
    """Run what is missing, then write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="an archive of photos, BREED_NUMBER.jpg")
    parser.add_argument("weights", type=Path, help="torchvision's mobilenet_v2, a .pth file")
    parser.add_argument(
        "--workers", type=int, default=2, help="number of fastai's loader processes"
    )
    parser.add_argument(
        "--again", type=int, default=0, help="number of other training seeds per split"
    )
    given = parser.parse_args()
    images, weights = given.pictures.resolve(), given.weights.resolve()
    project = prepare(images, weights)
    actual: dict[str, list[Run]] = {"ours, auto": [], "ours, float32": [], "fastai": []}
    write_params(project, weights, 0, {})
    whole = keep("dvc-repro", partial(rebuilt, project))
    for seed in SEEDS:
        write_params(project, weights, seed, {})
        name = f"auto-{seed}"
        actual["ours, auto"].append(keep(name, partial(ours, project, name)))
        peer = partial(peers, weights, seed, seed, given.workers)
        actual["fastai"].append(keep(f"fastai-{seed}", peer))
        if seed in FLOAT32:
            write_params(project, weights, seed, {"precision": "float32"})
            name = f"float32-{seed}"
            actual["ours, float32"].append(keep(name, partial(ours, project, name)))
    again: dict[str, list[list[Run]]] = {"ours, auto": [], "fastai": []}
    for other in range(1, given.again + 1):
        for runs in again.values():
            runs.append([])
        for split in SEEDS:
            seed = split + 10 * other
            write_params(project, weights, split, {"seed": seed})
            name, name_of_peer = f"auto-{split}-seed-{seed}", f"fastai-{split}-seed-{seed}"
            again["ours, auto"][-1].append(keep(name, partial(ours, project, name)))
            peer = partial(peers, weights, split, seed, given.workers)
            again["fastai"][-1].append(keep(name_of_peer, peer))
    results.put("Photographs: transfer learning beside fastai", text(actual, whole, again))
    pairs.draw(actual["ours, auto"], ROOT / "docs" / "photographs-confusion.png")
    print(f"written: {results.FILE}")


if __name__ == "__main__":
    console.run_command(main, "photographs")
