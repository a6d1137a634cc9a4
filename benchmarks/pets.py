"""What `make pets` prints before it starts, and the row of RESULTS.md at its end."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks import results
from pawprint.core import git
from pawprint.experiments import workspace

ROOT = Path(__file__).parents[1]
RUN = ROOT / "reports" / "run"
TITLE = "The chapter itself: make pets"
HEAD = ("preset", "date and machine", "type", "training s", "in all s", "error %", "n", "commit")
NEEDED = 7.0  # GB: the archive twice (kept, and linked or copied), the cache, models
CACHE = 4e9  # bytes of the decoded pets, at least
TRAINING = ("train_frozen", "train_unfrozen")


def needs(preset: str) -> str:
    """Print disk space and time; stop if the disk is too small or work would be overwritten.

    Raises:
        SystemExit: no such preset, an edited params.yaml, or too little disk space.
    """
    presets = {path.stem: path for path in sorted((ROOT / "presets").glob("*.yaml"))}
    if preset not in presets:
        sys.exit(f"make pets: no presets/{preset}.yaml; set PRESET to one of {', '.join(presets)}")
    params = (ROOT / "params.yaml").read_text()
    if params not in [
        git.git_output("show", "HEAD:params.yaml"),
        *(p.read_text() for p in presets.values()),
    ]:
        sys.exit("make pets: params.yaml has uncommitted changes; commit or discard them")
    free = shutil.disk_usage(ROOT).free / 1e9
    cache = ROOT / "data" / "presized" / "images"
    if free < NEEDED and sum(path.stat().st_size for path in cache.glob("*.npy")) < CACHE:
        sys.exit(
            f"make pets: {free:.1f} GB are free here, but {NEEDED:.0f} are needed; free some space"
        )
    for path in RUN.glob("*.json"):  # so that the row is of this run
        path.unlink()
    where = "minutes on this GPU" if torch.cuda.is_available() else "hours, because there is no GPU"
    return (
        f"{preset}: downloads 0.8 GB, keeps 4.7 GB of decoded images ({free:.0f} GB are free); "
        f"{where}. If interrupted, it continues where it stopped."
    )


def seconds(stages: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """Seconds inside these stages; for a resumed run, those since then."""
    return float(sum(stages[name]["seconds"] for name in names))


def row(preset: str) -> list[str]:
    """The line of this run, from the records of its stages; for a resumed run, since it resumed.

    Raises:
        SystemExit: nothing was trained, or with other params, data or code than the current ones.
    """
    if reasons := workspace.status().problems("evaluate"):
        sys.exit(f"no row for benchmarks/RESULTS.md: {reasons[0]}; run `dvc repro` first")
    stages = {path.stem: json.loads(path.read_text()) for path in sorted(RUN.glob("*.json"))}
    if not set(TRAINING) <= set(stages):
        sys.exit("no row for benchmarks/RESULTS.md: DVC took a model from its cache")
    judged = json.loads((ROOT / "reports" / "evaluate.json").read_text())
    machine = stages["train_unfrozen"]
    changed = git.git_output("status", "--short", "--", "src", "stages", "dvc.yaml")
    commit = git.git_output("rev-parse", "--short", "HEAD").strip() + ("-dirty" if changed else "")
    return [
        preset,
        f"{machine['ended'][:10]}, {machine['device']} ({machine['instructions']})",
        machine["dtype"],
        f"{seconds(stages, TRAINING):.0f}",
        f"{seconds(stages, tuple(stages)):.0f}",
        f"{100 * judged['error_rate']:.2f}",
        str(judged["n"]),
        commit,
    ]


def main() -> None:
    """`needs PRESET` before the run, `row PRESET` after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("needs", "row"))
    parser.add_argument("preset")
    given = parser.parse_args()
    if given.what == "needs":
        print(needs(given.preset))
        return
    result = row(given.preset)
    results.append(TITLE, HEAD, result)
    print(f"added to {results.FILE.relative_to(ROOT)}: {' | '.join(result)}")


if __name__ == "__main__":
    main()
