"""The workflow of pull requests: its shell steps run, with stubs for pip and gh alone."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pawprint.core import yaml_file
from tests.conftest import ROOT
from tests.copies import ENVIRONMENT, call, edit

WORKFLOW = ROOT / ".github/workflows/pawprint.yml"
PIP = """#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then echo "python $*" >> "$CALLS"; exit 0; fi
exec {python} "$@"
"""
GH = """#!/bin/sh
echo "gh $*" >> "$CALLS"
case "$*" in *--edit-last*) [ -e "$CALLS.posted" ] || exit 1 ;; esac
cp changes.md "$CALLS.posted"
"""


def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml_file.load(WORKFLOW)
    return loaded


def steps() -> list[dict[str, Any]]:
    actual: list[dict[str, Any]] = workflow()["jobs"]["metrics"]["steps"]
    return actual


def test_the_workflow_may_do_no_more_than_it_does() -> None:
    assert workflow()["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow()["on"] == "pull_request"  # pull_request_target would lend forks a token
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used == ["actions/checkout@v4", "actions/setup-python@v5"]
    assert steps()[0]["with"]["fetch-depth"] == 0
    assert steps()[0]["with"]["persist-credentials"] is False
    assert not re.search(r"https?:|index-url|\.org|\.io", WORKFLOW.read_text())
    assert "-c constraints.txt" in steps()[2]["run"]
    for step in steps():  # what a stranger may name reaches the shell as a variable alone
        assert "${{" not in step.get("run", "")


def test_the_quick_path_runs_on_three_systems() -> None:
    job = workflow()["jobs"]["systems"]
    assert job["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert job["permissions"] == {"contents": "read"}
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert "-c constraints.txt" in lines[0]
    assert lines[1:] == ["dvc repro", "pawprint result", "python -m pytest tests/test_platforms.py"]


def fill_in(text: str, event: dict[str, str]) -> str:
    """The text with the values of its expressions."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: event[found[1]], text)


def is_wanted(condition: str, event: dict[str, str]) -> bool:
    left, right = condition.split(" == ")
    return event[left] == event[right]


def run_steps(folder: Path, event: dict[str, str], calls: Path) -> str:
    """Run the steps as GitHub does: the summary of the job."""
    tools = calls.parent / "tools"
    tools.mkdir()
    for name, text in (("python", PIP.format(python=sys.executable)), ("gh", GH)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    summary = calls.parent / "summary.md"
    around = ENVIRONMENT | {"PATH": f"{tools}:{ENVIRONMENT['PATH']}", "CALLS": str(calls)}
    for step in steps():
        if "run" in step and is_wanted(step.get("if", "1 == 1"), event | {"1": "1"}):
            given = {key: fill_in(str(value), event) for key, value in step.get("env", {}).items()}
            subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=folder, check=True,
                env=around | given | {"GITHUB_STEP_SUMMARY": str(summary)},
            )  # fmt: skip
    return summary.read_text()


@pytest.mark.dvc
@pytest.mark.long
@pytest.mark.parametrize("head", ["owner/pawprint", "stranger/pawprint"])
def test_a_pull_request_shows_what_it_does_to_the_metrics(
    project_copy: Path, tmp_path: Path, head: str
) -> None:
    call(project_copy, "git", "branch", "-qM", "main")
    call(tmp_path, "git", "clone", "-q", str(project_copy), "checkout")
    checkout = tmp_path / "checkout"
    shutil.copytree(project_copy / ".dvc/cache", checkout / ".dvc/cache")  # saves two minutes
    call(checkout, "git", "checkout", "-qb", "faster")
    edit(checkout, "lr: 0.002 ", "lr: 0.003 ")
    call(checkout, "git", "commit", "-qam", "A higher rate")
    event = {
        "github.base_ref": "main",
        "github.token": "secret",
        "github.repository": "owner/pawprint",
        "github.event.pull_request.number": "7",
        "github.event.pull_request.head.repo.full_name": head,
    }
    message = run_steps(checkout, event, tmp_path / "calls")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in message.splitlines()]
    old, new = (
        json.loads(text)["loss"]
        for text in (
            call(project_copy, "git", "show", "main:reports/evaluate.json"),
            (checkout / "reports/evaluate.json").read_text(),
        )
    )
    (row,) = [row for row in rows if row[:2] == ["reports/evaluate.json", "loss"]]
    assert [float(cell) for cell in row[2:]] == pytest.approx([old, new, new - old], abs=1e-5)
    assert row[2] != row[3]
    assert ["params.yaml", "lr", "0.002", "0.003"] in rows
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0].startswith("python -m pip install")
    if head == "owner/pawprint":
        assert calls[1:] == [
            "gh pr comment 7 --body-file changes.md --edit-last",
            "gh pr comment 7 --body-file changes.md",
        ]
        assert (tmp_path / "calls.posted").read_text() == message
    else:
        assert len(calls) == 1
