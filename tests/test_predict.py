"""`pawprint predict` as a user runs it, with the model that small stages have trained."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from pawprint.inference.answers import as_csv, as_text
from pawprint.inference.classification import ClassAnswer
from tests.conftest import picture
from tests.test_stages import ran as _ran

ran = _ran  # the same small project


@pytest.fixture
def folder(ran: dict[str, set[str]], tmp_path: Path) -> Path:
    """The model, alone in a folder, and the valid pictures as files."""
    shutil.copy("models/unfrozen.safetensors", tmp_path / "model.safetensors")
    shutil.copy("reports/predictions.csv", tmp_path / "told.csv")
    names = set(pd.read_csv("reports/predictions.csv")["name"])
    with tarfile.open("data/raw/pictures/archive") as archive:
        archive.extractall(tmp_path / "in", [m for m in archive if m.name in names], filter="data")
    return tmp_path


def test_odd_names_harm_neither_a_terminal_nor_a_spreadsheet() -> None:
    odd = ClassAnswer("=cmd|'!A0\n\x1b[2J.png", "cat", 0.5, [("cat", 0.5)])
    assert as_text(odd).isprintable()
    assert as_csv(odd).startswith("\"./=cmd|'!A0")
    plain = ClassAnswer("a.png", "cat", 0.5, [("cat", 0.5)])
    assert as_text(plain) == "a.png  cat 0.50"
    assert as_csv(plain) == "a.png,cat,0.500000"


def predict(
    folder: Path, *words: str, fails: bool = False, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pawprint.cli import main; main.main()", "predict"]
    process = subprocess.run(
        [*command, "--model", "model.safetensors", *words],
        cwd=folder, capture_output=True, text=True, check=False, input=stdin,
    )  # fmt: skip
    assert (process.returncode != 0) == fails, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process


def test_pictures_given_as_files_are_judged_as_by_evaluate(folder: Path) -> None:
    process = predict(folder, "in", "--json")
    content = {row["file"]: row for row in map(json.loads, process.stdout.splitlines())}
    table = pd.read_csv(folder / "told.csv", dtype={"predicted": "str"})
    assert len(content) == len(table) == 359
    for name, label, probability in zip(
        table["name"], table["predicted"], table["probability"], strict=True
    ):
        answer = content[f"in/{name}"]
        assert answer["probability"] == pytest.approx(probability, abs=1e-5)
        assert answer["label"] == label
        assert list(answer) == ["file", "label", "probability", "top"]
        assert answer["top"][0] == [label, answer["probability"]] and len(answer["top"]) == 3


def test_what_cannot_be_read_is_listed_at_the_end_and_the_rest_answered(folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(picture()[:100])
    good = sorted(p.relative_to(folder).as_posix() for p in (folder / "in").rglob("*.png"))[0]
    process = predict(folder, "bad.jpg", good, "gone.jpg", fails=True)
    assert process.returncode == 1
    assert process.stdout.startswith(f"{good}  ") and len(process.stdout.splitlines()) == 1
    bad, gone, count = process.stderr.splitlines()
    assert bad.startswith("pawprint: bad.jpg: ")
    assert gone == "pawprint: gone.jpg: No such file or directory"
    assert count == "pawprint: 2 of 3 could not be read"


def test_patterns_and_names_on_stdin_are_taken(folder: Path) -> None:
    names = sorted(p.relative_to(folder).as_posix() for p in (folder / "in").rglob("*.png"))[:3]
    by_stdin = predict(folder, "-", "--csv", stdin="\n".join(names) + "\n").stdout.splitlines()
    assert by_stdin[0] == "file,label,probability"
    assert [line.split(",")[0] for line in by_stdin[1:]] == names
    pattern = str(Path(names[0]).parent / "0_*.png")
    expected = sorted((folder / Path(names[0]).parent).glob("0_*.png"))
    assert len(predict(folder, pattern).stdout.splitlines()) == len(expected) > 0


def test_none_of_these_where_no_class_is_likely_enough(folder: Path) -> None:
    name = next((folder / "in").rglob("*.png")).relative_to(folder).as_posix()
    assert "none of these" in predict(folder, name, "--min-probability", "1").stdout
    answer = json.loads(predict(folder, name, "--min-probability", "1", "--json").stdout)
    assert answer["label"] is None and answer["top"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x.jpg", "--top", "0"], "'0' is not a whole number of at least 1"),
        (["x.jpg", "--min-probability", "2"], "'2' is not a number from 0 to 1"),
        (["x.jpg", "--model", "no.safetensors"], "no.safetensors: no such model file"),
        (["x.jpg", "--model", "told.csv"], "not a Pawprint model file"),
    ],
)
def test_a_wrong_option_is_one_line(folder: Path, words: list[str], message: str) -> None:
    process = predict(folder, *words, fails=True)
    assert message in process.stderr.splitlines()[-1]


def test_no_params_and_no_dvc_are_needed(folder: Path) -> None:
    code = "import sys; from pawprint.inference import predict; print('dvc' in sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "False"
