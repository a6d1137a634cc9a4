"""Each stage on a small project, in one process: what it reads, writes, and says when it fails."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from pawprint.core import params, yaml_file
from pawprint.data import catalog
from pawprint.models import model_file
from pawprint.terminal import console
from pawprint.training import phase
from pawprint.training.schedule import OneCycle
from tests.conftest import ROOT, picture
from tests.copies import shrunk
from tests.test_graph import GRAPH, write_files

STAGES = tuple(GRAPH)  # in the order of dvc.yaml, which is the order of the graph


class RecordingPresize(params.Presize):
    """The section of which other stages read one key."""

    def __getattribute__(self, name: str) -> Any:
        if name in params.Presize.model_fields:
            SEEN.add(f"presize.{name}")
        return super().__getattribute__(name)


class Recording(params.Params):
    """Params that remember which of them were read."""

    presize: RecordingPresize

    def __getattribute__(self, name: str) -> Any:
        if name in params.Params.model_fields and name != "presize":
            SEEN.add(name)
        return super().__getattribute__(name)


SEEN: set[str] = set()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The params that each stage read, once all have run in order in a small project."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copy(ROOT / "datasets.yaml", folder)
        (folder / "params.yaml").write_text(shrunk((ROOT / "presets/digits.yaml").read_text()))
        content = yaml_file.load(folder / "params.yaml")
        recording = Recording.model_validate(content)
        patch.setattr(params, "load", lambda: recording)
        read = {}
        for name in STAGES:
            SEEN.clear()
            importlib.import_module(f"stages.{name}").main()
            read[name] = set(SEEN)
        yield read
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", STAGES)
def test_the_declared_params_are_the_ones_that_are_read(
    ran: dict[str, set[str]], name: str
) -> None:
    declared = {key for key in GRAPH[name]["params"] if isinstance(key, str)}
    if "presize" in declared:
        declared |= {f"presize.{key}" for key in params.Presize.model_fields}
        declared -= {"presize"}
    assert ran[name] - {"runtime"} == declared


def test_every_declared_file_is_written_and_nothing_else(ran: dict[str, set[str]]) -> None:
    expected = set.union(*(write_files(stage) for stage in GRAPH.values()))
    result = {
        str(path)
        for top in ("data", "models", "reports")
        for path in Path(top).rglob("*")
        if path.is_file()
    }
    folders = {"data/raw/lists", "data/raw/pictures", "data/presized/images"}
    inside = {path for path in result if str(Path(path).parent) in folders}
    assert result - inside == expected - folders
    assert {str(Path(path).parent) for path in inside} == folders
    assert not list(Path().rglob("*.tmp"))
    assert not Path(".scratch").exists()


def test_the_tables_have_the_columns_of_the_contract(ran: dict[str, set[str]]) -> None:
    columns = {
        "data/labels.csv": ["name", "label", "split"],
        "data/presized/index.csv": ["name", "width", "height", "sha256"],
        "reports/lr_find.csv": ["lr", "loss"],
        "reports/train_frozen.csv": ["epoch", "train_loss", "valid_loss", "error_rate"],
        "reports/train_unfrozen.csv": ["epoch", "train_loss", "valid_loss", "error_rate"],
        "reports/predictions.csv": ["name", "actual", "predicted", "probability", "loss"],
        "reports/most_confused.csv": ["actual", "predicted", "count"],
    }
    for path, expected in columns.items():
        assert list(pd.read_csv(path)) == expected, path


def test_the_metrics_have_the_keys_of_the_contract(ran: dict[str, set[str]]) -> None:
    def keys(name: str) -> set[str]:
        return set(json.loads(Path(f"reports/{name}.json").read_text()))

    assert keys("evaluate") == {
        *("error_rate", "accuracy", "loss", "top5_error", "macro_f1", "ece", "n")
    }
    assert keys("lr_find") == keys("lr_find_unfrozen") == {"valley", "steep", "minimum", "slide"}
    assert keys("train_frozen") == {"frozen"}
    assert keys("train_unfrozen") == {"unfrozen"}


def test_the_models_keep_the_ground_of_transparent_parts(ran: dict[str, set[str]]) -> None:
    for name in ("frozen", "unfrozen"):
        model_card = model_file.read_card(Path(f"models/{name}.safetensors"))
        assert model_card.background == "white" == model_card.params["presize"]["background"]


def test_evaluate_agrees_with_the_last_epoch_of_training(ran: dict[str, set[str]]) -> None:
    judged = json.loads(Path("reports/evaluate.json").read_text())
    last = json.loads(Path("reports/train_unfrozen.json").read_text())["unfrozen"]
    table = pd.read_csv("reports/predictions.csv", dtype={"actual": str, "predicted": str})
    assert judged["error_rate"] == (table["actual"] != table["predicted"]).mean()
    assert judged["loss"] == pytest.approx(table["loss"].mean(), abs=1e-6)
    assert judged["error_rate"] == pytest.approx(last["error_rate"], abs=0.02)  # bfloat16 there
    assert judged["n"] == 359


def test_a_finder_that_found_nothing_stops_auto_alone(ran: dict[str, set[str]]) -> None:
    names = ("valley", "steep", "minimum", "slide")
    kept = Path("reports/lr_find.json").read_text()
    Path("reports/lr_find.json").write_text(json.dumps(dict.fromkeys(names)))
    content = yaml_file.load(Path("params.yaml")) | {"lr": "auto"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(params, "load", lambda: params.Params.model_validate(content))
        with pytest.raises(ValueError, match="no valley was found"):
            importlib.import_module("stages.train_frozen").main()
    Path("reports/lr_find.json").write_text(kept)


def test_fine_tunes_rule_and_several_views_reach_the_training_and_the_judging(
    ran: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml_file.load(Path("params.yaml"))
    content["frozen"] |= {"body_ratio": 0.1, "pct_start": 0.99}
    content["unfrozen"] |= {"lr_min": None, "lr_max": "half", "pct_start": 0.3, "div": 5.0}
    content["evaluate"] |= {"tta": "flip"}
    monkeypatch.setattr(params, "load", lambda: params.Params.model_validate(content))
    rates: list[list[float]] = []

    def told(max_lrs: list[float], *others: Any, **more: Any) -> OneCycle:
        rates.append(list(max_lrs))
        return OneCycle(max_lrs, *others, **more)

    monkeypatch.setattr(phase, "OneCycle", told)
    kept = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    before = pd.read_csv("reports/predictions.csv")
    for name in ("train_frozen", "train_unfrozen", "evaluate"):
        importlib.import_module(f"stages.{name}").main()
    assert rates[0] == pytest.approx([2e-4, 2e-4, 2e-3])
    assert rates[1] == pytest.approx([1e-5, 1e-4, 1e-3])
    assert not before["probability"].equals(pd.read_csv("reports/predictions.csv")["probability"])
    for path, data in kept.items():
        path.unlink()
        path.write_bytes(data)


def run(stage: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The stage as DVC runs it."""
    for name in ("stages", "src"):
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name)
    command = [sys.executable, "-m", f"stages.{stage}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", ["fetch", "label", "evaluate"])
