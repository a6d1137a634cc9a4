"""How good the last run is: the lines that `make run` and `make pets` end with."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawprint.core import dvc_lock, files, git, yaml_file
from pawprint.evaluation import headline
from pawprint.experiments import drift, runs, workspace

SUMMARY, LOCK = Path("reports/evaluate.json"), Path("dvc.lock")
PARAMS, REPORT = Path("params.yaml"), Path("reports/report.html")


def lines() -> list[str]:
    """The error rate now, at the last commit, and what to do next; then notes.

    Raises:
        FileNotFoundError: evaluate has not run.
        ValueError: it ran with other params, data or code than are here now.
    """
    metrics, status = files.read_json(SUMMARY), workspace.status()
    check(status)
    last = last_commit_metric(metrics)
    return [
        closing_line(metrics, last, yaml_file.load(PARAMS).get("lr"), report_status(status)),
        *drift.notes(),
        *asides(status),
    ]


def check(status: workspace.Status) -> None:
    """The figures are of what is here now.

    Raises:
        ValueError: they are not.
    """
    if reasons := status.problems("evaluate"):
        raise ValueError(
            f"{SUMMARY} is of other params, data or code than are here now: "
            f"{workspace.list_reasons(reasons)}; `dvc repro` makes it again"
        )


def asides(status: workspace.Status) -> list[str]:
    """What is not here, and what is not known."""
    notes = []
    if gone := status.missing_files("evaluate"):
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        notes.append(
            f"note: not here are {gone[0]}{more}: `dvc pull` brings them where a remote has them, "
            "`dvc repro` makes them again"
        )
    if status.unknown:
        notes.append(
            "note: whether this is of the params, data and code that are here is not known, since "
            f"`dvc status` fails: {status.unknown}"
        )
    return notes


def report_status(status: workspace.Status) -> str:
    """Where the report is, if it is of this run."""
    if not REPORT.is_file():
        return f"{REPORT} is not here yet: `dvc repro` makes it"
    if status.problems("report"):
        return f"{REPORT} is of an earlier run: `dvc repro` makes it again"
    return f"pictures: {REPORT}"


def last_commit_metric(metrics: Mapping[str, Any]) -> str:
    """The same metric at the last commit; its name and data set where these are others."""
    if not all(
        git.git_output("ls-tree", "HEAD", f"./{path.as_posix()}") for path in (SUMMARY, LOCK)
    ):
        return "none yet"
    try:
        stages, outs = runs.whole_run("HEAD", "HEAD")
    except ValueError as error:
        return f"none to compare with ({error})"
    before, now = dataset(stages), dataset(dvc_lock.load())
    of = "" if before == now else f" ({before})"
    last = json.loads(outs[SUMMARY.as_posix()])
    name = main(last)
    named = "" if name in metrics else f"{name.replace('_', ' ')} "
    return f"{named}{last[name]:.4f}{of}"


def dataset(stages: dvc_lock.Stages) -> str:
    """The data set that a dvc.lock tells of."""
    used = dvc_lock.params(stages.get("fetch", {})).get("params.yaml", {})
    return str(used.get("dataset", "of an unknown set"))


def main(metrics: Mapping[str, Any]) -> str:
    """The metric that counts most, of pictures or of ratings."""
    return "rmse" if headline.is_of_ratings(metrics) else headline.main_metric(metrics)


def metric_text(metrics: Mapping[str, Any]) -> str:
    """Such as error rate 0.0111."""
    return f"{main(metrics).replace('_', ' ')} {metrics[main(metrics)]:.4f}"


def count_text(metrics: Mapping[str, Any]) -> str:
    """The pictures, and how many of them are wrong where that can be said."""
    wrong = f"{round(metrics['error_rate'] * metrics['n'])} of " if "error_rate" in metrics else ""
    what = "ratings" if headline.is_of_ratings(metrics) else "pictures"
    return f"{wrong}{metrics['n']:,} valid {what}"


def closing_line(now: Mapping[str, Any], before: str, lr: object, where: str) -> str:
    """The line, from the metrics now, the metric at the last commit, and the rate of this run."""
    is_of_ratings = headline.is_of_ratings(now)
    place = "../.venv" if is_of_ratings else ".venv"  # of the ratings, one folder up
    activate = "" if os.environ.get("VIRTUAL_ENV") else f". {place}/bin/activate && "
    report = "" if is_of_ratings else f"{where}; "
    return (
        f"{metric_text(now)} ({count_text(now)}), last commit {before}; {report}next: {activate}"
        f"dvc exp run -S lr={'1e-3' if lr == 3e-3 else '3e-3'}"
    )
