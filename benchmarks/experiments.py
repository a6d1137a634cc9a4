"""DVC experiments on photos, in a clone of the last commit, each run once.

mobilenet_v2 with ImageNet weights at 224 px, batches of 32, the split of label.seed 42. Finished
runs stay in build/experiments, so that an interrupted benchmark continues; delete the folder to
measure again.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.photographs import BLOCK, ROOT, git
from pawprint.core import files, yaml_file
from pawprint.experiments import runs
from pawprint.storage import archives

WORK = ROOT / "build" / "experiments"
PROJECT, SECONDS, LOG = WORK / "project", WORK / "seconds.json", WORK / "log"
TRAINED = {"train_frozen": "frozen", "train_unfrozen": "unfrozen"}  # stage and its model
HERE = {"dataset": "photographs", "arch": "mobilenet_v2", "batch_size": 32}


def request(about: str | None, seeds: int) -> int:
    """Make the clone from the command line's arguments; return its seeds."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("pictures", type=Path, help="an archive of photos, BREED_NUMBER.jpg")
    parser.add_argument("weights", type=Path, help="torchvision's mobilenet_v2, a .pth file")
    parser.add_argument("--seeds", type=int, default=seeds)
    given = parser.parse_args()
    prepare(given.pictures.resolve(), given.weights.resolve())
    return int(given.seeds)


def prepare(images: Path, weights: Path) -> None:
    """Make the clone, with the photos in its datasets.yaml, committed."""
    if (PROJECT / "params.yaml").exists():
        return
    archives.image_names(images)  # or an error that says what is wrong with the file
    WORK.mkdir(parents=True, exist_ok=True)
    git("clone", "--quiet", str(ROOT), str(PROJECT))
    block = BLOCK.format(images=images, sha256=files.file_hash(images))
    with (PROJECT / "datasets.yaml").open("a") as catalogue:
        catalogue.write(block)
    hashed = {"weights": str(weights), "weights_sha256": files.file_hash(weights)}
    targets = preset("pets-fine-tune") | HERE | hashed
    (PROJECT / "params.yaml").write_text(json.dumps(yaml_file.nest(targets), indent=1))
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    git("-C", str(PROJECT), *who, "commit", "-qam", "The photographs")


def preset(name: str) -> dict[str, Any]:
    """A preset's params under dotted names."""
    return yaml_file.flatten(yaml_file.load(ROOT / "presets" / f"{name}.yaml"))


def run(name: str, targets: Mapping[str, Any], target: str = "evaluate") -> None:
    """Run `dvc exp run`, unless there is an experiment of this name.

    Args:
        name: the name of the experiment.
        wanted: params that differ from those committed in the clone.
        target: the stage to run, with all stages before it.

    Raises:
        SystemExit: it fails; its output is in LOG.
    """
    with chdir(PROJECT):
        if name in {one.name for one in runs.experiments()}:
            return
        git("-C", str(PROJECT), "checkout", "-q", "HEAD", "--", "params.yaml")
        own = yaml_file.flatten(yaml_file.load(Path("params.yaml")))
        changed = [f"{key}={json.dumps(v)}" for key, v in targets.items() if own[key] != v]
        began = datetime.now(UTC).isoformat(timespec="seconds")
        print(f"{name} ...", flush=True)
        words = [word for change in changed for word in ("-S", change.replace('"', ""))]
        command = [sys.executable, "-m", "dvc", "exp", "run", target, "-n", name, *words]
        with LOG.open("a") as message:
            failed = subprocess.run(command, stdout=message, stderr=message, check=False).returncode
        keep_seconds(began)  # of a stage before the one that failed, too: DVC keeps what it made
        if failed:
            sys.exit(f"{name}: failed; see {LOG}")


def keep_seconds(began: str) -> None:
    """Store the seconds of each train stage that has run since, under its model's hash."""
    kept = files.read_json(SECONDS) if SECONDS.exists() else {}
    models = hashes(Path("dvc.lock").read_text())
    for stage, model in TRAINED.items():
        record = Path("reports/run") / f"{stage}.json"
        noted = files.read_json(record) if record.exists() else {"ended": ""}
        if noted["ended"] >= began:
            kept[models[model]] = noted["seconds"]
    files.write_json(SECONDS, kept)


def hashes(lock: str) -> dict[str, str]:
    """The hash of each model that a dvc.lock names."""
    stages = yaml_file.parse(lock, "dvc.lock")["stages"]
    return {
        model: next(out["md5"] for out in stages[stage]["outs"] if "models/" in out["path"])
        for stage, model in TRAINED.items()
        if stage in stages
    }


def seconds(name: str) -> float:
    """Inside both train stages of an experiment, whether it ran them or DVC had the result.

    Infinite if they are not known, because a run was interrupted.
    """
    kept = files.read_json(SECONDS)
    with chdir(PROJECT):
        ref = next(one.ref for one in runs.experiments() if one.name == name)
        result = hashes(runs.file_at_commit(ref, "dvc.lock", name))
        return float(sum(kept.get(md5, math.inf) for md5 in result.values()))


def facts() -> str:
    """What all experiments share, as sentences."""
    commit = git("-C", str(PROJECT), "log", "-1", "--skip=1", "--format=%h").strip()
    return (
        f"{results.machine()} Commit {commit}. 722 photographs of the Oxford-IIIT pets (578 to "
        "train, 144 to judge), mobilenet_v2 with ImageNet weights, 224 px, batches of 32."
    )
