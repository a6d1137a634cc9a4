"""`dvc exp show` while an experiment runs: in the workspace, in a copy, from the queue."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.copies import call, end_process, running
from tests.test_kills import queue_ended, start_queue

pytestmark = pytest.mark.dvc
EPOCHS, METRICS = 4, "reports/train_unfrozen.json"
COPIES = {"workspace": None, "temp": "standalone/tmp*", "queue": "tmp*"}  # in .dvc/tmp/exps


def no_number(text: str) -> NoReturn:
    raise AssertionError(f"{text} in the JSON of dvc")


def experiments(project: Path) -> list[dict[str, Any]]:
    """The rows of `dvc exp show` below the last commit's.

    Where a copy's run ends while dvc reads its git repository, pygit2 waits for ever (dvc 3.67.1:
    a process stood for 7 minutes in pygit2's _BlobIO.readinto, the pack file removed): ask again.
    """
    for _ in range(3):
        process = running(project, "dvc", "exp", "show", "--json")
        try:
            text, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            end_process(process, signal.SIGKILL)
            continue
        assert process.returncode == 0, text
        content = json.loads(text, parse_constant=no_number)
        return content[1]["experiments"] or []
    raise AssertionError("dvc exp show hung three times")


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """The row's metrics of train_unfrozen, as far as there are any at this moment."""
    data = row["revs"][0]["data"] or {}
    actual = data.get("metrics", {}).get(METRICS, {}).get("data") or {}
    return actual.get("unfrozen", {})  # type: ignore[no-any-return]


@pytest.mark.long
@pytest.mark.parametrize("where", COPIES)
def test_the_epochs_of_a_running_experiment_are_seen(project_copy: Path, where: str) -> None:
    way = [] if where == "workspace" else [f"--{where}"]
    what = ["--name", "live", "-S", f"unfrozen.epochs={EPOCHS}", "train_unfrozen"]
    process = running(project_copy, "dvc", "exp", "run", *way, *what)
    if where == "queue":
        process.wait()
        start_queue(project_copy)
    before = json.loads((project_copy / METRICS).read_text())["unfrozen"]
    seen, copies = list[int](), set[Path]()
    deadline = time.monotonic() + 300
    while (
        queue_ended(project_copy, "live") is False if where == "queue" else process.poll() is None
    ):
        assert time.monotonic() < deadline
        for row in experiments(project_copy):
            now = figures(row)
            is_running = (row["executor"] or {}).get("state") == "running"
            if is_running and now.get("train_loss", before["train_loss"]) != before["train_loss"]:
                seen.append(now["epochs"])
        if COPIES[where]:
            copies |= set((project_copy / ".dvc/tmp/exps").glob(str(COPIES[where])))
    process.communicate()
    assert seen == sorted(seen) and len(set(seen) - {EPOCHS}) >= 2, seen
    (row,) = experiments(project_copy)
    assert figures(row)["epochs"] == EPOCHS
    assert bool(copies) == (where != "workspace") and not any(copy.exists() for copy in copies)


def test_no_table_of_dvc_has_a_number_that_is_none(project_copy: Path) -> None:
    call(project_copy, "dvc", "exp", "run", "--queue", "--name", "waits", "-S", "lr=0.003")
    (row,) = experiments(project_copy)
    assert row["executor"]["state"] == "queued"
    for command in (("metrics", "show"), ("params", "diff", "HEAD"), ("metrics", "diff", "--all")):
        json.loads(call(project_copy, "dvc", *command, "--json"), parse_constant=no_number)
