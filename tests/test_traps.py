"""What docs/dvc.md warns of, sprung on purpose: gc, and writing into the cache."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.copies import call, outs, stages_run

pytestmark = [pytest.mark.dvc, pytest.mark.long]
MODEL = "models/unfrozen.safetensors"
MIRRORED = ("dvc", "exp", "run", "--name", "mirrored", "-S", "evaluate.tta=flip")


def is_whole(project: Path, name: str) -> bool:
    digest = hashlib.md5((project / name).read_bytes(), usedforsecurity=False).hexdigest()
    return digest == outs(project)[name]


def read_cache(project: Path, name: str) -> Path:
    digest = outs(project)[name]
    return project / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


def put_back(project: Path) -> None:
    call(project, "git", "checkout", "-q", ".")
    call(project, "dvc", "checkout", "-q")


def link_files(project: Path) -> None:
    """A copied tree has no links."""
    call(project, "dvc", "config", "--local", "cache.type", "hardlink")
    call(project, "dvc", "checkout", "--relink")
    assert (project / MODEL).samefile(read_cache(project, MODEL))


@pytest.mark.parametrize("keep", ["--workspace", "--all-commits"])
def test_gc_deletes_the_files_of_experiments(project_copy: Path, keep: str) -> None:
    call(project_copy, *MIRRORED)
    put_back(project_copy)
    call(project_copy, "dvc", "gc", keep, "--force")
    assert "mirrored" in call(project_copy, "dvc", "exp", "list")
    output = call(project_copy, "dvc", "exp", "apply", "mirrored", fails=True)
    assert "Checkout failed" in output and "reports/report.html" in output
    assert stages_run(call(project_copy, "dvc", "repro")) == ["report"]
    assert "up to date" in call(project_copy, "dvc", "status")


def test_the_safe_gc_costs_time_but_no_data(project_copy: Path) -> None:
    call(project_copy, *MIRRORED)
    put_back(project_copy)
    call(project_copy, "dvc", "gc", "--all-commits", "--all-experiments", "--force")
    call(project_copy, "dvc", "exp", "apply", "mirrored")
    assert "up to date" in call(project_copy, "dvc", "status")
    put_back(project_copy)
    assert stages_run(call(project_copy, *MIRRORED[:3], "-S", "evaluate.tta=flip")) == ["evaluate"]


def test_a_write_into_the_cache_costs_the_file(project_copy: Path) -> None:
    link_files(project_copy)
    assert (project_copy / MODEL).stat().st_mode & 0o222 == 0
    (project_copy / MODEL).chmod(0o644)
    with (project_copy / MODEL).open("ab") as file:
        file.write(b"x")
    assert "not in cache" in call(project_copy, "dvc", "status")
    assert not read_cache(project_copy, MODEL).exists()
    assert "train_unfrozen" in stages_run(call(project_copy, "dvc", "repro", "--dry"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write into a read-only file")
def test_dvc_does_not_see_what_root_writes_into_the_cache(project_copy: Path) -> None:
    link_files(project_copy)
    with (project_copy / MODEL).open("ab") as file:
        file.write(b"x")
    assert "modified" in call(project_copy, "dvc", "status")
    call(project_copy, "dvc", "checkout", "--force")
    assert "up to date" in call(project_copy, "dvc", "status")
    assert not is_whole(project_copy, MODEL)
    read_cache(project_copy, MODEL).unlink()
    (project_copy / MODEL).unlink()
    assert "not in cache" in call(project_copy, "dvc", "status")
