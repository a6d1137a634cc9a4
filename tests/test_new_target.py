"""`pawprint new --target`: several labels, points and numbers, and what may be wrong with them."""

import importlib
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pawprint.cli import main
from pawprint.core import yaml_file
from pawprint.curation import changes, new_target
from pawprint.data import blocks, catalog
from tests.conftest import ROOT, picture
from tests.test_newset import folder, word

FILE = Path("datasets.yaml")
ROWS = ["f,x,y,x2,y2,price,tags"]
ROWS += [f"{i}_a.jpg,{i + 3},{20 - i}.5,{2 * i},1,{i * i}e1,{'ab'[i % 2]} c" for i in range(6)]
CSV = "--csv t.csv --name-column f"


def images(rows: list[str] = ROWS) -> Path:
    """Six images of 40 to 45 × 30 px, and a CSV among them."""
    contents = {f"{i}_a.jpg": picture(40 + i, 30, seed=i) for i in range(6)}
    return Path(folder({**contents, "t.csv": "\n".join([*rows, ""]).encode()}))


def command(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pawprint", *words])
        main.main()


def new(options: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    command("new", "mine", "pics", *shlex.split(options))
    return capsys.readouterr().out.splitlines()


def refusal(options: str) -> str:
    """What it says; nothing is written."""
    before = FILE.read_bytes()
    with pytest.raises(SystemExit) as caught:
        command("new", "mine", *shlex.split(options))
    assert FILE.read_bytes() == before
    return str(caught.value.code).replace("\nnothing was written to datasets.yaml", "")


def written() -> Mapping[str, object]:
    block: dict[str, object] = yaml_file.load(FILE)["mine"]
    assert catalog.load_dataset_entry("mine").count == 6
    return {"target": block["target"], "label": block["label"]}


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ("x,y", "6 images with 1 point each: x 3 to 8, y 15.5 to 20.5 px"),
        ("'x, y,x2,y2'", "6 images with 2 points each: x 0 to 10, y 1 to 20.5 px"),
    ],
)
def test_points_are_described_and_written(
    project: Path, capsys: pytest.CaptureFixture[str], columns: str, line: str
) -> None:
    images()
    lines = new(f"--target points {CSV} --label-column {columns}", capsys)
    assert word(lines, "points") == line
    assert word(lines, "classes") == word(lines, "note") == ""
    assert word(lines, "next") == "dvc exp run -S dataset=mine -S label.split=hash"
    names = columns.strip("'").replace(" ", "").split(",")
    rule = {"from": "csv", "file": "t.csv", "name": "f", "label": names}
    assert written() == {"target": "points", "label": rule}
    assert f"    label: [{', '.join(names)}]\n" in FILE.read_text()


@pytest.mark.parametrize(
    ("options", "line", "rule"),
    [
        (
            f"{CSV} --label-column price",
            "6 images, smallest 0e1, median 9e1, largest 25e1",
            {"from": "csv", "file": "t.csv", "name": "f", "label": "price"},
        ),
        (
            r"--pattern '^(\d+)_'",
            "6 images, smallest 0, median 3, largest 5",
            {"from": "name", "pattern": r"^(\d+)_"},
        ),
    ],
)
def test_numbers_are_described_and_written(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    options: str,
    line: str,
    rule: dict[str, str],
) -> None:
    images()
    lines = new(f"--target number {options}", capsys)
    assert word(lines, "number") == line
    assert word(lines, "classes") == ""
    assert written() == {"target": "number", "label": rule}


