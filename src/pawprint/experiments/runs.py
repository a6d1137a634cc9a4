"""Finished runs in git: commits and DVC experiments, with params and predictions.

A run's settings come from its dvc.lock. Its figure is shown only if that is one complete run of the
params and code in the commit; otherwise it belongs to another run.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pawprint.core import dvc_lock, git, yaml_file

FIGURES = (PREDICTIONS, SUMMARY) = ("reports/predictions.csv", "reports/evaluate.json")
DRAWN = ("preview", "report")  # stages that decide no prediction
SET = ("params.yaml", "datasets.yaml")  # what params are in
EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/([^/]+)")
REMEDY = {
    True: "run the whole graph: `dvc exp apply {name}`, then `dvc exp run` without a stage's name",
    False: "run `dvc repro` there and commit dvc.lock and reports/ together",
}


@dataclass(frozen=True)
class Experiment:
    """A DVC experiment: a git ref that is on no branch."""

    name: str
    base: str  # the commit that it started from
    ref: str


@dataclass(frozen=True)
class Run:
    """One run: its settings, and its mistakes."""

    name: str
    settings: Mapping[str, Any]  # dotted params, and `code` and `pictures` by their hash
    wrong: pd.Series  # of bool, by the picture's name


def experiments() -> list[Experiment]:
    """All experiments in this repository, by name."""
    refs = git.git_output("for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    matches = [match for ref in refs if (match := EXPERIMENT.fullmatch(ref))]
    return sorted(
        (Experiment(m[3], m[1] + m[2], m[0]) for m in matches), key=lambda one: (one.name, one.base)
    )


def select_runs(names: Sequence[str], needed: Sequence[str] = ()) -> tuple[list[Run], list[str]]:
    """The runs of these names; without names, the last commit and all experiments from it.

    Returns:
        The runs, and a line for each run without a valid result.

    Raises:
        ValueError: this is not a git repository, a name is unknown, no run has a valid result, or a
            required run has none.
    """
    head = git.git_output("rev-parse", "--verify", "--quiet", "HEAD").strip()
    if not head:
        raise ValueError("no git commit here; run this in the project's folder")
    known = experiments()
    if names:
        refs = {name: revision(name, known, head) for name in names}
    else:
        last = {"HEAD": head} if git.git_output("ls-tree", head, f"./{PREDICTIONS}") else {}
        refs = last | {one.name: one.ref for one in known if one.base == head}
    if not refs:
        raise ValueError(
            f"nothing to compare: the last commit has no {PREDICTIONS} here, and no experiment "
            "started from it; go to the project's folder, or run `dvc repro` and commit"
        )
    runs, left_out = list[Run](), dict[str, str]()
    for name, ref in refs.items():
        try:
            runs.append(read_run(name, ref))
        except ValueError as error:
            left_out[name] = str(error)
    lacking = [left_out[name] for name in (needed if runs else left_out) if name in left_out]
    if lacking:
        raise ValueError("\n".join(lacking))
    return runs, list(left_out.values())


def revision(name: str, known: Sequence[Experiment], head: str) -> str:
    """The git hash of the experiment or commit of that name.

    Raises:
        ValueError: there is none, or experiments of several commits have that name.
    """
    fitting = [one for one in known if one.name == name]
    if len(fitting) > 1:
        fitting = [one for one in fitting if one.base == head] or fitting
    if len(fitting) > 1:
        raise ValueError(
            f"{name}: experiments of {len(fitting)} commits have this name; give the commit of the "
            "one that you mean, from `dvc exp list --all-commits --sha-only`"
        )
    if fitting:
        return fitting[0].ref
    commit = git.git_output(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if not commit:
        raise ValueError(
            f"{name}: neither an experiment nor a commit; `dvc exp list` and `git log` show them"
        )
    return commit.strip()


def read_run(name: str, commit: str) -> Run:
    """The run in a commit, under the name that the user gave.

    Raises:
        ValueError: it has no valid result (see `whole_run`), or no classes.
    """
    stages, files = whole_run(name, commit)
    if PREDICTIONS not in files:
        raise ValueError(
            f"{name}: stage evaluate wrote no {PREDICTIONS}; use `dvc metrics diff` to compare "
            "anything but classes of images"
        )
    # a class may be called NA, or 007
    table = pd.read_csv(io.BytesIO(files[PREDICTIONS]), dtype="str", keep_default_na=False)
    if (table["probability"] == "").any():
        raise ValueError(
            f"{name}: its images have points or numbers, which are neither right nor wrong; "
            "compare their metrics over commits with `dvc metrics diff`"
        )
    wrong = pd.Series((table["actual"] != table["predicted"]).to_numpy(), table["name"])
    return Run(name, settings({key: one for key, one in stages.items() if key not in DRAWN}), wrong)


def whole_run(name: str, commit: str) -> tuple[dvc_lock.Stages, dict[str, bytes]]:
    """The dvc.lock of a commit and evaluate's outputs, if they are one run of the commit's content.

    Raises:
        ValueError: they are not; the message has the first reason, and the fix.
    """
    remedy = REMEDY[commit.startswith("refs/exps/")].format(name=name)
    text = file_at_commit(commit, str(dvc_lock.FILE), name)
    try:
        stages = dvc_lock.parse(text, f"{name}: its {dvc_lock.FILE}")
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from error
    outs = dvc_lock.hashes(stages, "outs").get("evaluate", {})
    files = git.contents(commit, outs)
    reasons = [f"its {path} is missing" for path in FIGURES if path in outs.keys() - files.keys()]
    reasons += [
        f"its {path} is not the one in its {dvc_lock.FILE}"
        for path in FIGURES
        if path in files and md5(files[path]) != outs[path]
    ]
    reasons += [*dvc_lock.conflicts(stages, "evaluate"), *not_as_run(stages, commit)]
    if reasons:
        more = f" (and {len(reasons) - 1} more like it)" if len(reasons) > 1 else ""
        raise ValueError(f"{name} has no valid result: {reasons[0]}{more}; {remedy}")
    return stages, files


def not_as_run(stages: dvc_lock.Stages, commit: str) -> Iterator[str]:
    """A line for each param and code file that differs between the commit and its dvc.lock."""
    stages = {name: stages[name] for name in dvc_lock.upstream(stages, "evaluate")}
    code: dict[str, str] = {}
    for deps in dvc_lock.hashes(stages, "deps").values():
        code |= {path: digest for path, digest in deps.items() if path.startswith(dvc_lock.CODE)}
    files = git.contents(commit, SET)
    for path in SET:
        if path in files:
            content = yaml_file.parse(files[path].decode(errors="replace"), path)
            yield from dvc_lock.unrun_params(stages, path, content)
    now = code_hashes(commit, code)
    for path, before in code.items():
        if now.get(path, before) != before:
            yield f"its {path} is not the one that ran"


def code_hashes(commit: str, paths: Iterable[str]) -> dict[str, str]:
    """The hash of each file or folder of code in a commit, as in DVC; none for missing ones.

    For a folder, DVC hashes the list of its files. In collab/, `src` is a link to the folder above.
    """
    source = Path("src")  # a file, where git makes no links, as on Windows
    up = "../" if source.is_symlink() or source.is_file() else ""
    places = {f"{up}{path}" if path.startswith("src/") else path: path for path in paths}
    contents = git.contents(commit, git.names(commit, places))
    hashes = {}
    for place, path in places.items():
        inside = {name: data for name, data in contents.items() if name.startswith(f"{place}/")}
        rows = [
            {"md5": md5(data), "relpath": name.removeprefix(f"{place}/")}
            for name, data in sorted(inside.items())
        ]
        if place in contents:
            hashes[path] = md5(contents[place])
        elif rows:
            hashes[path] = f"{md5(json.dumps(rows, sort_keys=True).encode())}.dir"
    return hashes


def md5(content: bytes) -> str:
    """The MD5 hash, as DVC computes it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def file_at_commit(commit: str, path: str, name: str) -> str:
    """The content of a file in a commit.

    Raises:
        ValueError: the commit does not have it.
    """
    text = git.git_output("show", f"{commit}:./{path}")
    if not text:
        raise ValueError(f"{name}: no {path} in it; run `dvc repro` there and commit its outputs")
    return text


def settings(stages: dvc_lock.Stages) -> dict[str, Any]:
    """Everything that decided the predictions: params one by one, images and code by hash."""
    decided: dict[str, Any] = {}
    deps: dict[str, str] = {}
    for name, stage in stages.items():
        for file, params in (stage.get("params") or {}).items():
            if name not in dvc_lock.FETCHED or file == "params.yaml":
                decided |= yaml_file.flatten(params)
        if name not in dvc_lock.FETCHED:
            deps |= {dep["path"]: dep.get("md5", "") for dep in stage.get("deps") or ()}
    images = {path: md5 for path, md5 in deps.items() if path.startswith("data/raw/")}
    code = {path: md5 for path, md5 in deps.items() if path.startswith(("src/", "stages/"))}
    return decided | {"pictures": short_hash(images), "code": short_hash(code)}


def short_hash(content: Mapping[str, str]) -> str:
    """Seven letters of a hash of the text."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:7]
