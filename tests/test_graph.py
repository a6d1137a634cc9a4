"""dvc.yaml is true: deps are what a stage imports, params what it reads, outs what it names."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides

from pawprint.core import params, yaml_file
from tests.closure import SOURCE, closure, imports_of
from tests.conftest import ROOT

GRAPH: dict[str, Any] = yaml_file.load(ROOT / "dvc.yaml")["stages"]


MODULES = sorted(
    path.relative_to(ROOT) for path in (ROOT / SOURCE).rglob("*.py") if path.name != "__init__.py"
)


def paths(entries: list[Any]) -> set[str]:
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def is_code(dep: str) -> bool:
    return dep.startswith(("src/", "stages/"))


def write_files(stage: dict[str, Any]) -> set[str]:
    return set.union(*(paths(stage.get(kind, [])) for kind in ("outs", "metrics", "plots")))


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", GRAPH)
def test_the_code_deps_cover_the_import_closure_and_no_more(name: str) -> None:
    assert_deps_cover(GRAPH[name]["deps"], Path(f"stages/{name}.py"))


def assert_deps_cover(deps: list[str], stage: Path) -> None:
    """Each file that the stage imports lies under a dep, terminal/ aside; each dep has one."""
    assert {f"stages/{stage.name}", "stages/__init__.py"} <= {*deps}
    library = [Path(dep) for dep in deps if dep.startswith("src/")]
    needed = {path for path in closure(stage) if path.parts[2] != "terminal"}
    covered = {dep: {path for path in needed if path.is_relative_to(dep)} for dep in library}
    assert needed == set[Path]().union(*covered.values())
    assert [str(dep) for dep, files in covered.items() if not files] == []


@pytest.mark.parametrize("name", GRAPH)
def test_the_files_are_the_constants_of_the_stage(name: str) -> None:
    module = importlib.import_module(f"stages.{name}")
    constants = {str(value) for value in vars(module).values() if isinstance(value, Path)}
    data = {dep for dep in GRAPH[name]["deps"] if not is_code(dep)}
    assert constants == data | write_files(GRAPH[name])


@pytest.mark.parametrize("name", GRAPH)
def test_the_command_is_constant(name: str) -> None:
    assert GRAPH[name]["cmd"] == f"python -m stages.{name}"


def test_every_dep_is_written_by_one_stage() -> None:
    rows = [path for stage in GRAPH.values() for path in write_files(stage)]
    assert len(rows) == len(set(rows))
    for stage in GRAPH.values():
        assert {dep for dep in stage["deps"] if not is_code(dep)} <= set(rows)


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


FLOORS = (  # each package imports those before it alone
    *(
        "core",
        "terminal",
        "storage",
        "data",
        "runtime",
        "vision",
        "models",
        "training",
        "evaluation",
    ),
    *("reporting", "ratings", "inference", "experiments", "curation", "cli"),
)


def test_imports_run_downwards_only() -> None:
    for path in MODULES:
        assert path not in closure(path), f"{path} imports itself, through others"
        floor = FLOORS.index(path.parts[2])
        for module in imports_of(path):
            assert FLOORS.index(module.parts[2]) <= floor, f"{path} imports {module}, from above"


def test_a_package_is_a_docstring() -> None:
    for package in (SOURCE, *(SOURCE / floor for floor in FLOORS)):
        (statement,) = ast.parse((package / "__init__.py").read_text()).body
        assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    assert {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"} == {*FLOORS}


def stages_that_list(path: str) -> set[str]:
    """Stages that a change of this file makes stale."""
    return {
        name
        for name, stage in GRAPH.items()
        if any(Path(path).is_relative_to(dep) for dep in stage["deps"])
    }


def test_a_change_makes_no_more_stages_stale_than_it_must() -> None:
    trained = {"lr_find", "train_frozen", "lr_find_unfrozen", "train_unfrozen"}
    for package in ("terminal", "ratings", "inference", "experiments", "curation", "cli"):
        for path in (SOURCE / package).rglob("*.py"):
            assert stages_that_list(str(path)) == set(), path
    for path in (SOURCE / "reporting").rglob("*"):
        assert stages_that_list(str(path)) <= {"preview", "report"}, path
    for path in (SOURCE / "evaluation").rglob("*.py"):
        assert stages_that_list(str(path)) <= {"evaluate", "report"}, path
    for path in (SOURCE / "training").rglob("*.py"):
        assert stages_that_list(str(path)) == {*trained, "report"}, path


@pytest.mark.parametrize("name", ["fetch", "label"])
def test_fetch_and_label_import_no_torch(name: str) -> None:
    for path in (Path(f"stages/{name}.py"), *closure(Path(f"stages/{name}.py"))):
        assert not re.search(r"^\s*(import|from) torch", path.read_text(), re.M), path


def test_only_params_reads_params_and_stages_stay_short() -> None:
    for path in (ROOT / "stages").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 50, path
    for path in MODULES:
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
    process = subprocess.run([dvc, "dag", "--mermaid"], capture_output=True, text=True, check=True)
    (shown,) = re.findall(r"```mermaid\n(.*?)\n```", (ROOT / "README.md").read_text(), re.S)
    assert shown == process.stdout.strip()


def test_code_in_strings_of_tests_imports_what_there_is() -> None:
    """Long tests run such code in processes by themselves, and seldom: a move must not break it."""
    strings = [
        (path.name, node.value)
        for path in sorted((ROOT / "tests").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    imports = [
        (name, module, word.split(" as ")[0].strip())
        for name, text in strings
        for module, words in re.findall(
            r"(?:^|[;\s])from (pawprint[\w.]*) import ([\w, ]+)", text, re.M
        )
        for word in words.split(",")
    ]
    assert len(imports) > 3
    for name, module, word in imports:
        assert hasattr(importlib.import_module(module), word) or importlib.util.find_spec(
            f"{module}.{word}"
        ), f"{name}: from {module} import {word}"
