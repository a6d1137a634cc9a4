"""How the last good params come back after a stage has refused others: real files, git and dvc."""

import os
import shutil
from pathlib import Path

import pytest

from pawprint.core import params
from pawprint.terminal import undo
from tests.conftest import ROOT
from tests.copies import call, fresh_copy

BACK = "`git checkout HEAD -- params.yaml` restores its params.yaml"
FILE = Path("params.yaml")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose commit has the params of the digits, as the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    shutil.copy(ROOT / "presets/digits.yaml", FILE)
    call(tmp_path, "git", "init", "-q")
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-qm", "Digits")
    return tmp_path


def put(old: str, new: str) -> None:
    text = FILE.read_text()
    assert old in text
    FILE.write_text(text.replace(old, new))


def refusal() -> ValueError:
    with pytest.raises(ValueError) as caught:
        params.load()
    return caught.value


def test_the_committed_value_and_a_command_that_works_are_named(repository: Path) -> None:
    put("valid_fraction: 0.2", "valid_fraction: 2.0")
    assert undo.advice(refusal()) == [f"the last commit has label.valid_fraction 0.2: {BACK}"]
    call(repository, *undo.COMMAND.strip("`").split())
    assert FILE.read_text() == (ROOT / "presets/digits.yaml").read_text()


def test_other_changes_that_would_be_lost_are_named(repository: Path) -> None:
    put("valid_fraction: 0.2", "valid_fraction: 2.0")
    put("lr: 0.002 ", "lr: 0.003 ")
    (line,) = undo.advice(refusal())
    assert line.endswith(f"{BACK}, and discards your other changes there (lr)")


def test_a_section_that_became_a_number_is_one_change(repository: Path) -> None:
    text = FILE.read_text()
    start, end = text.index("frozen:\n"), text.index("unfrozen:\n")
    FILE.write_text(f"{text[:start]}frozen: 2\n{text[end:]}")
    error = refusal()
    assert "must be a section with the keys epochs, pct_start, div" in str(error)
    (line,) = undo.advice(error)
    assert line.startswith("the last commit has frozen.epochs 1, frozen.pct_start 0.25")
    assert line.endswith(BACK)


def test_a_key_that_the_commit_does_not_have_is_named(repository: Path) -> None:
    put("lr: 0.002 ", "lrr: 3\nlr: 0.002 ")
    assert undo.advice(refusal()) == [f"the last commit has no lrr: {BACK}"]


def test_a_file_that_is_no_yaml_comes_back_without_the_edits(repository: Path) -> None:
    put("lr: 0.002", "lr: [0.002")
    (line,) = undo.advice(refusal())
    assert line.endswith("restores the last commit's params.yaml, without your edits since then")


def test_nothing_is_advised_where_the_commit_is_no_better(repository: Path) -> None:
    put("valid_fraction: 0.2", "valid_fraction: 2.0")
    call(repository, "git", "commit", "-qam", "Too much")
    assert undo.advice(refusal()) == []
    put("valid_fraction: 2.0", "valid_fraction: 3.0")
    assert undo.advice(refusal()) == []


def test_an_error_that_is_of_no_changed_param_advises_nothing(repository: Path) -> None:
    put("dataset: digits ", "dataset: mine   ")
    assert undo.advice(ValueError("labels.csv: 3 images have no size")) == []
    (line,) = undo.advice(ValueError("datasets.yaml: no block `mine`"))
    assert line == f"the last commit has dataset digits: {BACK}"


def test_of_an_experiment_in_a_copy_the_own_file_is_left_alone(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = repository / ".dvc/tmp/exps/tmp123"
    call(repository, "git", "clone", "-q", ".", str(copy))
    monkeypatch.chdir(copy)
    put("valid_fraction: 0.2", "valid_fraction: 2.0")
    before = (repository / FILE).stat().st_mtime_ns
    assert undo.advice(refusal()) == [
        "this ran in a copy of the project; your own params.yaml is unchanged"
    ]
    assert undo.advice(ValueError("the network is down")) == []
    assert (repository / FILE).stat().st_mtime_ns == before


def test_without_git_nothing_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text("lr: 0\n")
    assert undo.advice(refusal()) == []


def test_git_looks_again_at_a_file_of_the_same_size_and_second(repository: Path) -> None:
    call(repository, "git", "update-index", "--refresh")
    stat = FILE.stat()
    call(repository, "git", "config", "core.trustctime", "false")  # else this second's would show
    os.utime(FILE, (stat.st_mtime - 100, stat.st_mtime - 100))
    call(repository, "git", "update-index", "--refresh")
    put("valid_fraction: 0.2", "valid_fraction: 2.0")
    os.utime(FILE, (stat.st_mtime - 100, stat.st_mtime - 100))
    refused = refusal()
    undo.advice(refused)
    assert " M params.yaml" in call(repository, "git", "status", "--short")


@pytest.mark.dvc
def test_after_an_experiment_that_is_refused_git_brings_the_params_back(tmp_path: Path) -> None:
    project = fresh_copy(tmp_path / "project")
    clone = tmp_path / "clone"  # its files and git's index are of one second
    call(tmp_path, "git", "clone", "-q", str(project), str(clone))
    output = call(clone, "dvc", "exp", "run", "-S", "label.valid_fraction=2", "fetch", fails=True)
    assert f"fetch: the last commit has label.valid_fraction 0.2: {BACK}" in output
    call(clone, "git", "checkout", "-q", "params.yaml")
    assert (clone / FILE).read_text() == (project / FILE).read_text()