def test_several_labels_may_be_said_or_follow_from_the_separator(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images()
    before = FILE.read_text()
    lines = new(f"--target labels {CSV} --label-column tags --separator ' '", capsys)
    assert word(lines, "classes") == "6 images, 3 classes: c (6), a (3), b (3)"
    after = FILE.read_text()
    FILE.write_text(before)
    assert new(f"{CSV} --label-column tags --separator ' '", capsys) == lines
    assert FILE.read_text() == after and written()["target"] == "labels"


def test_one_label_is_the_default_and_not_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images()
    new(f"--target label {CSV} --label-column tags", capsys)
    assert "target" not in yaml_file.load(FILE)["mine"]


@pytest.mark.parametrize("target", ["points --label-column x,y", "number --label-column price"])
def test_the_stages_take_the_block(
    project: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    images()
    new(f"{CSV} --target {target}", capsys)
    params = Path("params.yaml").read_text().replace("dataset: digits", "dataset: mine  ")
    Path("params.yaml").write_text(params)
    for stage in ("fetch", "label"):
        importlib.import_module(f"stages.{stage}").main()
    rows = Path("data/labels.csv").read_text().splitlines()
    cell = "5 18.5" if "points" in target else "4e1"
    assert rows[0].startswith(f"name,{target.split()[0]},split")
    assert rows[3].startswith(f"2_a.jpg,{cell},")


NO_RULE = "needs a rule: --csv FILE --name-column "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--target points", f"--target points {NO_RULE}NAME --label-column X,Y; only rules for"),
        ("--target labels", f"--target labels {NO_RULE}X --label-column Y --separator S; only"),
        ("--target number", f"--target number {NO_RULE}X --label-column Y, or --pattern"),
        ("--target points --folder", "--target points needs columns of a CSV, such as --csv FILE"),
        ("--target points --pattern '(.)'", "such as --csv FILE --name-column NAME --label-colum"),
        ("--target points --folder --label-column x,y", "--label-column: only for a CSV; remove"),
        (f"--target points {CSV}", "a CSV needs --label-column too: --csv FILE"),
        ("--target points --label-column x,y", "a CSV needs --csv, --name-column too: --csv FILE"),
        (f"--target points {CSV} --label-column x", "--label-column must name an even number of "),
        (f"--target points {CSV} --label-column x,", "even number of columns, with commas between"),
        (f"--target points {CSV} --label-column x,y,x2", "commas between: X,Y or X1,Y1,X2,Y2"),
        (f"--target points {CSV} --label-column x,x", "--label-column names a column twice; name"),
        (
            f"--target points {CSV} --label-column x,y --separator ' '",
            "--separator is for several labels, but this is --target points; use --target labels, "
            "or remove --separator",
        ),
        (f"--target points {CSV} --label-column x,y --pattern '(.)'", "--pattern does not apply "),
        (f"--target number {CSV} --label-column price --separator ' '", "is --target number; use"),
        (f"--target label {CSV} --label-column tags --separator ' '", "this is --target label; us"),
        (f"--target labels {CSV} --label-column tags", "--target labels needs --separator, such "),
        ("--update --target number", "--update takes no --target; it is in the block mine"),
    ],
)
def test_options_that_do_not_fit_the_target_are_one_line_before_any_fetching(
    project: Path, options: str, message: str
) -> None:
    text = refusal(f"http://127.0.0.1:9/x.tar {options}")
    assert message in text and "\n" not in text


@pytest.mark.parametrize(
    ("target", "row", "message"),
    [
        ("number --label-column price", "2_a.jpg,5,6,7,8,12 kg,a", "1 of 6 images get no number "
         "from a CSV: 2_a.jpg (line 4: 12 kg); it must be a finite number such as 20.5, with a "
         "decimal point; fix these cells of t.csv, fix the options, or remove these files"),
        ("number --label-column price", "2_a.jpg,5,6,7,8,nan,a", "2_a.jpg (line 4: nan); it must"),
        ("number --label-column price", "2_a.jpg,5,6,7,8,,a", "1 rows of t.csv have an empty price:"
         " 2_a.jpg (line 4); fill it"),
        ("number --label-column prise", "2_a.jpg,5,6,7,8,9,a", "t.csv: has no column prise; its "
         "first line has f, x, y, x2, y2, price, tags"),
        ("points --label-column x,y", "2_a.jpg,5,six,7,8,9,a", "1 of 6 images get no points from a "
         "CSV: 2_a.jpg (line 4: 5 six); each column needs a number, such as 20.5; fix these cells"),
        ("points --label-column x,y", "2_a.jpg,5,,7,8,9,a", "get no points from a CSV: 2_a.jpg ("),
        ("points --label-column x,y,x2,y2", "2_a.jpg,5,6,,,9,a", "1 of 6 images have fewer than 2 "
         "points: 2_a.jpg; fill all of their cells, or remove these images"),
        ("points --label-column x,z", "2_a.jpg,5,6,7,8,9,a", "t.csv: has no column z; its first "),
        ("points --label-column x,y", "2_a.jpg,5,36,7,8,9,a", "1 of 6 images have points outside "
         "of the image, such as 2_a.jpg (5 36, but 42×30 px); fix these cells (px from the upper "
         "left corner), or the options"),
    ],
)  # fmt: skip
def test_cells_that_give_no_target_are_named(
    project: Path, target: str, row: str, message: str
) -> None:
    images([*ROWS[:3], row, *ROWS[4:]])
    text = refusal(f"pics {CSV} --target {target}")
    assert message in text and "\n" not in text


