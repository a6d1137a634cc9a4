"""Check that a commit can be rebuilt: run the whole graph in a clone, and compare the hashes.

The working tree does not change, except for the store: it provides earlier downloads, and gets new
ones. Everything else is built again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawprint.core import dvc_lock, files, git, yaml_file
from pawprint.data import catalog, downloads
from pawprint.terminal.console import RUN, format_seconds

LOCK, TRAINED = Path("dvc.lock"), ("train_unfrozen.json", "train.json")  # of pictures, of ratings
MACHINE_KEYS = ("device", "instructions", "dtype", "python")  # what may change the last bits
TRACKED = ("dvc.lock", "dvc.yaml", "params.yaml", "datasets.yaml", "manifests", "src", "stages")


def verify_commit(root: Path) -> tuple[bool, list[str]]:
    """Rebuild the last commit of `root` in a temporary clone, and compare the outputs.

    Returns:
        Whether everything is equal, and the lines to print.

    Raises:
        ValueError: there is no commit with a dvc.lock, or the run in the clone fails; its own
            output is above.
    """
    here = ("-C", str(root))
    commit = git.git_output(*here, "rev-parse", "--short", "HEAD").strip()
    if not git.git_output(*here, "ls-files", str(LOCK)):
        raise ValueError("no commit here has a dvc.lock; run `dvc repro` and commit it")
    toplevel, prefix = (
        git.git_output(*here, "rev-parse", f"--show-{word}").strip()
        for word in ("toplevel", "prefix")
    )
    lines = []
    if git.git_output(*here, "status", "--short", "--", *TRACKED, *(["../src"] if prefix else [])):
        lines.append(f"note: this verifies {commit}, without your changes since")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="pawprint-verify-") as folder:
        clone = Path(folder) / "clone" / prefix
        command = ["git", "clone", "--quiet", toplevel, str(Path(folder) / "clone")]
        if subprocess.run(command, check=False).returncode:
            raise ValueError(f"git could not clone {toplevel}; see above")
        before = outs(yaml_file.load(clone / LOCK))
        lines += mixed_run_notes(clone, commit)
        _link(root, clone)
        _rerun(clone)
        after = outs(yaml_file.load(clone / LOCK))
        facts = _facts(clone)
    wrong = differing_outs(before, after)
    equal = len(before) - len(wrong)
    took = format_seconds(time.perf_counter() - began)
    lines.append(f"{equal} of {len(before)} outputs of {commit} are equal, in {took}")
    lines += [f"differs: {path}" for path in wrong]
    if wrong:
        lines.append(explain_difference(_facts(root), facts))
    return not wrong, lines


def mixed_run_notes(clone: Path, commit: str) -> list[str]:
    """A note if a dvc.lock mixes parts of several runs."""
    stages = dvc_lock.parse((clone / LOCK).read_text(encoding="utf-8"), f"{commit}: {LOCK}")
    if "evaluate" not in stages or not (reasons := dvc_lock.conflicts(stages, "evaluate")):
        return []
    return [f"note: {commit} mixes parts of several runs: {reasons[0]}"]


def outs(whole: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each output, in the order of dvc.lock."""
    return {
        out["path"]: out["md5"]
        for stage in whole["stages"].values()
        for out in stage.get("outs", ())
    }


def differing_outs(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The paths that have another hash, or are missing."""
    return [path for path, md5 in before.items() if after.get(path) != md5]


def explain_difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The possible cause, as far as known: another kind of machine or other versions.

    Args:
        then: the record of the last training here; empty if there is none.
        now: the record of the clone's training.
    """
    if not then:
        return "the machine that made them is not known here (reports/run is not in git)"
    before, after = (
        {key: run.get(key) for key in MACHINE_KEYS} | run.get("versions", {}) for run in (then, now)
    )
    other = [
        f"{key} {before.get(key)} -> {after.get(key)}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]
    if other:
        return f"possible cause (another machine or other versions): {', '.join(other)}"
    return "no known cause: the kind of machine and all versions are those of the last run here"


def _rerun(clone: Path) -> None:
    # the `python` of the stages' commands must be this one
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # --no-commit: hashes are all that is wanted, and the clone's cache goes with it
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-commit"]
    process = subprocess.run(command, cwd=clone, env={**os.environ, "PATH": path}, check=False)
    if process.returncode == 130:
        raise KeyboardInterrupt
    if process.returncode:
        raise ValueError("the run in the clone failed; see above")


def _link(root: Path, clone: Path) -> None:
    """Link what is next to the project but not in git: archives, images, weights."""
    whole = yaml_file.load(clone / "params.yaml")
    block = yaml_file.load(clone / catalog.FILE).get(whole["dataset"], {})
    parts = [part for part in block.values() if isinstance(part, dict)]
    named = [part.get(key) for part in parts for key in ("url", "file")]
    for name in (downloads.STORE.name, *filter(None, [*named, whole.get("weights")])):
        source, target = root / name, clone / name
        # an absolute path is there without a link; of collab/, ../ still lies in the clone's folder
        inside = clone.parent.resolve() in target.resolve().parents
        if inside and source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source, target)


def _link_file(source: str, target: str) -> None:
    files.link_or_copy(Path(source), Path(target))


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.resolve())
    except OSError:  # Windows grants symbolic links to developers alone
        if source.is_dir():
            shutil.copytree(source, target, copy_function=_link_file)
        else:
            files.link_or_copy(source, target)


def _facts(root: Path) -> dict[str, Any]:
    for path in (root / RUN / name for name in TRAINED):
        if path.is_file():
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return facts
    return {}
