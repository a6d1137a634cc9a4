"""Finished runs as git keeps them: commits and DVC's experiments, with params and predictions.

What a run was made with is read from its dvc.lock, never from its params.yaml, which may have been
edited since.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pawprint import git, yaml12

PREDICTIONS = "reports/predictions.csv"
DRAWN = ("preview", "report")  # stages that decide no prediction
FETCHED = ("fetch", "weights")  # what these bring is told by its hash, whatever they did for it
EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/([^/]+)")


@dataclass(frozen=True)
class Experiment:
    """One of DVC's experiments: a ref of git's that no branch holds."""

    name: str
    base: str  # the commit that it started from
    ref: str


@dataclass(frozen=True)
class Run:
    """One run: what decided it, and what it got wrong."""

    name: str
    settings: Mapping[str, Any]  # dotted params, and `code` and `pictures` by their hash
    wrong: pd.Series  # of bool, by the picture's name


def experiments() -> list[Experiment]:
    """All experiments that this repository holds, by name."""
    refs = git.said("for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    found = [match for ref in refs if (match := EXPERIMENT.fullmatch(ref))]
    return sorted(
        (Experiment(m[3], m[1] + m[2], m[0]) for m in found), key=lambda one: (one.name, one.base)
    )


def chosen(names: Sequence[str]) -> list[Run]:
    """The runs of these names; without names, the last commit's and all experiments from it.

    Raises:
        ValueError: this is no git repository, a name is unknown, or it holds no whole run.
    """
    head = git.said("rev-parse", "--verify", "--quiet", "HEAD").strip()
    if not head:
        raise ValueError("no commit of git's here; run from the project's folder")
    known = experiments()
    if names:
        return [read(name, revision(name, known, head)) for name in dict.fromkeys(names)]
    mine = [read(one.name, one.ref) for one in known if one.base == head]
    own = git.said("ls-tree", head, f"./{PREDICTIONS}")
    if not own and not mine:
        raise ValueError(
            f"nothing to compare: the last commit holds no {PREDICTIONS} here, and no experiment "
            "started from it; go to the project's folder, or run `dvc repro` and commit"
        )
    return [*([read("HEAD", head)] if own else []), *mine]


def revision(name: str, known: Sequence[Experiment], head: str) -> str:
    """What git calls the experiment or commit of that name.

    Raises:
        ValueError: there is none, or experiments of several commits have it.
    """
    fitting = [one for one in known if one.name == name]
    if len(fitting) > 1:
        fitting = [one for one in fitting if one.base == head] or fitting
    if len(fitting) > 1:
        raise ValueError(
            f"{name}: experiments of {len(fitting)} commits have this name; give the commit of the "
            "one that you mean, as `dvc exp list --all-commits --sha-only` has it"
        )
    if fitting:
        return fitting[0].ref
    commit = git.said("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if not commit:
        raise ValueError(
            f"{name}: neither an experiment nor a commit; `dvc exp list` and `git log` name them"
        )
    return commit.strip()


def read(name: str, commit: str) -> Run:
    """The run that a commit holds, under the name that a person knows it by.

    Raises:
        ValueError: it holds none, or reports that are not those of its dvc.lock.
    """
    lock = yaml12.parsed(shown(commit, "dvc.lock", name), f"{name}: dvc.lock")
    text = shown(commit, PREDICTIONS, name)
    try:
        stages = {key: one for key, one in lock["stages"].items() if key not in DRAWN}
        outs = {x["path"]: x.get("md5") for one in stages.values() for x in one.get("outs", ())}
        found = settings(stages)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{name}: its dvc.lock is not as DVC 3 writes it; run `dvc repro` there and commit it"
        ) from error
    if hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() != outs.get(PREDICTIONS):
        raise ValueError(
            f"{name}: its {PREDICTIONS} is not the one of its dvc.lock; run `dvc repro` there and "
            "commit dvc.lock and reports/ together"
        )
    table = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    if (table["probability"] == "").any():
        raise ValueError(
            f"{name}: its pictures have points, which are neither right nor wrong; compare "
            "rmse_share over commits by `dvc metrics diff`"
        )
    wrong = pd.Series((table["actual"] != table["predicted"]).to_numpy(), table["name"])
    return Run(name, found, wrong)


def shown(commit: str, path: str, name: str) -> str:
    """A file of a commit.

    Raises:
        ValueError: it has none such.
    """
    text = git.said("show", f"{commit}:./{path}")
    if not text:
        raise ValueError(
            f"{name}: no {path} in it; run `dvc repro` there and commit what it writes"
        )
    return text


def settings(stages: Mapping[str, Any]) -> dict[str, Any]:
    """All that decided the predictions: params one by one, pictures and code by hash."""
    found: dict[str, Any] = {}
    deps: dict[str, str] = {}
    for name, stage in stages.items():
        for file, params in stage.get("params", {}).items():
            if name not in FETCHED or file == "params.yaml":
                found |= flat(params)
        if name not in FETCHED:
            deps |= {dep["path"]: dep.get("md5", "") for dep in stage.get("deps", ())}
    pictures = {path: md5 for path, md5 in deps.items() if path.startswith("data/raw/")}
    code = {path: md5 for path, md5 in deps.items() if path.startswith(("src/", "stages/"))}
    return found | {"pictures": short(pictures), "code": short(code)}


def flat(params: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested params under dotted names."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{before}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def short(content: Mapping[str, str]) -> str:
    """Seven letters that tell contents apart."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:7]
