"""A block that `pawprint new` has written is committed, or the command is told: real git."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pawprint.curation import keep_entry, new_rule
from tests.copies import ENVIRONMENT, call

FILE = Path("datasets.yaml")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a datasets.yaml and a note, as the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)
    FILE.write_text("one: 1\n")
    Path("note.txt").write_text("old\n")
    call(tmp_path, "git", "init", "-q")
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-qm", "One")
    return tmp_path


def rows() -> Iterator[str]:
    yield "pictures   3"
    FILE.write_text(FILE.read_text() + "two: 2\n")
    yield "written    datasets.yaml: two"


def test_the_command_is_told_and_works_as_it_is_printed(repository: Path) -> None:
    lines = list(keep_entry.commit_entry(rows(), "two", "Add", False))
    assert lines[:2] == ["pictures   3", "written    datasets.yaml: two"]
    assert "`dvc exp apply` drops a block that is not committed" in lines[3]
    assert lines[2] == "keep       git commit -m 'Add the dataset two' datasets.yaml"
    call(repository, "bash", "-c", lines[2].removeprefix("keep"))
    assert call(repository, "git", "show", "HEAD:datasets.yaml") == "one: 1\ntwo: 2\n"


def test_it_is_committed_alone_whatever_is_staged(repository: Path) -> None:
    Path("note.txt").write_text("new\n")
    call(repository, "git", "add", "note.txt")
    *_, last = keep_entry.commit_entry(rows(), "two", "Add", True)
    assert last == "committed  only datasets.yaml: Add the dataset two"
    assert call(repository, "git", "show", "--name-only", "--format=%s") == (
        "Add the dataset two\n\ndatasets.yaml\n"
    )
    assert call(repository, "git", "status", "--short") == "M  note.txt\n"


def test_earlier_changes_of_the_file_are_told(repository: Path) -> None:
    FILE.write_text("one: 1\nmine: 3\n")
    *_, last = keep_entry.commit_entry(rows(), "two", "Add", True)
    assert (
        last
        == "committed  only datasets.yaml, with your earlier changes to it: Add the dataset two"
    )


def test_a_file_that_git_does_not_know_yet_is_committed_too(repository: Path) -> None:
    call(repository, "git", "rm", "-q", "--cached", "datasets.yaml")
    call(repository, "git", "commit", "-qm", "Without")
    *_, last = keep_entry.commit_entry(rows(), "two", "Add", True)
    assert last.startswith("committed") and call(repository, "git", "status", "--short") == ""


def test_where_git_knows_nobody_the_remedy_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(repository))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    call(repository, "git", "config", "user.useConfigOnly", "true")
    with pytest.raises(
        ValueError, match=r"is written, but git could not .* `git config user\.name N"
    ):
        list(keep_entry.commit_entry(rows(), "two", "Add", True))
    assert "two: 2" in FILE.read_text()


def test_nothing_is_said_where_nothing_is_written_or_there_is_no_git(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(keep_entry.commit_entry(iter(["fits       a rule"]), "two", "Add", True)) == [
        "fits       a rule"
    ]
    monkeypatch.chdir(tmp_path_factory.mktemp("bare"))
    FILE.write_text("one: 1\n")
    assert len(list(keep_entry.commit_entry(rows(), "two", "Add", True))) == 2


def test_a_path_that_was_typed_is_not_looked_for_elsewhere(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "data/pets").mkdir(parents=True)
    monkeypatch.setenv("PAWPRINT_DATA", str(repository / "data"))
    with pytest.raises(FileNotFoundError, match="mine/pets: no such file or folder; did you mean"):
        new_rule.check_typed("mine/pets")
    new_rule.check_typed("https://host/pets")
    new_rule.check_typed("data/pets")
