"""Whether the outputs in the project's folder are one run of its params, data and code."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawprint.core import dvc_lock, yaml_file

GONE = ("deleted", "not in cache")  # DVC's words for what is not here, and so is not another one
Entry = str | Mapping[str, Mapping[str, Any]]  # of `dvc status --json`, a change of a stage


@dataclass(frozen=True)
class Status:
    """DVC's status of each stage, by name."""

    changed: Mapping[str, list[str]]  # why it would run again, a line each
    missing: Mapping[str, list[str]]  # files of its that are not here
    unknown: str = ""  # why DVC says nothing

    def problems(self, stage: str) -> list[str]:
        """Reasons why a stage's outputs do not belong to the current content; empty if they do."""
        stages = dvc_lock.load()
        known = {name: stages[name] for name in dvc_lock.upstream(stages, stage)}
        if not known:
            return dvc_lock.conflicts(stages, stage)
        params = [*params_not_run(known)]
        changed = [line for name in known for line in self.changed.get(name, ())]
        return params or changed or dvc_lock.conflicts(stages, stage)

    def missing_files(self, stage: str) -> list[str]:
        """The files of a stage and of those before it that are missing."""
        known = dvc_lock.upstream(dvc_lock.load(), stage)
        return [*dict.fromkeys(path for name in known for path in self.missing.get(name, ()))]


def status() -> Status:
    """DVC's status of the stages in dvc.yaml."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    answer = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    try:
        stages = json.loads(answer.stdout)
    except ValueError:
        words = [line for line in answer.stderr.splitlines() if line.strip()]
        return Status({}, {}, words[0].removeprefix("ERROR: ") if words else "no answer")
    return read(stages)


def read(stages: Mapping[str, list[Entry]]) -> Status:
    """The output of `dvc status --json`."""
    return Status(
        {name: [*changes(name, entries)] for name, entries in stages.items()},
        {name: [*absent(entries)] for name, entries in stages.items()},
    )


def params_not_run(stages: dvc_lock.Stages) -> Iterator[str]:
    """A line for each param that differs from the one that these stages ran with."""
    for path in ("params.yaml", "datasets.yaml"):
        if Path(path).is_file():
            yield from dvc_lock.unrun_params(stages, path, yaml_file.load(Path(path)))


def changes(stage: str, entries: list[Entry]) -> Iterator[str]:
    """A line for each command, param, dep and out of a stage that has changed."""
    for entry in entries:
        if isinstance(entry, str):
            yield f"the command of {stage} in dvc.yaml has changed"
            continue
        for path, state in entry.get("changed deps", {}).items():
            if isinstance(state, Mapping):
                yield from (f"{key} of {path} has changed since {stage} ran" for key in state)
            elif state == "new":
                yield f"{stage} ran without {path}"
            elif state not in GONE:
                yield f"{path} has changed since {stage} ran"
        for path, state in entry.get("changed outs", {}).items():
            if state not in GONE:
                yield f"{path} is not what {stage} wrote"


def absent(entries: list[Entry]) -> Iterator[str]:
    """The files of a stage that are missing."""
    for entry in entries:
        if isinstance(entry, Mapping):
            for states in entry.values():
                yield from (path for path, state in states.items() if state in GONE)


def list_reasons(lines: list[str]) -> str:
    """The first line, and how many more there are."""
    return lines[0] + (f", and {len(lines) - 1} more like it" if len(lines) > 1 else "")
