"""dvc.yaml is true: deps are what a stage imports, params what it reads, outs what it names."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from pawprint.core import params
from tests.closure import closure
from tests.conftest import ROOT

GRAPH: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def paths(entries: list[Any]) -> set[str]:
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def is_code(dep: str) -> bool:
    return dep.startswith(("src/", "stages/"))


def written(stage: dict[str, Any]) -> set[str]:
    return set.union(*(paths(stage.get(kind, [])) for kind in ("outs", "metrics", "plots")))


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", GRAPH)
def test_the_code_deps_are_the_import_closure(name: str) -> None:
    declared = {dep for dep in GRAPH[name]["deps"] if is_code(dep)}
    own = Path(f"stages/{name}.py")
    assert declared == {str(path) for path in closure(own)} | {str(own), "stages/__init__.py"}


@pytest.mark.parametrize("name", GRAPH)
def test_the_files_are_the_constants_of_the_stage(name: str) -> None:
    module = importlib.import_module(f"stages.{name}")
    constants = {str(value) for value in vars(module).values() if isinstance(value, Path)}
    data = {dep for dep in GRAPH[name]["deps"] if not is_code(dep)}
    assert constants == data | written(GRAPH[name])


@pytest.mark.parametrize("name", GRAPH)
def test_the_command_is_constant(name: str) -> None:
    assert GRAPH[name]["cmd"] == f"python -m stages.{name}"


def test_every_dep_is_written_by_one_stage() -> None:
    made = [path for stage in GRAPH.values() for path in written(stage)]
    assert len(made) == len(set(made))
    for stage in GRAPH.values():
        assert {dep for dep in stage["deps"] if not is_code(dep)} <= set(made)


def test_metrics_and_plots_are_in_git_and_outs_are_cached() -> None:
    for stage in GRAPH.values():
        for kind in ("metrics", "plots"):
            for entry in stage.get(kind, []):
                if isinstance(entry, str):  # a picture is too large for git
                    assert kind == "plots" and entry.endswith(".png")
                else:
                    (settings,) = entry.values()
                    assert settings["cache"] is False
        assert all(isinstance(out, str) for out in stage.get("outs", []))
    assert "persist" not in (ROOT / "dvc.yaml").read_text()


def test_imports_run_one_way() -> None:
    for path in (ROOT / "src/pawprint").glob("*.py"):
        assert path.relative_to(ROOT) not in closure(path.relative_to(ROOT)), path


@pytest.mark.parametrize("name", ["fetch", "label"])
def test_fetch_and_label_import_no_torch(name: str) -> None:
    for path in (Path(f"stages/{name}.py"), *closure(Path(f"stages/{name}.py"))):
        assert not re.search(r"^\s*(import|from) torch", path.read_text(), re.M), path


def test_only_params_reads_params_and_stages_stay_short() -> None:
    for path in (ROOT / "stages").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 50, path
    for path in (ROOT / "src/pawprint").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda p: p.name)
@pytest.mark.parametrize("override", ["lr=3e-3", "seed=7", "weights=DEFAULT", "augment.flip=0.25"])
def test_an_override_changes_one_line(tmp_path: Path, preset: Path, override: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(preset.read_text())
    apply_overrides(path, [override])
    before, after = preset.read_text().splitlines(), path.read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    key = override.partition("=")[0].rpartition(".")[2]
    assert [line.split(":")[0].strip() for line in changed] in ([key], [])
    params.load(path)


def test_the_readme_shows_the_graph_as_dvc_draws_it() -> None:
    dvc = Path(sys.executable).with_name("dvc")
    made = subprocess.run([dvc, "dag", "--mermaid"], capture_output=True, text=True, check=True)
    (shown,) = re.findall(r"```mermaid\n(.*?)\n```", (ROOT / "README.md").read_text(), re.S)
    assert shown == made.stdout.strip()
