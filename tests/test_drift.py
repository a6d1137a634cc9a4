"""What is said where only the machine differs from the last commit's: locks with other hashes."""

import copy
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml

from pawprint.core import yaml_file
from pawprint.experiments import drift
from tests.conftest import ROOT
from tests.copies import call

Stages = dict[str, Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose commit has the lock of the digits, as the working folder."""
    monkeypatch.chdir(tmp_path)
    call(tmp_path, "git", "init", "-q")
    put(commit_files())
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-qm", "Built elsewhere")
    return tmp_path


def commit_files(folder: str = "") -> Stages:
    stages: Stages = yaml_file.load(ROOT / folder / "dvc.lock")["stages"]
    return stages


def put(stages: Stages) -> None:
    Path("dvc.lock").write_text(dumps_yaml({"stages": stages}))


def rerun(stages: Stages, *names: str) -> Stages:
    """The lock of another machine: these stages wrote, and later ones read, other bytes."""
    result = copy.deepcopy(stages)
    outs = {out["path"] for name in names for out in result[name]["outs"]}
    for stage in result.values():
        for entry in [*stage.get("deps", ()), *stage.get("outs", ())]:
            if entry["path"] in outs:
                entry["md5"] = f"here {entry['path']}"
    return result


TRAINED = ("train_frozen", "lr_find_unfrozen", "train_unfrozen", "evaluate", "report")


def test_equal_bits_need_no_word(project: Path) -> None:
    assert drift.notes() == []


def test_a_fresh_clone_is_told_of_its_bits_and_of_the_finder_it_has_kept(project: Path) -> None:
    put(rerun(commit_files(), *TRAINED))
    bits, finder = drift.notes()
    assert bits.startswith(
        "note: the same params and code gave other results than at the last commit "
        "(models/frozen.safetensors and "
    )
    assert "`git checkout HEAD -- dvc.lock reports` undoes it" in bits
    assert finder.startswith("note: the results of lr_find come from the last commit")
    assert "`dvc repro --force --single-item lr_find`, then `dvc repro`" in finder
    call(project, "git", "add", "dvc.lock")  # as DVC does by core.autostage
    call(project, "git", "checkout", "HEAD", "--", "dvc.lock")
    assert drift.notes() == []


def test_once_the_finder_has_run_here_too_nothing_is_mixed(project: Path) -> None:
    put(rerun(commit_files(), "lr_find", *TRAINED))
    (line,) = drift.notes()
    assert "(reports/lr_find" in line
    call(project, "git", "commit", "-qam", "Rebuild here")
    assert drift.notes() == []


def test_the_second_finder_is_kept_where_the_first_phase_came_out_equal(project: Path) -> None:
    put(rerun(commit_files(), "train_unfrozen", "evaluate", "report"))
    assert [line for line in drift.notes() if "results of lr_find_unfrozen" in line]


def other_param(stages: Stages) -> None:
    stages["train_frozen"]["params"]["params.yaml"]["lr"] = 0.5


def other_code(stages: Stages) -> None:
    (dep,) = [
        dep for dep in stages["train_frozen"]["deps"] if dep["path"] == "stages/train_frozen.py"
    ]
    dep["md5"] = "edited"


@pytest.mark.parametrize("change", [other_param, other_code])
def test_what_other_inputs_did_is_no_matter_of_the_machine(project: Path, change: Any) -> None:
    stages = rerun(commit_files(), *TRAINED)
    change(stages)
    put(stages)
    assert drift.notes() == []


def test_where_other_data_were_fetched_the_machine_alone_is_not_blamed(project: Path) -> None:
    put(rerun(commit_files(), *commit_files()))
    (line,) = drift.notes()
    assert "(data/raw/" in line and ": other data were downloaded, or it is another kind of" in line


def test_the_ratings_have_the_same_two_lines(project: Path) -> None:
    put(commit_files("collab"))
    call(project, "git", "commit", "-qam", "Ratings")
    put(rerun(commit_files("collab"), "train", "evaluate"))
    bits, finder = drift.notes()
    assert "(models/factors.safetensors and " in bits and "results of lr_find" in finder


@pytest.mark.parametrize("text", ["", "stages: 3", "a: ["])
def test_a_lock_that_cannot_be_read_is_set_against_nothing(project: Path, text: str) -> None:
    Path("dvc.lock").write_text(text)
    assert drift.notes() == []
    call(project, "git", "commit", "-qam", "Damaged")
    put(commit_files())
    assert drift.notes() == []