def test_every_stage_checks_the_whole_of_params_and_shows_no_traceback(
    project: Path, stage: str
) -> None:
    text = (project / "params.yaml").read_text().replace("bins: 15 ", "bins: 0  ")
    (project / "params.yaml").write_text(text)
    process = run(stage, project)
    assert process.returncode == 1
    expected = f"{stage}: params.yaml: `evaluate.bins` is 0: must be a whole number above 0"
    assert process.stderr.strip() == expected


def test_an_unknown_data_set_is_told_the_known_ones(project: Path) -> None:
    text = (project / "params.yaml").read_text().replace("dataset: digits", "dataset: birds ")
    (project / "params.yaml").write_text(text)
    process = run("fetch", project)
    assert process.returncode == 1
    assert (
        "no block `birds`" in process.stderr
        and "choose one of biwi, digits, digits-labels" in process.stderr
    )
    assert "Traceback" not in process.stderr


def test_a_stage_before_its_inputs_is_one_line(project: Path) -> None:
    process = run("label", project)
    assert process.returncode == 1
    assert "data/raw/pictures" in process.stderr and "dvc repro" in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1


def own_pictures(project: Path, contents: dict[str, bytes], **block: Any) -> None:
    for name, data in contents.items():
        path = project / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    rule = {"pictures": {"url": "mine"}, "label": {"from": "name", "pattern": r"^(.+)_\d+\.jpg$"}}
    (project / "datasets.yaml").write_text(json.dumps({"mine": rule | block}))
    text = (project / "params.yaml").read_text().replace("dataset: digits", "dataset: mine  ")
    (project / "params.yaml").write_text(text)


def test_label_reports_all_its_findings_together(project: Path) -> None:
    contents = {f"{name}_{i}.jpg": picture(seed=i) for name in ("cat", "dog") for i in range(9)}
    own_pictures(project, contents | {"IMG.jpg": b"1", "IMG2.jpg": b"2", "rare_1.jpg": b"3"})
    text = (
        (project / "params.yaml")
        .read_text()
        .replace("on_duplicates: warn ", "on_duplicates: error")
    )
    (project / "params.yaml").write_text(text)
    assert run("fetch", project).returncode == 0
    process = run("label", project)
    assert process.returncode == 1
    message = process.stderr
    assert "2 of 21 images get no label" in message and "IMG.jpg, IMG2.jpg" in message
    assert "with equal bytes are on both sides" in message
    assert "Traceback" not in message
    assert not (project / "data/labels.csv").exists()


