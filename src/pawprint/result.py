"""How good the last run is: the line that `make run` and `make pets` end with."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawprint import files, git, headlines, yaml12

SUMMARY, LOCK = Path("reports/evaluate.json"), Path("dvc.lock")
PARAMS = Path("params.yaml")


def line() -> str:
    """The error rate now, at the last commit, and what to do next.

    Raises:
        FileNotFoundError: evaluate has not run.
        ValueError: it ran with other params, data or code than are here now.
    """
    found = files.read_json(SUMMARY)
    if is_stale():
        raise ValueError(
            f"{SUMMARY} ({words(found)}) is of other params, data or code "
            "than are here now; `dvc repro` makes it anew"
        )
    return closing(found, then(found), yaml12.load(PARAMS).get("lr"))


def then(found: Mapping[str, Any]) -> str:
    """The same metric at the last commit; its name and data set where these are others."""
    shown, lock = (git.said("show", f"HEAD:./{path.as_posix()}") for path in (SUMMARY, LOCK))
    if not shown or not lock:
        return "none yet"
    before, now = dataset(yaml12.parsed(lock, f"HEAD: {LOCK}")), dataset(yaml12.load(LOCK))
    of = "" if before == now else f" ({before})"
    last = json.loads(shown)
    name = headlines.main(last)
    named = "" if name in found else f"{name.replace('_', ' ')} "
    return f"{named}{last[name]:.4f}{of}"


def dataset(lock: Mapping[str, Any]) -> str:
    """The data set that a dvc.lock tells of."""
    used = lock.get("stages", {}).get("fetch", {}).get("params", {}).get("params.yaml", {})
    return str(used.get("dataset", "of an unknown set"))


def words(found: Mapping[str, Any]) -> str:
    """Such as error rate 0.0111."""
    return headlines.short(found).replace("_", " ")


def count(found: Mapping[str, Any]) -> str:
    """The pictures, and how many of them are wrong where that can be said."""
    wrong = f"{round(found['error_rate'] * found['n'])} of " if "error_rate" in found else ""
    return f"{wrong}{found['n']:,}"


def is_stale() -> bool:
    """Whether DVC would run a stage again."""
    command = [sys.executable, "-m", "dvc", "status", "--quiet"]
    made = subprocess.run(command, capture_output=True, check=False)
    return made.returncode == 1  # 0: nothing has changed; others: no project of DVC's here


def closing(now: Mapping[str, Any], before: str, lr: object) -> str:
    """The line, from the metrics now, the metric at the last commit, and the rate of this run."""
    activate = "" if os.environ.get("VIRTUAL_ENV") else ". .venv/bin/activate && "
    return (
        f"{words(now)} ({count(now)} valid pictures), last commit "
        f"{before}; pictures: reports/report.html; next: {activate}"
        f"dvc exp run -S lr={'1e-3' if lr == 3e-3 else '3e-3'}"
    )
