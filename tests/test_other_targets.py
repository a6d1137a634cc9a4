"""Many labels and points through every stage, on archives of the layouts that fastai publishes.

The published archives cannot be had on every machine; these have their members.
"""

import hashlib
import html
import importlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from dvc.utils.serialize import dumps_yaml
from PIL import Image

from pawprint.cli import main
from pawprint.core import files, yaml_file
from pawprint.core.findings import Findings
from pawprint.data import digits, splits
from pawprint.data.catalog import DatasetEntry
from pawprint.data.label_table import check_classes, class_counts, labels_table
from pawprint.data.labels import REMEDY, read_targets
from pawprint.data.split_words import extract_groups, parse_splits
from pawprint.data.splits import Annotations
from pawprint.experiments import last_run
from pawprint.reporting import figures, gallery
from pawprint.reporting.page import CHARTS, SHEETS
from pawprint.vision import dataset
from pawprint.vision.keypoints import Keypoints
from pawprint.vision.resample import InputSpec
from tests import caches
from tests.conftest import ROOT
from tests.copies import call
from tests.server import serving
from tests.test_graph import GRAPH, write_files
from tests.test_pets import pack_folder
from tests.test_stages import STAGES

OBJECTS = ("aeroplane", "cat", "person")
FILMS, FRAMES = ("01", "07", "13"), 12
CAMERA = """517.679 0 320
0 517.679 240.5
0 0 1

0 0 0 0

0.999947 0.00432361 0.00929419
-0.00446314 0.999877 0.0150443
-0.009228 -0.015085 0.999844

-24.0198 5.8896 -13.2308

640 480
"""


