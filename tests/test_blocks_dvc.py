"""Blocks under the real dvc: a version stores what is new, and comes back whole from a remote."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import picture
from tests.copies import call, edit, end_process, outs, running, stages_run, wait_for

pytestmark = pytest.mark.dvc
REPRO = ("dvc", "repro", "label", "presize")
NEW = ("pawprint", "new", "mine")
RULE = ("--pattern", r"^([a-z]+)_\d+\.jpg$")


def add_images(project: Path, first: int, count: int) -> None:
    (project / "pics").mkdir(exist_ok=True)
    for i in range(first, first + count):
        name = f"{'cat' if i % 2 else 'dog'}_{i:03d}.jpg"
        (project / "pics" / name).write_bytes(picture(40, 30, seed=i))


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_version_is_stored_pushed_pulled_and_taken_back(project_copy: Path) -> None:
    project, remote = project_copy, project_copy.parent / "remote"
    (project / ".git/info/exclude").write_text("/pics\n")
    call(project, "dvc", "remote", "add", "--default", "store", str(remote))
    add_images(project, 0, 300)
    call(project, *NEW, "pics", *RULE, "--commit")
    edit(project, "dataset: digits ", "dataset: mine ")
    edit(project, "split: random ", "split: hash ")
    assert sorted(stages_run(call(project, *REPRO))) == ["fetch", "label", "presize"]
    call(project, "git", "commit", "-qam", "One")
    call(project, "dvc", "push", "label", "presize", "fetch")
    first, before = outs(project), stored(remote)
    sides = (project / "data/labels.csv").read_text().splitlines()

    add_images(project, 300, 5)
    said = call(project, *NEW, "--update", "--commit")
    assert "blocks     1 new (0.0 MB), 3 as before" in said
    assert "label.split: hash: no image changes sides; of 5 new ones" in said
    said = call(project, *REPRO)
    assert sorted(stages_run(said)) == ["fetch", "label", "presize"]
    assert "305 images, 1 MB; 5 decoded, of 1 of 4 blocks" in said
    assert set(sides) <= {*(project / "data/labels.csv").read_text().splitlines()}
    assert "didn't change" in call(project, *REPRO)
    call(project, "git", "commit", "-qam", "Two")
    call(project, "dvc", "push", "label", "presize", "fetch")
    second = outs(project)
    # a block of files and one of pixels, the lists of both folders, three tables, a manifest
    assert len(stored(remote) - before) == 8

    # a fresh clone has it all from the remote, and nothing runs
    clone = project.parent / "clone"
    call(project.parent, "git", "clone", "-q", str(project), str(clone))
    call(clone, "dvc", "pull", "label", "presize", "fetch")
    assert stages_run(call(clone, *REPRO)) == [] and outs(clone) == second
    names = {path.name for path in (clone / "data/presized/images").iterdir()}
    assert names == {path.name for path in (project / "data/presized/images").iterdir()}

    # the version before comes from the run cache; an experiment in a copy needs no folder
    call(project, "git", "checkout", "-q", "HEAD~2", "--", "datasets.yaml", "manifests")
    assert stages_run(call(project, *REPRO)) == []
    assert {key: outs(project)[key] for key in second} == first
    call(project, "git", "checkout", "-q", "HEAD", "--", ".")
    call(project, *REPRO)
    assert outs(project) == second

    # what gc leaves is enough to go on, and a killed presize begins where it was
    call(project, "dvc", "gc", "-wf")
    shutil.rmtree(project / ".presized")
    process = running(project, "dvc", "repro", "--force", "-s", "presize")
    wait_for(process, "python -m stages.presize")
    while not list(project.glob(".presized/*/*.npy")):
        time.sleep(0.01)
    end_process(process, signal.SIGKILL)
    (project / ".dvc/tmp/rwlock").unlink(missing_ok=True)
    call(project, "dvc", "repro", "--force", "-s", "presize")
    assert outs(project) == second
    for path in (project / "data/raw/pictures").glob("*.tar"):
        assert path.stat().st_size > 1000
