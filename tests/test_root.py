"""Commands from a subfolder, from the ratings' project, and from outside: real folders."""

import argparse
import sys
from pathlib import Path

import pytest

from pawprint.cli import main, root
from tests.copies import call


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A subfolder of a project with ratings beside it, as the working folder."""
    for name in ("dvc.yaml", "params.yaml", "collab/dvc.yaml", "collab/params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "docs/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs/deep")
    return tmp_path / "docs/deep"


def enter(*words: str) -> argparse.Namespace:
    return root.enter_root(main.parser().parse_args(words))


def test_the_first_project_upwards_is_entered_and_typed_paths_stay_right(docs: Path) -> None:
    given = enter("new", "x", "../pics", "--csv", "labels.csv")
    assert Path.cwd() == docs.parents[1]
    assert given.pictures == str(docs.parent / "pics")
    assert given.csv == "labels.csv"  # among the pictures


@pytest.mark.parametrize("typed", ["https://host/a.zip", "sklearn:digits", "/srv/pics"])
def test_what_is_no_relative_path_stays_as_typed(docs: Path, typed: str) -> None:
    assert enter("new", "x", typed).pictures == typed


def test_a_csv_that_lies_where_one_is_is_meant(docs: Path) -> None:
    (docs / "labels.csv").write_text("a,b\n")
    assert enter("new", "x", "p", "--csv", "labels.csv").csv == str(docs / "labels.csv")


def test_a_copy_of_the_report_goes_to_where_it_was_typed(docs: Path) -> None:
    assert enter("report", "--to", "copy.html").to == docs / "copy.html"


def test_predict_stays_and_takes_the_projects_model(docs: Path) -> None:
    given = enter("predict", "a.jpg")
    assert Path.cwd() == docs
    assert given.model == Path("../../models/unfrozen.safetensors")
    assert enter("predict", "a.jpg", "--model", "m.safetensors").model == Path("m.safetensors")
    assert enter("export").to == Path("../../build/model.onnx")


@pytest.mark.parametrize(
    "words", [["result"], ["verify"], ["recommend", "7"], ["similar", "x"], ["preset", "x"]]
)
def test_what_is_of_ratings_works_in_their_project(
    docs: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    collab = docs.parents[1] / "collab"
    (collab / "reports").mkdir()
    monkeypatch.chdir(collab / "reports")
    enter(*words)
    assert Path.cwd() == collab


@pytest.mark.parametrize(
    "words", ["summary", "epochs", "compare", "report", "new x p", "predict a.jpg", "export"]
)
def test_what_is_of_pictures_says_where_to_go_from_the_ratings(
    docs: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(docs.parents[1] / "collab")
    with pytest.raises(ValueError, match=r"ratings project.*for images: `cd \.\.`, and"):
        enter(*words.split())


@pytest.mark.parametrize(
    "words", ["result", "summary", "epochs", "compare", "report", "verify", "new x p", "similar x"]
)
def test_outside_of_a_project_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("{}")  # another program's
    monkeypatch.setattr(sys, "argv", ["pawprint", *words.split()])
    with pytest.raises(SystemExit, match="no Pawprint project here .*`cd` to the project's"):
        main.main()
    assert not (tmp_path / ".downloads").exists()


def test_compare_reads_the_whole_project_from_a_subfolder(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(docs.parents[1], "git", "init", "-q")
    call(docs.parents[1], "git", "add", "-A")
    call(docs.parents[1], "git", "commit", "-qm", "No run")
    monkeypatch.setattr(sys, "argv", ["pawprint", "compare", "HEAD"])
    with pytest.raises(SystemExit, match="HEAD: no dvc.lock in it; run `dvc repro` there"):
        main.main()


def test_from_a_subfolder_an_error_says_where_its_remedy_is_to_be_typed(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pawprint", "report"])
    with pytest.raises(SystemExit, match=r"`dvc repro`.*; run that in .*: `cd \.\./\.\.`$"):
        main.main()
    monkeypatch.chdir(docs.parents[1])
    with pytest.raises(SystemExit, match="`dvc repro` in the project's folder$"):
        main.main()
