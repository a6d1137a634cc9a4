"""What `make pets` says before it begins, and the row of RESULTS.md that it ends with."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks import results

ROOT = Path(__file__).parents[1]
RUN = ROOT / "reports" / "run"
TITLE = "The chapter itself: make pets"
HEAD = ("preset", "date and machine", "type", "training s", "in all s", "error %", "n", "commit")
NEEDED = 7.0  # GB: the archive twice (kept, and linked or copied), the cache, models
TRAINING = ("train_frozen", "train_unfrozen")


def needs(preset: str) -> str:
    """Disk and time, and a stop where the disk is too small.

    Raises:
        SystemExit: no such preset, or too little room.
    """
    if not (ROOT / "presets" / f"{preset}.yaml").is_file():
        known = ", ".join(sorted(path.stem for path in (ROOT / "presets").glob("pets-*.yaml")))
        sys.exit(f"make pets: no presets/{preset}.yaml; PRESET may be one of {known}")
    free = shutil.disk_usage(ROOT).free / 1e9
    cached = (ROOT / "data" / "presized" / "images.npy").exists()
    if free < NEEDED and not cached:
        sys.exit(f"make pets: {free:.1f} GB are free here, {NEEDED:.0f} are needed; make room")
    here = (
        "on this GPU minutes" if torch.cuda.is_available() else "without a GPU hours, on few cores"
    )
    return (
        f"{preset}: downloads 0.8 GB, keeps 4.7 GB of decoded pictures ({free:.0f} GB are free); "
        f"{here}. Broken off, it goes on where it was."
    )


def seconds(stages: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """Seconds inside these stages; of a run that resumed, those since then."""
    return float(sum(stages[name]["seconds"] for name in names))


def row(preset: str) -> list[str]:
    """The line of this run, from what its stages left."""
    stages = {path.stem: json.loads(path.read_text()) for path in sorted(RUN.glob("*.json"))}
    judged = json.loads((ROOT / "reports" / "evaluate.json").read_text())
    machine = stages["train_unfrozen"]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT, check=True, text=True, capture_output=True,
    ).stdout.strip()  # fmt: skip
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
    made = row(given.preset)
    results.append(TITLE, HEAD, made)
    print(f"added to {results.FILE.relative_to(ROOT)}: {' | '.join(made)}")


if __name__ == "__main__":
    main()
