"""A number for each image through every stage: `target: number`."""

import html
import importlib
import json
import math
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from dvc.utils.serialize import dumps_yaml
from PIL import Image

from pawprint.cli import main
from pawprint.core import yaml_file
from pawprint.core.findings import Findings
from pawprint.data import digits, label_table, labels
from pawprint.data.catalog import LabelRule
from pawprint.models import model_file
from pawprint.reporting.page import CHARTS, SHEETS
from pawprint.storage import tar_members
from pawprint.vision.regression import OUTPUT_UNIT, Regression, format_prediction
from pawprint.vision.task import TASKS
from tests.conftest import ROOT
from tests.test_graph import GRAPH, write_files
from tests.test_stages import STAGES

IMAGES = 48


def prices() -> dict[str, bytes]:
    """Grey images, a price by their brightness in prices.csv: from 1,000,000 to 1,000,235."""
    rows, members = ["fname,price,is_valid"], {}
    for i in range(IMAGES):
        file, grey = BytesIO(), 10 + 5 * i
        Image.new("RGB", (60, 45), (grey, grey, grey)).save(file, "PNG")
        members[f"shop/{i:02d}.png"] = file.getvalue()
        rows.append(f"{i:02d}.png,{1_000_000 + 5 * i},{i % 4 == 3}")
    return members | {"shop/prices.csv": "\n".join(rows).encode()}