def test_a_folder_whose_labels_stand_in_a_csv_walks_to_the_cache(project: Path) -> None:
    names = [f"{i}.jpg" for i in range(20)]
    rows = "".join(f"{i},{'cat' if i % 3 else 'dog'}, {i}.jpg\n" for i in range(20))
    (project / "mine").mkdir()
    (project / "mine/labels.csv").write_text("id,breed,fname\n" + rows)
    rule = {"from": "csv", "file": "labels.csv", "name": "fname", "label": "breed"}
    own_pictures(project, {name: picture(seed=int(name[:-4])) for name in names}, label=rule)
    for stage in ("fetch", "label", "presize"):
        process = run(stage, project)
        assert process.returncode == 0, process.stderr
    table = pd.read_csv(project / "data/labels.csv")
    assert dict(zip(table["name"], table["label"], strict=True)) == {
        name: "cat" if int(name[:-4]) % 3 else "dog" for name in names
    }
    assert len(pd.read_csv(project / "data/presized/index.csv")) == 20
    (project / "mine/labels.csv").write_text("id,breed,fname\n" + rows.replace(" 7.jpg", "77.jpg"))
    assert run("fetch", project).returncode == 0
    process = run("label", project)
    assert process.returncode == 1
    assert process.stderr.startswith("label: 1 images have no row in labels.csv: 7.jpg; add rows")
    assert "label: note: 1 rows of labels.csv have no image: 77.jpg (line 9)" in process.stdout


def test_official_lists_come_from_their_archive_with_a_test_split(project: Path) -> None:
    import tarfile

    contents = {f"{name}_{i}.jpg": picture(seed=i) for name in ("cat", "dog") for i in range(10)}
    (project / "a").mkdir()
    (project / "a/trainval.txt").write_text("".join(f"{n[:-4]} 1\n" for n in list(contents)[::2]))
    (project / "a/test.txt").write_text("".join(f"{n[:-4]} 1\n" for n in list(contents)[1:-1:2]))
    with tarfile.open(project / "lists.tar.gz", "w:gz") as archive:
        archive.add(project / "a", "annotations")
    lists = {
        "url": "lists.tar.gz",
        "train": "annotations/trainval.txt",
        "test": "annotations/test.txt",
    }
    own_pictures(project, contents, lists=lists)
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("split: random  ", "split: official"))
    assert run("fetch", project).returncode == 0
    process = run("label", project)
    assert process.returncode == 0, process.stderr
    assert "1 of 20 images are in none of the dataset's own lists" in process.stdout
    summary = json.loads((project / "reports/labels.json").read_text())
    assert (summary["train"], summary["valid"], summary["test"]) == (8, 2, 9)
    assert summary["in_no_split"] == 1


def test_presize_names_every_bad_picture_and_leaves_no_half_cache(project: Path) -> None:
    contents = {f"cat_{i}.jpg": picture(seed=i) for i in range(4)}
    own_pictures(project, contents | {"bad_1.jpg": picture()[:200], "bad_2.jpg": b"no picture"})
    assert run("fetch", project).returncode == 0
    process = run("presize", project)
    assert process.returncode == 1
    assert "2 of 6 images cannot be decoded: bad_1.jpg (" in process.stderr
    assert "bad_2.jpg (" in process.stderr
    assert not list((project / "data/presized").iterdir())
    text = (project / "params.yaml").read_text().replace("on_error: stop ", "on_error: skip ")
    (project / "params.yaml").write_text(text)
    process = run("presize", project)
    assert process.returncode == 0, process.stderr
    assert "2 of 6 images left out" in process.stdout
    summary = json.loads((project / "reports/presize.json").read_text())
    assert summary == {"pictures": 4, "size": 32, "skipped": 2}


def test_the_catalogue_reports_all_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(
        "x:\n  pictures: {url: 3, sha256: abc}\n  label: {from: nmae, pattern: '(', kind: 1}\n"
    )
    with pytest.raises(ValueError, match="datasets.yaml: x") as caught:
        catalog.load_dataset_entry("x", path)
    output = str(caught.value)
    for key in ("pictures.url", "pictures.sha256", "label.from", "label.pattern", "label.kind"):
        assert f"`{key}`" in output, output
    assert "`label.from` is 'nmae': must be 'name' or 'folder' or 'path' or 'csv'" in output
    for rule, message in {
        "from: name": "label.pattern is missing",
        "from: csv": "label.from: csv needs label.file, label.name, label.label too: file: labels",
        "from: csv, file: a.csv, name: '', label: ": "csv needs label.name, label.label too",
        "from: folder, file: a.csv": "label.file: only for label.from: csv; remove it",
        "from: csv, file: 3": "`label.file` is 3: must be text",
        r"from: name, pattern: '^(\d'": r"`label.pattern` is '^(\d': must be a regular expression",
    }.items():
        path.write_text(f"x:\n  pictures: {{url: a}}\n  label: {{{rule}}}\n")
        with pytest.raises(ValueError, match=re.escape(message)):
            catalog.load_dataset_entry("x", path)


def test_a_clock_is_read_at_a_glance() -> None:
    assert console.format_seconds(7.26) == "7.3 s"
    assert console.format_seconds(65.4) == "01:05"
