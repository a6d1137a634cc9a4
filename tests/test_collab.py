"""collab/: its params and catalogue, a true graph, and its stages on a served MovieLens."""

import hashlib
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from dvc.utils.hydra import apply_overrides

from pawprint.core import yaml_file
from pawprint.ratings import config, planted
from tests.closure import closure
from tests.conftest import ROOT
from tests.server import Site, serving
from tests.test_graph import assert_deps_cover, paths, write_files

FOLDER = ROOT / "collab"
GRAPH: dict[str, Any] = yaml_file.load(FOLDER / "dvc.yaml")["stages"]
PRESETS = sorted((FOLDER / "presets").glob("*.yaml"))


def is_code(dep: str) -> bool:
    return dep.startswith(("src/", "stages/"))


@pytest.mark.parametrize("name", GRAPH)
def test_the_code_deps_cover_the_import_closure_and_no_more(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert_deps_cover(GRAPH[name]["deps"], Path(f"collab/stages/{name}.py"))
    assert GRAPH[name]["cmd"] == f"python -m stages.{name}"


@pytest.mark.parametrize("name", GRAPH)
def test_the_files_are_the_constants_of_the_stage(name: str) -> None:
    module = importlib.import_module(f"collab.stages.{name}")
    constants = {str(value) for value in vars(module).values() if isinstance(value, Path)}
    data = {dep for dep in GRAPH[name]["deps"] if not is_code(dep)}
    assert constants == data | write_files(GRAPH[name])
    assert len((FOLDER / f"stages/{name}.py").read_text().splitlines()) <= 50


def test_metrics_and_tables_are_in_git_and_the_rest_is_cached() -> None:
    for stage in GRAPH.values():
        for entry in [*stage.get("metrics", []), *stage.get("plots", [])]:
            if isinstance(entry, dict):
                (settings,) = entry.values()
                assert settings["cache"] is False
            else:
                assert entry.endswith(".png")
    rows = [path for stage in GRAPH.values() for path in write_files(stage)]
    assert len(rows) == len(set(rows))
    assert paths(GRAPH["evaluate"]["metrics"]) == {"reports/evaluate.json", "reports/ranking.json"}


@pytest.mark.parametrize("name", ["fetch", "split"])
def test_fetch_and_split_import_no_torch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for path in (FOLDER / f"stages/{name}.py", *closure(Path(f"collab/stages/{name}.py"))):
        assert not re.search(r"^\s*(import|from) torch", path.read_text(), re.M), path


def test_the_params_are_a_copy_of_a_preset_and_share_the_configuration() -> None:
    assert (FOLDER / "params.yaml").read_text() == (FOLDER / "presets/planted.yaml").read_text()
    assert (FOLDER / ".dvc/config").read_text() == (ROOT / ".dvc/config").read_text()
    plot = ".dvc/plots/learning_rate.json"
    assert (FOLDER / plot).read_text() == (ROOT / plot).read_text()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.name)
