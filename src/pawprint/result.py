"""How good the last run is: the line that `make run` and `make pets` end with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pawprint import files, git

SUMMARY = Path("reports/evaluate.json")


def line() -> str:
    """The error rate now, at the last commit, and what to do next.

    Raises:
        FileNotFoundError: evaluate has not run.
        ValueError: it ran with other params, data or code than are here now.
    """
    found = files.read_json(SUMMARY)
    if is_stale():
        raise ValueError(
            f"{SUMMARY} (error rate {found['error_rate']:.4f}) is of other params, data or code "
            "than are here now; `dvc repro` makes it anew"
        )
    return closing(found, committed(SUMMARY))


def is_stale() -> bool:
    """Whether DVC would run a stage again."""
    command = [sys.executable, "-m", "dvc", "status", "--quiet"]
    made = subprocess.run(command, capture_output=True, check=False)
    return made.returncode == 1  # 0: nothing has changed; others: no project of DVC's here


def committed(path: Path) -> dict[str, Any] | None:
    """The file as the last commit has it; None if it has none."""
    shown = git.said("show", f"HEAD:./{path.as_posix()}")
    return json.loads(shown) if shown else None


def closing(now: dict[str, Any], before: dict[str, Any] | None) -> str:
    """The line, from the metrics now and at the last commit."""
    wrong = round(now["error_rate"] * now["n"])
    then = f"{before['error_rate']:.4f}" if before else "none yet"
    activate = "" if os.environ.get("VIRTUAL_ENV") else ". .venv/bin/activate && "
    return (
        f"error rate {now['error_rate']:.4f} ({wrong} of {now['n']:,} valid pictures), last commit "
        f"{then}; pictures: reports/report.html; next: {activate}"
        "dvc exp run -S lr=3e-3"
    )
