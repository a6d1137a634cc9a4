"""`dvc exp show` while an experiment runs: in the workspace, in a copy, from the queue."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.copies import call, ended, running
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
            ended(process, signal.SIGKILL)
            continue
        assert process.returncode == 0, text
        said = json.loads(text, parse_constant=no_number)
        return said[1]["experiments"] or []
    raise AssertionError("dvc exp show hung three times")


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """The row's metrics of train_unfrozen, as far as there are any at this moment."""
    data = row["revs"][0]["data"] or {}
    found = data.get("metrics", {}).get(METRICS, {}).get("data") or {}
    return found.get("unfrozen", {})  # type: ignore[no-any-return]


@pytest.mark.long
@pytest.mark.parametrize("where", COPIES)
def test_the_epochs_of_a_running_experiment_are_seen(copied: Path, where: str) -> None:
    way = [] if where == "workspace" else [f"--{where}"]
    what = ["--name", "live", "-S", f"unfrozen.epochs={EPOCHS}", "train_unfrozen"]
    process = running(copied, "dvc", "exp", "run", *way, *what)
    if where == "queue":
        process.wait()
        start_queue(copied)
    before = json.loads((copied / METRICS).read_text())["unfrozen"]
    seen, copies = list[int](), set[Path]()
    deadline = time.monotonic() + 300
    while queue_ended(copied, "live") is False if where == "queue" else process.poll() is None:
        assert time.monotonic() < deadline
        for row in experiments(copied):
            now = figures(row)
            is_running = (row["executor"] or {}).get("state") == "running"
            if is_running and now.get("train_loss", before["train_loss"]) != before["train_loss"]:
                seen.append(now["epochs"])
        if COPIES[where]:
            copies |= set((copied / ".dvc/tmp/exps").glob(str(COPIES[where])))
    process.communicate()
    assert seen == sorted(seen) and len(set(seen) - {EPOCHS}) >= 2, seen
    (row,) = experiments(copied)
    assert figures(row)["epochs"] == EPOCHS
    assert bool(copies) == (where != "workspace") and not any(copy.exists() for copy in copies)


def test_no_table_of_dvc_has_a_number_that_is_none(copied: Path) -> None:
    call(copied, "dvc", "exp", "run", "--queue", "--name", "waits", "-S", "lr=0.003")
    (row,) = experiments(copied)
    assert row["executor"]["state"] == "queued"
    for command in (("metrics", "show"), ("params", "diff", "HEAD"), ("metrics", "diff", "--all")):
        json.loads(call(copied, "dvc", *command, "--json"), parse_constant=no_number)