@pytest.mark.parametrize("override", ["lr=3e-3", "model.factors=20", "split.rule=time"])
def test_an_override_changes_one_line(tmp_path: Path, preset: Path, override: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(preset.read_text())
    apply_overrides(path, [override])
    pairs = zip(preset.read_text().splitlines(), path.read_text().splitlines(), strict=True)
    key = override.partition("=")[0].rpartition(".")[2]
    assert [new.split(":")[0].strip() for old, new in pairs if old != new] == [key]
    config.load(path)


def test_the_presets_of_the_chapter_differ_by_what_their_heads_say() -> None:
    rows = {path.stem: yaml_file.load(path) for path in PRESETS}
    lines = {
        name: {
            f"{key}.{one}": value
            for key in ("model", "optimizer")
            for one, value in content[key].items()
            if value != rows["bias"][key][one]
        }
        for name, content in rows.items()
        if content["dataset"] == "ml-100k"
    }
    assert lines == {
        "bias": {},
        "decay": {"optimizer.weight_decay": 0.1},
        "dot": {"model.kind": "dot", "model.low": None, "model.high": None},
        "network": {"model.kind": "network", "model.factors": None},
        "range": {"model.kind": "dot"},
    }
    for name in lines:
        rest = {"model": None, "optimizer": None}
        assert rows[name] | rest == rows["bias"] | rest
        assert (rows[name]["lr"], rows[name]["train"]["epochs"]) == (5e-3, 5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  low: 0.0 ", "  low: ", "model.low and model.high: set both, or leave both empty"),
        ("  low: 0.0 ", "  low: 6.0 ", "model.low must be below model.high"),
        ("  factors: 3 ", "  factors: ", "model.factors is empty: model.kind bias needs a number"),
        ("  rule: random", "  rule: randm", "`split.rule` is 'randm': must be 'random' or 'time'"),
        ("  k: 10 ", "  n: 10 ", r"`evaluate.k` is missing: .*; presets/planted.yaml has every"),
    ],
)
def test_a_wrong_param_is_named_with_its_remedy(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (FOLDER / "presets/planted.yaml").read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        config.load(tmp_path / "params.yaml")


def test_a_wrong_block_is_named_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text("x:\n  ratings: {url: a.csv}\n  table: {user: u}\n  title: {}\n")
    with pytest.raises(ValueError) as caught:
        config.load_ratings_entry("x", path)
    assert "name all three, or none" in str(caught.value)
    assert "`title` is a section: unknown key (did you mean `titles`?)" in str(caught.value)
    path.write_text("x:\n  ratings: {url: a.csv}\n")
    assert config.load_ratings_entry("x", path).table.names == {}
    with pytest.raises(ValueError, match=r"no block `y`.*choose one of x"):
        config.load_ratings_entry("y", path)


def movielens(users: int = 60, items: int = 40) -> bytes:
    """ml-100k.zip in its published layout: whole stars, tabs, pipes, latin-1."""
    result = planted.plant_ratings(1, users, items)
    stars = np.clip(np.rint(result.ratings), 1, 5).astype(int)
    rows = [
        f"{user + 1}\t{item + 1}\t{stars[user, item]}\t{result.times[user, item]}\n"
        for user, item in np.argwhere(result.rated).tolist()
    ]
    titles = "".join(
        f"{item + 1}|{'Misérables, Les' if item == 0 else f'Film {item}'} (1995)|01-Jan-1995||"
        f"http://us.imdb.com/M/title-exact?{item}|{'|'.join('0' * 19)}\n"
        for item in range(items)
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("ml-100k/", "ml-100k/README"):
            archive.writestr(name, "")
        archive.writestr("ml-100k/u.data", "".join(rows))
        archive.writestr("ml-100k/u.item", titles.encode("latin-1"))
    return file.getvalue()


class Recording(config.Params):
    """Params that remember which of them were read."""

    def __getattribute__(self, name: str) -> Any:
        if name in config.Params.model_fields:
            SEEN.add(name)
        return super().__getattribute__(name)


SEEN: set[str] = set()


def prepare(folder: Path, site: Site, preset: str) -> None:
    """A folder in which the stages of a preset find their archive on this site."""
    archive = site.files["/ml-100k.zip"]
    published = (FOLDER / "datasets.yaml").read_text()
    url = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
    assert url in published and "0e33842e24a9c977be4e0107933c0723" in published
    (folder / "datasets.yaml").write_text(
        published.replace(url, f"{site.url}/ml-100k.zip").replace(
            "0e33842e24a9c977be4e0107933c0723", hashlib.md5(archive).hexdigest()
        )
    )
    shutil.copy(FOLDER / f"presets/{preset}.yaml", folder / "params.yaml")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The params that each stage read, once all have run in order on a served ml-100k.zip."""
    folder = tmp_path_factory.mktemp("collab")
    os.environ.pop("DVC_ROOT", None)
    with pytest.MonkeyPatch.context() as patch, serving({"/ml-100k.zip": movielens()}) as site:
        patch.chdir(folder)
        patch.delenv("PAWPRINT_DATA", raising=False)
        prepare(folder, site, "decay")
        recording = Recording.model_validate(yaml_file.load(Path("params.yaml")))
        patch.setattr(config, "load", lambda: recording)
        read = {}
        for name in GRAPH:
            SEEN.clear()
            importlib.import_module(f"collab.stages.{name}").main()
            read[name] = set(SEEN)
        assert site.asked == [("/ml-100k.zip", None)]
        yield read
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", GRAPH)
def test_the_declared_params_are_the_ones_that_are_read(
    ran: dict[str, set[str]], name: str
) -> None:
    declared = {key for key in GRAPH[name]["params"] if isinstance(key, str)}
    assert ran[name] - {"runtime"} == declared


def test_a_served_movielens_goes_through(ran: dict[str, set[str]]) -> None:
    expected = set.union(*(write_files(stage) for stage in GRAPH.values()))
    rows = {str(path) for top in ("data", "models", "reports") for path in Path(top).rglob("*.*")}
    assert {path for path in rows if "/run/" not in path} | {"data/raw/ratings"} == expected
    table = pd.read_csv("data/ratings.csv")
    assert list(table) == ["user", "item", "rating", "time", "split"]
    assert "Misérables, Les (1995)" in set(table["item"]) and set(table["rating"]) <= set(range(6))
    judged = json.loads(Path("reports/evaluate.json").read_text())
    assert list(judged) == ["mse", "rmse", "mae", "n"]  # no noise is known of real ratings
    assert judged["n"] == int(0.2 * len(table)) == (table["split"] == "valid").sum()
    last = json.loads(Path("reports/train.json").read_text())["train"]
    assert judged["mse"] == pytest.approx(last["valid_loss"], rel=1e-12)
    ranked = json.loads(Path("reports/ranking.json").read_text())
    assert 0 < ranked["recall"] < 1 and 0 < ranked["popular_ndcg"] < 1
    biases = pd.read_csv("reports/biases.csv")
    assert biases["bias"].is_monotonic_decreasing and "Misérables, Les (1995)" in set(
        biases["item"]
    )


def test_auto_takes_the_valley_of_the_finder(
    ran: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml_file.load(Path("params.yaml")) | {"lr": "auto"}
    content["train"] |= {"epochs": 0}
    monkeypatch.setattr(config, "load", lambda: config.Params.model_validate(content))
    kept = Path("models/factors.safetensors").read_bytes()
    importlib.import_module("collab.stages.train").main()
    text = json.loads(Path("reports/lr_find.json").read_text())
    head = Path("models/factors.safetensors").read_bytes()
    assert f'\\"lr\\": {text["valley"]}'.encode() in head
    Path("models/factors.safetensors").write_bytes(kept)


@pytest.mark.parametrize(
    ("stage", "file", "old", "new", "message"),
    [
        ("fetch", "params.yaml", "dataset: ml-100k", "dataset: ml-1m  ", "no block `ml-1m`"),
        ("split", "params.yaml", "", "", "data/raw/ratings: No such file or directory; an earlier"),
        ("split", "params.yaml", "k: 10 ", "k: 0 ", "`evaluate.k` is 0: must be a whole number"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, stage: str, file: str, old: str, new: str, message: str
) -> None:
    with serving({"/ml-100k.zip": b""}) as site:
        prepare(tmp_path, site, "bias")
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new) if old else text)
    (tmp_path / "collab").mkdir()
    shutil.copytree(FOLDER / "stages", tmp_path / "collab/stages")
    (tmp_path / "src").symlink_to(ROOT / "src")
    for name in ("params.yaml", "datasets.yaml"):
        shutil.move(tmp_path / name, tmp_path / "collab" / name)
    command = [sys.executable, "-m", f"stages.{stage}"]
    process = subprocess.run(
        command, cwd=tmp_path / "collab", capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert message in process.stderr and len(process.stderr.strip().splitlines()) == 1