def test_all_cells_that_are_no_numbers_are_one_line(project: Path) -> None:
    images()
    text = refusal(f"pics {CSV} --target number --label-column tags")
    assert "6 of 6 images get no number from a CSV: 0_a.jpg (line 2: a c), 1_a.jpg" in text
    assert "\n" not in text


@pytest.mark.parametrize("target", ["points --label-column x,y", "number --label-column x"])
def test_equal_values_teach_nothing(project: Path, target: str) -> None:
    images([ROWS[0], *(f"{i}_a.jpg,5,6,,,,a" for i in range(6))])
    text = refusal(f"pics {CSV} --target {target}")
    assert re.search(r"all images have the (points 5 6|number 5): there is nothing to learn", text)
    assert "fix the options, or these values" in text and "\n" not in text


def test_fractions_in_the_place_of_pixels_are_noted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images([ROWS[0], *(f"{i}_a.jpg,0.{i},1,,,,a" for i in range(6))])
    lines = new(f"--target points {CSV} --label-column x,y", capsys)
    assert word(lines, "note").startswith("all points lie between 0 and 1, as if they were")


def test_an_update_reads_the_target_from_the_block(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images()
    new(f"--target number {CSV} --label-column price", capsys)
    blocks.fetch_images(
        "mine", catalog.load_dataset_entry("mine").pictures, changes.PICTURES, [0].append
    )
    images([*ROWS[:3], "2_a.jpg,5,6,7,8,999,a", *ROWS[4:]])
    command("new", "mine", "--update")
    lines = capsys.readouterr().out.splitlines()
    assert word(lines, "changed") == "1 other number (2_a.jpg)"
    assert word(lines, "number") == "6 images, smallest 0e1, median 16e1, largest 999"
    images([*ROWS[:3], "2_a.jpg,5,6,7,8,much,a", *ROWS[4:]])
    assert "2_a.jpg (line 4: much); it must be a finite number" in refusal("--update")


@pytest.mark.parametrize("target", ["label", "labels", "points", "number"])
def test_the_preset_that_is_proposed_for_photographs_fits(
    project: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    images()
    options = {
        "label": "--label-column tags",
        "labels": "--label-column tags --separator ' '",
        "points": "--label-column x,y",
        "number": "--label-column price",
    }
    lines = new(f"--target {target} {CSV} {options[target]}", capsys)
    (proposed,) = (line.strip() for line in lines if "pawprint preset" in line)
    assert proposed == f"pawprint preset {new_target.PHOTO_PRESETS[target]}"
    shutil.copytree(ROOT / "presets", "presets")
    params = Path("params.yaml").read_text().replace("dataset: digits", "dataset: mine  ")
    Path("params.yaml").write_text(params)
    command(*proposed.split()[1:])
    after = yaml_file.load(Path("params.yaml"))
    assert (after["dataset"], after["weights"]) == ("mine", "IMAGENET1K_V1")
    assert after["label"]["split"] == "random"
    assert "\nnote " not in capsys.readouterr().out
