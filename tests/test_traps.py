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


def cached(project: Path, name: str) -> Path:
    digest = outs(project)[name]
    return project / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


def put_back(project: Path) -> None:
    call(project, "git", "checkout", "-q", ".")
    call(project, "dvc", "checkout", "-q")


def linked(project: Path) -> None:
    """A copied tree has no links."""
    call(project, "dvc", "config", "--local", "cache.type", "hardlink")
    call(project, "dvc", "checkout", "--relink")
    assert (project / MODEL).samefile(cached(project, MODEL))


@pytest.mark.parametrize("keep", ["--workspace", "--all-commits"])
def test_gc_deletes_the_files_of_experiments(copied: Path, keep: str) -> None:
    call(copied, *MIRRORED)
    put_back(copied)
    call(copied, "dvc", "gc", keep, "--force")
    assert "mirrored" in call(copied, "dvc", "exp", "list")
    said = call(copied, "dvc", "exp", "apply", "mirrored", fails=True)
    assert "Checkout failed" in said and "reports/report.html" in said
    assert stages_run(call(copied, "dvc", "repro")) == ["report"]
    assert "up to date" in call(copied, "dvc", "status")


def test_the_safe_gc_costs_time_but_no_data(copied: Path) -> None:
    call(copied, *MIRRORED)
    put_back(copied)
    call(copied, "dvc", "gc", "--all-commits", "--all-experiments", "--force")
    call(copied, "dvc", "exp", "apply", "mirrored")
    assert "up to date" in call(copied, "dvc", "status")
    put_back(copied)
    assert stages_run(call(copied, *MIRRORED[:3], "-S", "evaluate.tta=flip")) == ["evaluate"]


def test_a_write_into_the_cache_costs_the_file(copied: Path) -> None:
    linked(copied)
    assert (copied / MODEL).stat().st_mode & 0o222 == 0
    (copied / MODEL).chmod(0o644)
    with (copied / MODEL).open("ab") as file:
        file.write(b"x")
    assert "not in cache" in call(copied, "dvc", "status")
    assert not cached(copied, MODEL).exists()
    assert "train_unfrozen" in stages_run(call(copied, "dvc", "repro", "--dry"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write into a read-only file")
def test_dvc_does_not_see_what_root_writes_into_the_cache(copied: Path) -> None:
    linked(copied)
    with (copied / MODEL).open("ab") as file:
        file.write(b"x")
    assert "modified" in call(copied, "dvc", "status")
    call(copied, "dvc", "checkout", "--force")
    assert "up to date" in call(copied, "dvc", "status")
    assert not is_whole(copied, MODEL)
    cached(copied, MODEL).unlink()
    (copied / MODEL).unlink()
    assert "not in cache" in call(copied, "dvc", "status")
