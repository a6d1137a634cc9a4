"""How good the last run is: the closing lines of `make run` and `make pets`."""

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
    """The error rate now and at the last commit, what to do next, and notes.

    Raises:
        FileNotFoundError: evaluate has not run.
        ValueError: it ran with other params, data or code than the current ones.
    """
    metrics, status = files.read_json(SUMMARY), workspace.status()
    check(status)
    last = last_commit_metric(metrics)
    return [
        closing_line(metrics, last, next_setting(yaml_file.load(PARAMS)), report_status(status)),
        *drift.notes(),
        *asides(status),
    ]


def check(status: workspace.Status) -> None:
    """Check that the figures belong to the current params, data and code.

    Raises:
        ValueError: they do not.
    """
    if reasons := status.problems("evaluate"):
        raise ValueError(
            f"{SUMMARY} is from other params, data or code than the current ones: "
            f"{workspace.list_reasons(reasons)}; `dvc repro` makes it again"
        )


def asides(status: workspace.Status) -> list[str]:
    """What is missing, and what is not known."""
    notes = []
    if gone := status.missing_files("evaluate"):
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        notes.append(
            f"note: missing: {gone[0]}{more}; `dvc pull` gets them if a remote has them, `dvc "
            "repro` makes them again"
        )
    if status.unknown:
        notes.append(
            "note: cannot tell whether this is from the current params, data and code, because "
            f"`dvc status` fails: {status.unknown}"
        )
    return notes


def report_status(status: workspace.Status) -> str:
    """Where the report is, if it is from this run."""
    if not REPORT.is_file():
        return f"no {REPORT} yet: `dvc repro` makes it"
    if status.problems("report"):
        return f"{REPORT} is from an earlier run: `dvc repro` makes it again"
    return f"report: {REPORT}"


def last_commit_metric(metrics: Mapping[str, Any]) -> str:
    """The same metric at the last commit, with its name and dataset if they differ."""
    if not all(
        git.git_output("ls-tree", "HEAD", f"./{path.as_posix()}") for path in (SUMMARY, LOCK)
    ):
        return "none yet"
    try:
        stages, outs = runs.whole_run("HEAD", "HEAD")
    except ValueError as error:
        return f"not comparable ({error})"
    before, now = dataset(stages), dataset(dvc_lock.load())
    of = "" if before == now else f" ({before})"
    last = json.loads(outs[SUMMARY.as_posix()])
    name = main(last)
    named = "" if name in metrics else f"{name.replace('_', ' ')} "
    return f"{named}{value_text(last)}{of}"


def dataset(stages: dvc_lock.Stages) -> str:
    """The dataset in a dvc.lock."""
    used = dvc_lock.params(stages.get("fetch", {})).get("params.yaml", {})
    return str(used.get("dataset", "of an unknown dataset"))


def main(metrics: Mapping[str, Any]) -> str:
    """The main metric, of images or of ratings."""
    return "rmse" if headline.is_of_ratings(metrics) else headline.main_metric(metrics)


def metric_text(metrics: Mapping[str, Any]) -> str:
    """Such as error rate 0.0111."""
    return f"{main(metrics).replace('_', ' ')} {value_text(metrics)}"


def value_text(metrics: Mapping[str, Any]) -> str:
    """The main metric's value."""
    if headline.is_of_ratings(metrics):
        return f"{metrics['rmse']:.4f}"
    return headline.format_main(metrics)


def count_text(metrics: Mapping[str, Any]) -> str:
    """The number of images, and how many are wrong if that is defined."""
    wrong = f"{round(metrics['error_rate'] * metrics['n'])} of " if "error_rate" in metrics else ""
    what = "ratings" if headline.is_of_ratings(metrics) else "images"
    return f"{wrong}{metrics['n']:,} valid {what}"


def next_setting(params: Mapping[str, Any]) -> str:
    """A learning rate to try next: of the phase that trains.

    >>> next_setting({"lr": 0.003}), next_setting({"lr": 0.01})
    ('lr=1e-3', 'lr=3e-3')
    >>> next_setting({"lr": 0.01, "frozen": {"epochs": 0}, "unfrozen": {"lr_max": 0.003}})
    'unfrozen.lr_max=0.006'
    """
    lr_max = (params.get("unfrozen") or {}).get("lr_max")
    if (params.get("frozen") or {}).get("epochs") == 0 and isinstance(lr_max, int | float):
        return f"unfrozen.lr_max={2 * lr_max:g}"  # upwards: lr_min must not be above it
    return f"lr={'1e-3' if params.get('lr') == 3e-3 else '3e-3'}"


def closing_line(now: Mapping[str, Any], before: str, setting: str, where: str) -> str:
    """The line, from the metrics, the metric at the last commit and what to try next."""
    is_of_ratings = headline.is_of_ratings(now)
    place = "../.venv" if is_of_ratings else ".venv"  # of the ratings, one folder up
    activate = "" if os.environ.get("VIRTUAL_ENV") else f". {place}/bin/activate && "
    report = "" if is_of_ratings else f"{where}; "
    return (
        f"{metric_text(now)} ({count_text(now)}), last commit {before}; {report}next: {activate}"
        f"dvc exp run -S {setting}"
    )