def write_archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            tar_members.add_file(archive, name, data)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which all stages have run on the prices."""
    folder = tmp_path_factory.mktemp("shop")
    write_archive(folder / "shop.tar", prices())
    rule = {"from": "csv", "file": "shop/prices.csv", "name": "fname", "label": "price"}
    whole = yaml_file.load(ROOT / "presets/digits-number.yaml")
    whole |= {"dataset": "shop", "arch": "mobilenet_v3_small", "threads": 1, "batch_size": 12}
    whole |= {"size": 32, "lr": 3e-3}
    whole["presize"]["size"], whole["lr_find"]["steps"] = 48, 25
    whole["frozen"]["epochs"], whole["unfrozen"]["epochs"] = 1, 2
    block = {"target": "number", "pictures": {"url": "shop.tar"}}
    block["label"] = {**rule, "split": "is_valid"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("PAWPRINT_DATA", raising=False)
        Path("datasets.yaml").write_text(dumps_yaml({"shop": block}))
        Path("params.yaml").write_text(dumps_yaml(whole))
        for stage in STAGES:
            importlib.import_module(f"stages.{stage}").main()
        yield folder
        torch.use_deterministic_algorithms(False)


def command(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pawprint", *words])
        main.main()


def test_every_declared_file_is_written(shop: Path) -> None:
    for stage in GRAPH.values():
        for path in write_files(stage):
            assert Path(path).exists(), path
    table = pd.read_csv("data/labels.csv", dtype="str")
    assert list(table) == ["name", "number", "split"] and table["number"][47] == "1000235"
    assert json.loads(Path("reports/labels.json").read_text())["classes"] == 0


def test_the_model_file_has_the_scale_of_the_training_images(shop: Path) -> None:
    train = [1_000_000 + 5 * i for i in range(IMAGES) if i % 4 != 3]
    for phase in ("frozen", "unfrozen"):
        card = model_file.read_card(Path(f"models/{phase}.safetensors"))
        assert card.target == "number" and card.classes == ["value"] and card.threshold is None
        assert card.scale == pytest.approx([np.mean(train), np.std(train)], rel=1e-12)


def test_the_metrics_are_those_of_the_predictions(shop: Path) -> None:
    metrics = json.loads(Path("reports/evaluate.json").read_text())
    rows = pd.read_csv("reports/predictions.csv")
    apart = rows["predicted"] - rows["actual"]
    spread = ((rows["actual"] - rows["actual"].mean()) ** 2).sum()
    assert list(metrics) == ["rmse", "mae", "r2", "loss", "n"] and metrics["n"] == len(rows) == 12
    assert rows["actual"].tolist() == [1_000_000 + 5 * i for i in range(IMAGES) if i % 4 == 3]
    assert metrics["rmse"] == pytest.approx(math.sqrt((apart**2).mean()), rel=1e-3)
    assert metrics["mae"] == pytest.approx(apart.abs().mean(), rel=1e-3)
    assert metrics["r2"] == pytest.approx(1 - (apart**2).sum() / spread, abs=1e-3)
    _, deviation = model_file.read_card(Path("models/unfrozen.safetensors")).scale or (0.0, 0.0)
    assert metrics["loss"] == pytest.approx((metrics["rmse"] / deviation) ** 2, rel=1e-6)
    assert rows["probability"].isna().all()
    worst = pd.read_csv("reports/top_losses.csv")
    assert (
        worst["name"].tolist()
        == rows.loc[apart.abs().sort_values(ascending=False).index]["name"].tolist()
    )
    for phase, epochs in (("frozen", 1), ("unfrozen", 2)):
        table = pd.read_csv(f"reports/train_{phase}.csv")
        assert list(table) == ["epoch", "train_loss", "valid_loss", "rmse"] and len(table) == epochs
    # the epochs were scored in the training's dtype, evaluate in float32
    assert table["rmse"].iloc[-1] == pytest.approx(metrics["rmse"], rel=0.05)


def test_predict_gives_the_number_that_evaluate_gave(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = pd.read_csv("reports/predictions.csv", dtype="str")
    with tarfile.open("data/raw/pictures/archive") as archive:
        archive.extractall(tmp_path, filter="data")
    files = [str(tmp_path / name) for name in rows["name"]]
    command("predict", "--json", *files)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(answer) for answer in answers] == [["file", "label", "value", "top"]] * 12
    assert {(answer["label"], *answer["top"]) for answer in answers} == {(None,)}
    expected = [float(x) for x in rows["predicted"]]
    assert [answer["value"] for answer in answers] == pytest.approx(expected, abs=0.02)
    command("predict", "--csv", files[0])
    head, line = capsys.readouterr().out.splitlines()
    assert head == "file,value" and float(line.split(",")[1]) == answers[0]["value"]
    command("predict", files[0])
    assert capsys.readouterr().out.split() == [files[0], line.split(",")[1]]
    with pytest.raises(SystemExit, match="numbers, which have no probability; leave out --min"):
        command("predict", "--min-probability", "0.5", files[0])


def test_the_export_gives_values_in_the_units_of_the_data(shop: Path, tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    target = tmp_path / "m.onnx"
    command("export", "--to", str(target))
    facts = json.loads(onnx.load(target).metadata_props[0].value)
    assert facts["target"] == "number" and facts["output"].startswith("values: float32, n×1")
    session = runtime.InferenceSession(target.read_bytes(), providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"pictures": np.zeros((2, 3, 32, 32), np.float32)})
    assert values.shape == (2, 1) and (abs(values - 1_000_000) < 10_000).all()


def test_the_report_the_summary_and_the_closing_line(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = html.unescape(Path("reports/report.html").read_text())
    metrics = json.loads(Path("reports/evaluate.json").read_text())
    assert f"rmse {metrics['rmse']:.4g}" in page and ": NaN" not in page
    shown = {name for name in (*CHARTS, *SHEETS) if {**CHARTS, **SHEETS}[name] in page}
    assert shown == {"training", "lr_find", "scatter", "top_losses", "results"}
    for name, is_drawn in (("scatter", True), ("confusion", False)):
        with Image.open(f"reports/{name}.png") as image:
            assert (image.width > 300) == is_drawn
    command("summary")
    output = capsys.readouterr().out
    assert "column price of shop/prices.csv" in output and "guessing gives 1.00" in output
    with pytest.raises(SystemExit, match="its metric is rmse, but `pawprint epochs` only judges"):
        command("epochs")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "rows of p.csv have an empty price"),
        ("inf", r"1 of 3 \w+ get no number .*2\.png \(line 3: inf\); it must be a finite number"),
        ("1e999", r"2\.png \(line 3: 1e999\); .* fix these cells of p.csv, fix the rule"),
        ("1e300", r"2\.png \(line 3: 1e300\)"),
        ("NaN", r"2\.png \(line 3: NaN\)"),
        ("12,5", r"2\.png \(line 3: 12,5\)"),
        ("1_000", r"2\.png \(line 3: 1_000\)"),
        ("12 kg", r"2\.png \(line 3: 12 kg\)"),
    ],
)
def test_cells_that_are_no_numbers_are_named_before_training(
    cell: str, message: str, tmp_path: Path
) -> None:
    image = prices()["shop/00.png"]
    csv = f'f,price\n1.png,1\n2.png,"{cell}"\n3.png,-2.5e3\n'
    members = {f"{i}.png": image for i in (1, 2, 3)} | {"p.csv": csv.encode()}
    write_archive(tmp_path / "p.tar", members)
    rule = LabelRule.model_validate({"from": "csv", "file": "p.csv", "name": "f", "label": "price"})
    findings, names = Findings(), ["1.png", "2.png", "3.png"]
    annotations = labels.read_targets(tmp_path / "p.tar", names, rule, findings, "number")
    assert annotations.targets == ["1", None, "-2.5e3"]
    with pytest.raises(ValueError, match=message):
        findings.stop()


def test_a_pattern_picks_the_number_out_of_a_name() -> None:
    rule = LabelRule.model_validate({"from": "name", "pattern": r"^(\d+)_"})
    names = ["25_0_1.jpg", "7_1_0.jpg"]
    assert labels.extract_targets(names, rule, "number", Findings()) == ["25", "7"]


def test_numbers_are_standardised_by_the_training_images() -> None:
    task = Regression().fit(["2", "4", "9"])  # mean 5, deviation sqrt(26 / 3)
    deviation = math.sqrt(26 / 3)
    targets = task.encode(["5", "-1"], ["value"], torch.zeros(2, 2))
    assert targets[:, 0].tolist() == pytest.approx([0, -6 / deviation])
    assert task.rescale(targets)[:, 0].tolist() == pytest.approx([5, -1])
    as_outputs = targets / OUTPUT_UNIT
    assert task.activation(as_outputs)[:, 0].tolist() == pytest.approx([5, -1])
    assert task.loss(as_outputs, targets).item() == pytest.approx(0, abs=1e-9)
    outputs = torch.tensor([[0.0], [0.0]])
    assert task.loss(outputs, targets).item() == pytest.approx(18 / deviation**2)
    assert task.metric_value(outputs, targets).item() == pytest.approx(math.sqrt(18))
    assert TASKS["number"].with_scale([5.0, deviation]) == Regression(5.0, deviation) == task


def test_a_small_spread_of_large_numbers_is_kept() -> None:
    cells = [f"{1_700_000_000 + i}" for i in range(5)]
    task = Regression().fit(cells)
    targets = task.encode(cells, ["value"], torch.zeros(5, 2))
    assert targets[:, 0].tolist() == pytest.approx([(i - 2) / math.sqrt(2) for i in range(5)])
    values = [x + 1_700_000_000 for x in (0.0, 1.5)]
    shown = [format_prediction(value, task.std) for value in values]
    assert shown == ["1700000000.000", "1700000001.500"]


@pytest.mark.parametrize(
    "scale", [None, [], [1.0], [1.0, 0.0], [1.0, math.inf], [1.0, math.nan], [1, 2, 3]]
)
def test_a_model_file_without_a_scale_is_one_line(scale: list[float] | None) -> None:
    with pytest.raises(ValueError, match="the model file has scale .*; train it again: `dvc rep"):
        TASKS["number"].with_scale(scale)


def test_what_teaches_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="all training images have the number 3: there is nothing"):
        Regression().fit(["3", "3.0"])
    with pytest.raises(ValueError, match=r"label_smoothing is 0\.1, but numbers have no labels"):
        Regression().loss(torch.zeros(1, 1), torch.zeros(1, 1), 0.1)


@pytest.mark.parametrize(("target", "cell"), [("number", "3.0"), ("points", "3 4.0")])
def test_equal_numbers_or_points_are_refused_before_anything_learns(target: str, cell: str) -> None:
    names, cells = ["1.png", "2.png", "3.png"], [cell.replace(".0", ""), cell, "5 9"[: len(cell)]]
    findings, table = Findings(), label_table.labels_table(names, cells, ["train"] * 3, target)
    label_table.check_classes(label_table.class_counts(table[:2]), table[:2], findings)
    assert findings.errors[0].startswith(f"all training images have the {target} 3")
    findings = Findings()
    label_table.check_classes(label_table.class_counts(table), table, findings)
    assert [error for error in findings.errors if "training images" in error] == []


def test_the_composed_images_have_the_sum_of_their_digits(tmp_path: Path) -> None:
    """By a second way: of equal digits, the sum is one of them times the area that they cover."""
    rng = np.random.default_rng(0)
    glyphs = np.full((4, digits.GLYPH, digits.GLYPH), 255, np.uint8)
    seen = set()
    for _ in range(40):
        canvas, (total,) = digits.compose_sum(rng, glyphs, np.full(4, 3))
        areas = (canvas > 0).sum() / digits.GLYPH**2
        count = int(str(total)) / 3
        assert count == int(count) and count * (1 - 3 * digits.OVERLAP) <= areas <= count
        seen.add(count)
    assert seen == {1, 2, 3, 4}
