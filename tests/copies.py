"""Copies of the project in which tests run the real dvc and git commands."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.utils.serialize import dumps_yaml
from filelock import FileLock

from pawprint.core import yaml_file
from tests.conftest import ROOT

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    **{f"GIT_{who}_NAME": "test" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "test@localhost" for who in ("AUTHOR", "COMMITTER")},
}

SMALL = {
    "steps: 100": "steps: 25",
    "epochs: 10": "epochs: 1",
    "arch: resnet18 ": "arch: mobilenet_v3_small ",
    "threads: 2 ": "threads: 1 ",  # two tests at a time share two cores
}


def shrunk(text: str) -> str:
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    return text


def call(folder: Path, *command: str, fails: bool = False) -> str:
    process = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (process.returncode != 0) == fails, process.stdout + process.stderr
    return process.stdout + process.stderr


def stages_run(output: str) -> list[str]:
    return re.findall(r"^> python -m stages\.(\w+)", output, re.M)


def outs(folder: Path) -> dict[str, str]:
    lock = yaml_file.load(folder / "dvc.lock")["stages"]
    return {out["path"]: out["md5"] for stage in lock.values() for out in stage.get("outs", [])}


def fresh_copy(folder: Path, is_small: bool = True) -> Path:
    """A repository of the tracked files, committed, with the params of the digits or small ones."""
    folder.mkdir()
    for name in call(ROOT, "git", "ls-files").splitlines():
        if (ROOT / name).is_symlink():  # collab/src
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    digits = (ROOT / "presets/digits.yaml").read_text()
    (folder / "params.yaml").write_text(shrunk(digits) if is_small else digits)
    call(folder, "git", "init", "-q")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "a copy")
    return folder


def out_of_step(folder: Path) -> str:
    """What DVC would run for other code, commands or params than dvc.lock has; nothing, if none.

    The hashes of outputs decide nothing here: they are those of the machine that wrote the lock.
    So they are made to agree, and the tables that lie in git are taken away.
    """
    whole = yaml_file.load(folder / "dvc.lock")
    entries = [out for stage in whole["stages"].values() for out in stage.get("outs", ())]
    written = {entry["path"]: entry for entry in entries}
    for stage in whole["stages"].values():
        for dep in stage.get("deps", ()):
            dep |= written.get(dep["path"], {})
    for path in written:
        if (folder / path).is_file():
            (folder / path).unlink()
    (folder / "dvc.lock").write_text(dumps_yaml(whole))
    command = ["dvc", "repro", "--dry", "--allow-missing"]
    process = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    return "" if "up to date" in process.stdout else process.stdout + process.stderr


def with_code(folder: Path, *more: str) -> Path:
    """A clone of the last commit, but with the code, and what else is named, as it stands now."""
    call(ROOT, "git", "clone", "-q", str(ROOT), str(folder))
    code = ("dvc.yaml", "src", "stages", "collab/dvc.yaml", "collab/stages")
    for name in (*code, *more):
        target = folder / name
        if (ROOT / name).is_symlink():  # collab/src
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_file():
            shutil.copy(ROOT / name, target)
        else:
            shutil.rmtree(target)
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def lock_out_of_step(folder: Path, inside: str = "") -> str:
    """Whether a run of the code that is here is kept: by the last commit, or in the tree since.

    Returns:
        Nothing if it is, else what DVC would run in the commit.
    """
    committed = out_of_step(with_code(folder / "committed") / inside)
    files = [str(Path(inside, name)) for name in ("dvc.lock", "params.yaml", "datasets.yaml")]
    if not committed or not out_of_step(with_code(folder / "here", *files) / inside):
        return ""
    return committed


def built_copy(folder: Path, is_small: bool = True) -> str:
    """Make a copy that is built and committed: what dvc said."""
    fresh_copy(folder, is_small)
    output = call(folder, "dvc", "repro")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-q", "--allow-empty", "-m", "built")  # equal bytes, perhaps
    return output


@pytest.fixture(scope="session")
def built_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy that has been built once, committed, and what dvc said.

    One for all workers, so that none may run anything in it.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder, words = shared / "built", shared / "built.txt"
    with FileLock(shared / "built.lock"):
        if not words.is_file():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
            words.write_text(built_copy(folder))
    return folder, words.read_text()


@pytest.fixture
def project_copy(built_project: tuple[Path, str], tmp_path: Path) -> Iterator[Path]:
    """A copy of the built project, cache included; no queue worker outlives it."""
    shutil.copytree(built_project[0], tmp_path / "project", symlinks=True)
    yield tmp_path / "project"
    call(tmp_path / "project", "dvc", "queue", "stop", "--kill")


def edit(project: Path, old: str, new: str) -> None:
    text = (project / "params.yaml").read_text()
    assert old in text
    (project / "params.yaml").write_text(text.replace(old, new))


def running(project: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], pattern: str) -> list[str]:
    """Lines up to the first that matches."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError("".join(lines))


def end_process(process: subprocess.Popen[str], how: signal.Signals) -> int:
    """The exit code, once the whole process group has had the signal."""
    os.killpg(process.pid, how)
    process.communicate()
    return process.returncode