def square(colours: Mapping[str, int], width: int, height: int, x: int, y: int) -> bytes:
    """A picture with a bright square at x, y, its colours as given."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    for i, label in enumerate(OBJECTS):
        pixels[max(y - 6, 0) : y + 6, max(x - 6, 0) : x + 6, i] = colours.get(label, 0)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def pascal() -> dict[str, bytes]:
    """pascal_2007.tgz: train.csv names the pictures of train/; others are there too."""
    rows, actual = ["fname,labels,is_valid"], {}
    rng = np.random.default_rng(0)
    for i in range(60):
        there = [label for label in OBJECTS if rng.random() < 0.4]
        name = f"{i + 1:06d}.jpg"
        there_also = " ".join(there)
        rows.append(f"{name},{there_also},{i % 4 == 3}")
        actual[f"pascal_2007/train/{name}"] = square(dict.fromkeys(there, 255), 60, 45, 30, 22)
    actual["pascal_2007/train.csv"] = "\n".join(rows).encode()
    actual["pascal_2007/test/000999.jpg"] = square({}, 60, 45, 30, 22)
    actual["pascal_2007/test.csv"] = b"fname,labels\n000999.jpg,cat\n"
    actual["pascal_2007/segmentation/000001.png"] = square({}, 60, 45, 30, 22)
    return actual


def biwi() -> dict[str, bytes]:
    """biwi_head_pose.tgz: a folder a film, in it rgb.cal, and a picture and a pose a frame."""
    actual, rng = {}, np.random.default_rng(1)
    for film in FILMS:
        actual[f"biwi_head_pose/{film}/rgb.cal"] = CAMERA.encode()
        actual[f"biwi_head_pose/{film}/depth.cal"] = b"1 2 3\n"
        for i in range(FRAMES):
            x, y = int(rng.integers(20, 140)), int(rng.integers(20, 100))
            depth = 900.0
            pose = f"{(x * 4 - 320) * depth / 517.679} {(y * 4 - 240.5) * depth / 517.679} {depth}"
            stem = f"biwi_head_pose/{film}/frame_{i + 3:05d}"
            actual[f"{stem}_pose.txt"] = f"1 0 0 \n0 1 0 \n0 0 1 \n\n{pose}\n".encode()
            whole = Image.open(io.BytesIO(square(dict.fromkeys(OBJECTS, 255), 160, 120, x, y)))
            file = io.BytesIO()
            whole.resize((640, 480)).save(file, "JPEG")
            actual[f"{stem}_rgb.jpg"] = file.getvalue()
        actual[f"biwi_head_pose/{film}.obj"] = b"# a mesh\n"
    return actual


ARCHIVES = {"pascal": pascal, "biwi": biwi}
SIZES: dict[str, int | str] = {"pascal": 32, "biwi": "48x64"}


def configure(folder: Path, name: str, url: str, data: bytes) -> None:
    """A project with this data set's own block, small, its pictures at another place."""
    catalogue = yaml_file.load(ROOT / "datasets.yaml")
    catalogue[name]["pictures"] = {"url": url, "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "datasets.yaml").write_text(dumps_yaml(catalogue))
    whole = yaml_file.load(ROOT / "presets/digits.yaml")
    whole |= {"dataset": name, "arch": "mobilenet_v3_small", "threads": 1, "batch_size": 8}
    whole |= {"size": SIZES[name]}
    whole["label"]["split"] = "official"
    whole["presize"]["size"], whole["lr_find"]["steps"] = 64, 25
    whole["unfrozen"]["epochs"], whole["augment"]["supersample"] = 2, 2
    (folder / "params.yaml").write_text(dumps_yaml(whole))


@pytest.fixture(scope="module", params=list(ARCHIVES))
def through(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of the data set, once all stages have run on it, fetched from a server."""
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    data = pack_folder(ARCHIVES[name]())
    with pytest.MonkeyPatch.context() as patch, serving({f"/{name}.tgz": data}) as site:
        patch.chdir(folder)
        patch.delenv("PAWPRINT_DATA", raising=False)
        configure(folder, name, f"{site.url}/{name}.tgz", data)
        for stage in STAGES:
            importlib.import_module(f"stages.{stage}").main()
        yield name
        torch.use_deterministic_algorithms(False)


def test_every_declared_file_is_written(through: str) -> None:
    for stage in GRAPH.values():
        for path in write_files(stage):
            assert Path(path).exists(), path


def test_the_table_has_the_targets_that_the_archive_tells(through: str) -> None:
    table = pd.read_csv("data/labels.csv", keep_default_na=False, dtype="str")
    if through == "pascal":
        assert list(table) == ["name", "labels", "split"] and len(table) == 60
        rows = pascal()["pascal_2007/train.csv"].decode().splitlines()[1:]
        expected = [";".join(sorted(row.split(",")[1].split())) for row in rows]
        assert table["labels"].tolist() == expected and "" in expected
        assert (table["split"] == "valid").tolist() == [row.endswith("True") for row in rows]
        told_of = json.loads(Path("reports/labels.json").read_text())
        assert told_of["in_no_split"] == 2 and told_of["classes"] == 3
    else:
        assert list(table) == ["name", "points", "split"] and len(table) == 36
        is_13 = table["name"].str.startswith("biwi_head_pose/13/")
        assert ((table["split"] == "valid") == is_13).all()
        assert Path("reports/classes.csv").read_text() == "label,train,valid,test\n"
        pixels = [cell.split() for cell in table["points"]]
        assert all(float(value) == pytest.approx(round(float(value)), abs=0.01) for x in pixels
                   for value in x)  # fmt: skip


def test_the_metrics_are_those_of_the_kind(through: str) -> None:
    content = json.loads(Path("reports/evaluate.json").read_text())
    expected = {
        "pascal": {"accuracy_multi", "accuracy_multi_crossfit", "map", "micro_f1", "macro_f1",
                   "threshold", "loss", "n"},
        "biwi": {"rmse_pixels", "rmse_share", "loss", "n"},
    }  # fmt: skip
    assert set(content) == expected[through]
    assert content["n"] == {"pascal": 15, "biwi": 12}[through]
    metric = {"pascal": "accuracy_multi", "biwi": "rmse_share"}[through]
    table = pd.read_csv("reports/train_unfrozen.csv")
    assert list(table) == ["epoch", "train_loss", "valid_loss", metric] and len(table) == 2
    assert content["loss"] == pytest.approx(table["valid_loss"].iloc[-1], rel=0.05)


def test_what_means_nothing_has_a_header_only(through: str) -> None:
    lines = {
        name: len(Path(f"reports/{name}.csv").read_text().splitlines())
        for name in ("most_confused", "per_class", "thresholds", "predictions", "top_losses")
    }
    assert lines["most_confused"] == 1
    assert lines["per_class"] == {"pascal": 4, "biwi": 1}[through]
    assert lines["thresholds"] == {"pascal": 100, "biwi": 1}[through]
    assert lines["predictions"] == lines["top_losses"] == {"pascal": 16, "biwi": 13}[through]


def test_predict_says_what_evaluate_says(
    through: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    rows = pd.read_csv("reports/predictions.csv", keep_default_na=False, dtype="str")
    targets = dict(zip(rows["name"], rows["predicted"], strict=True))
    with tarfile.open("data/raw/pictures/archive") as archive:
        members = [m for m in archive if m.name in targets]
        archive.extractall(tmp_path, members, filter="data")
    files = [str(tmp_path / name) for name in targets]
    for flag, check in (("--json", as_json), ("--csv", as_csv)):
        monkeypatch.setattr(sys, "argv", ["pawprint", "predict", flag, *files])
        main.main()
        lines = capsys.readouterr().out.splitlines()
        check(through, lines, list(targets.values()))
    monkeypatch.setattr(sys, "argv", ["pawprint", "predict", files[0]])
    main.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{files[0]}  ")


def test_points_have_no_least_probability(
    through: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    words = ["pawprint", "predict", "--min-probability", "0.5", str(tmp_path / "a.png")]
    monkeypatch.setattr(sys, "argv", words)
    if through == "pascal":
        main.main()
        assert capsys.readouterr().out.count("\n") == 1
        return
    with pytest.raises(
        SystemExit, match="points, which have no probability; leave out --mi"
    ) as end:
        main.main()
    assert len(str(end.value).splitlines()) == 1


def as_json(name: str, lines: list[str], targets: list[str]) -> None:
    for line, cell in zip(lines, targets, strict=True):
        content = json.loads(line)
        if name == "pascal":
            assert sorted(content["labels"]) == cell.split(";") if cell else content["labels"] == []
            assert len(content["top"]) == 3
        else:
            flat = [value for point in content["points"] for value in point]
            assert flat == pytest.approx([float(x) for x in cell.split()], abs=0.2)


def as_csv(name: str, lines: list[str], targets: list[str]) -> None:
    head, *rows = lines
    assert head == {"pascal": "file,labels,probability", "biwi": "file,x,y"}[name]
    for row, cell in zip(rows, targets, strict=True):
        if name == "pascal":
            assert row.split(",")[1].split(";") == sorted(cell.split(";"), key=row.index)
        else:
            values = [float(x) for x in row.split(",")[1:]]
            assert values == pytest.approx([float(x) for x in cell.split()], abs=0.2)


def test_answers_that_lie_outside_of_a_picture_are_drawn(through: str) -> None:
    """Averaged over changed pictures (evaluate.tta), a point may be said beside the picture."""
    paths = caches.paths(Path("data/presized"), Path("data/labels.csv"))
    data = dataset.load_dataset(*paths, torch.device("cpu"), 0)
    rows = figures.read_table(Path("reports/top_losses.csv"))
    if through == "biwi":
        rows["predicted"] = "-5.00 2000.00"
    image = gallery.captioned_sheet(data, rows, InputSpec(SIZES[through]))
    assert image.width > 4 * 160


def test_the_report_and_the_summary_speak_of_the_kind(
    through: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    page = html.unescape(Path("reports/report.html").read_text())
    assert {"pascal": "mAP 0.", "biwi": "off by "}[through] in page
    assert ('id="confusion"' in page) is False and ": NaN" not in page
    shown = {name for name in (*CHARTS, *SHEETS) if {**CHARTS, **SHEETS}[name] in page}
    always = {"training", "lr_find", "top_losses", "results"}
    assert shown == always | {"pascal": {"thresholds", "gradcam"}, "biwi": set()}[through]
    assert ("surest first" in page) == (through == "pascal")
    assert (' px off"}' in page or ' px off", ' in page) == (through == "biwi")
    monkeypatch.setattr(sys, "argv", ["pawprint", "summary"])
    main.main()
    output = capsys.readouterr().out
    assert "No errors; read the " in output
    assert {"pascal": "column labels of pascal_2007/train.csv", "biwi": "its pose"}[
        through
    ] in output


def test_epochs_says_that_it_judges_error_rates(
    through: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(sys, "argv", ["pawprint", "epochs"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    output = str(ended.value.code) + capsys.readouterr().err
    assert "its metric is " in output and "Traceback" not in output


def test_the_export_answers_as_torch(through: str, monkeypatch: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr(sys, "argv", ["pawprint", "export", "--to", str(tmp_path / "m.onnx")])
    main.main()
    result = onnx.load(tmp_path / "m.onnx")
    told_of = json.loads(result.metadata_props[0].value)
    assert told_of["target"] == {"pascal": "labels", "biwi": "points"}[through]
    assert ("×48×64" in told_of["input"]) == (through == "biwi")


def block(**keys: Any) -> DatasetEntry:
    return DatasetEntry.model_validate({"pictures": {"url": "x"}, **keys})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"target": "labels", "label": {"from": "folder"}}, "needs label.separator"),
        ({"label": {"from": "folder", "separator": " "}}, "set target: labels"),
        ({"label": {"from": "biwi"}}, "set target: points"),
        ({"target": "points", "label": {"from": "folder"}}, r"label.label: \[x, y\]"),
        ({"label": {"from": "folder", "valid": ["1"]}}, "give label.group too"),
        (
            {"target": "points",
             "label": {"from": "csv", "file": "a", "name": "b", "label": ["x", "y", "z"]}},
            "an even number of columns",
        ),
        (
            {"target": "points",
             "label": {"from": "csv", "file": "a", "name": "b", "label": ["x", "y"],
                       "pattern": "^(.)"}},
            "label.pattern does not apply to points",
        ),
        ({"label": {"from": "folder", "group": "^(.)", "valid": []}}, "label.valid"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_give_the_target_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        block(**keys)


def test_groups_stay_together_and_are_drawn_by_the_seed() -> None:
    groups = [f"film {i % 10}" for i in range(100)]
    drawn = [
        splits.assign_splits(
            "group", groups, Annotations([*groups], None, [*groups]), Path(), 0.2, seed, Findings()
        )
        for seed in range(5)
    ]
    for image_splits in drawn:
        by = {
            group: {image_splits[i] for i in range(100) if groups[i] == group} for group in groups
        }
        assert all(len(each) == 1 for each in by.values())
        assert image_splits.count("valid") == 20
    assert len({tuple(image_splits) for image_splits in drawn}) > 1


@pytest.mark.parametrize("groups", [None, ["one"] * 4])
def test_a_split_by_group_without_groups_says_what_is_missing(groups: Any) -> None:
    findings = Findings()
    result = splits.assign_splits(
        "group", ["a"] * 4, Annotations(["a"] * 4, None, groups), Path(), 0.2, 0, findings
    )
    assert result == [None] * 4
    assert "its block in datasets.yaml needs label.group" in findings.errors[0]


def test_the_faults_of_poses_groups_and_columns_are_told() -> None:
    findings = Findings()
    extract_groups(["a/1.jpg", "b.jpg"], r"^(.+)/", findings, REMEDY)
    assert findings.errors[0].startswith(
        "1 of 2 images get no group from label.group ^(.+)/: b.jpg"
    )
    assert parse_splits(["a", "b", "c"], {"a": "TRUE", "b": "test"}, "side", findings) == [
        *("valid", "test", None)
    ]
    parse_splits(["a"], {"a": "maybe"}, "side", findings)
    assert "column side contains maybe; allowed are train" in findings.errors[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x/1_pose.txt": None}, "1 images without the files *_pose.txt and rgb.cal next to them"),
        ({"x/rgb.cal": None}, "2 images without the files"),
        ({"x/1_pose.txt": b"1 2 3"}, "1 poses that are not 12 numbers"),
        ({"x/1_pose.txt": b"0 " * 11 + b"-5"}, "1 poses that are not 12 numbers"),
        ({"x/rgb.cal": b"\xff"}, "2 poses that are not 12 numbers"),
    ],
)
def test_damaged_poses_are_counted_and_named(
    tmp_path: Path, change: dict[str, bytes | None], message: str
) -> None:
    pose = b"1 0 0 0 1 0 0 0 1 0 0 900"
    files: dict[str, bytes | None] = {
        **{"x/1_rgb.jpg": b"", "x/2_rgb.jpg": b"", "x/1_pose.txt": pose, "x/2_pose.txt": pose},
        "x/rgb.cal": CAMERA.encode(),
    }
    path = tmp_path / "a.tgz"
    path.write_bytes(pack_folder({k: v for k, v in (files | change).items() if v is not None}))
    findings = Findings()
    rule = block(target="points", label={"from": "biwi"}).label
    annotations = read_targets(path, ["x/1_rgb.jpg", "x/2_rgb.jpg"], rule, findings, "points")
    assert findings.errors[0].startswith(message)
    assert "x/1" in findings.errors[0] and annotations.targets[0] is None


def test_numbers_that_are_none_are_no_points(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(pack_folder({"1.jpg": b"", "2.jpg": b"", "p.csv": b"f,x,y\n1,2,3\n2,4,\n"}))
    rule = {"from": "csv", "file": "p.csv", "name": "f", "label": ["x", "y"]}
    findings = Findings()
    whole = block(target="points", label=rule)
    annotations = read_targets(path, ["1.jpg", "2.jpg"], whole.label, findings, "points")
    assert annotations.targets == ["2 3", None]
    assert findings.errors[0].startswith("1 of 2 images get no points from label.from: csv: 2.jpg")


def test_new_update_takes_over_what_was_added(
    tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "in" / name).write_bytes(square({"cat": 200}, 40, 40, 20, 20))
    (tmp_path / "in/p.csv").write_text("f,l\n1,cat dog\n2,\n3,cat\n")
    rule = {"from": "csv", "file": "p.csv", "name": "f", "label": "l", "separator": " "}
    content = {"mine": {"target": "labels", "pictures": {"url": "in"}, "label": rule, "count": 2}}
    (tmp_path / "datasets.yaml").write_text(dumps_yaml(content))
    (tmp_path / "params.yaml").touch()
    (tmp_path / "in/3.png").write_bytes(square({"cat": 100}, 40, 40, 20, 20))
    monkeypatch.setattr(sys, "argv", ["pawprint", "new", "mine", "--update"])
    main.main()
    assert "count 3" in capsys.readouterr().out
    assert yaml_file.load(tmp_path / "datasets.yaml")["mine"]["count"] == 3


SCENES = {digits.write_labels: "07fb9f36a4419b64", digits.write_points: "5521affeefbf95f7"}


def test_the_scenes_never_change(tmp_path: Path) -> None:
    for write, expected in SCENES.items():
        write(tmp_path / "made")
        assert hashlib.sha256((tmp_path / "made").read_bytes()).hexdigest().startswith(expected)


def test_the_glyphs_of_a_scene_cover_one_another_by_three_tenths_at_most() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert not digits.is_crowded(digits.draw_places(rng, 6)).any()
    assert digits.is_crowded(np.array([[0, 0], [5, 5]])).tolist() == [[False, True], [False, False]]
    assert not digits.is_crowded(np.array([[0, 0], [14, 0]])).any()  # 6 of 20 px: 30 %


def test_points_outside_of_their_pictures_are_counted() -> None:
    image_sizes, cells = torch.tensor([[640.0, 480.0], [427.0, 320.0]]), ["640 0", "9999 10"]
    with pytest.raises(ValueError, match=r"1 of 2 .* b\.png \(9999 10, but 427×320 px\)"):
        Keypoints().check(
            Keypoints().encode(cells, ["x", "y"], image_sizes), ["a.png", "b.png"], image_sizes
        )


def test_a_class_with_a_semicolon_and_a_table_without_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(pack_folder({"1.jpg": b"", "p.csv": b"f,l,s\n1,a;b c,True\n"}))
    rule = {"from": "csv", "file": "p.csv", "name": "f", "label": "l", "separator": " "}
    findings = Findings()
    whole = block(target="labels", label={**rule, "split": "s"})
    assert read_targets(path, ["1.jpg"], whole.label, findings, "labels").targets == [None]
    assert (
        "1.jpg (line 2: a;b c); a class must not contain a semicolon; fix these cells of p.csv"
        in findings.errors[0]
    )
    findings, rows = Findings(), labels_table(["2.jpg"], [None], [None], "labels")
    check_classes(class_counts(rows), rows, findings)
    assert findings.errors[0].startswith("no image has both labels and a split")


def test_the_last_commits_metric_is_named_where_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_json(last_run.SUMMARY, {"error_rate": 0.25, "n": 4})
    out = {"path": str(last_run.SUMMARY), "md5": files.file_hash(last_run.SUMMARY, "md5")}
    fetch = {"params": {"params.yaml": {"dataset": "mine"}}}
    lock = {"stages": {"fetch": fetch, "evaluate": {"outs": [out]}}}
    last_run.LOCK.write_text(json.dumps(lock))
    call(tmp_path, "git", "init", "-q")
    call(tmp_path, "git", "add", "--all")
    call(tmp_path, "git", "commit", "-qm", "One")
    assert last_run.last_commit_metric({"error_rate": 0.5}) == "0.2500"
    assert last_run.last_commit_metric({"map": 0.5}) == "error rate 0.2500"
    files.write_json(last_run.SUMMARY, {"error_rate": 0.0, "n": 4})
    call(tmp_path, "git", "commit", "-qam", "Better by hand")
    assert last_run.last_commit_metric({"error_rate": 0.5}).startswith(
        "not comparable (HEAD has no valid result: its reports/evaluate.json is not the"
    )
