"""What is said of figures whose params, data or code are others now, from DVC's own words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pawprint.experiments import last_run, workspace

MODEL, SUMMARY = "models/unfrozen.safetensors", "reports/evaluate.json"
STAGES = {
    "train_unfrozen": {
        "params": {"params.yaml": {"lr": 0.1, "unfrozen": {"epochs": 3}}},
        "outs": [{"path": MODEL, "md5": "a"}],
    },
    "evaluate": {
        "deps": [{"path": MODEL, "md5": "a"}],
        "outs": [{"path": SUMMARY, "md5": "b"}],
    },
    "report": {"deps": [{"path": SUMMARY, "md5": "b"}]},
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's lock and params, as the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(json.dumps({"stages": STAGES}))
    Path("params.yaml").write_text("lr: 0.1\nunfrozen:\n  epochs: 3\n")
    return tmp_path


def status(**stages: Any) -> workspace.Status:
    return workspace.read(stages)


def test_a_run_that_is_up_to_date_has_no_problems() -> None:
    assert status().problems("evaluate") == [] and status().problems("report") == []


def test_a_report_that_is_out_of_date_leaves_the_figures_right() -> None:
    actual = status(report=[{"changed deps": {"src/pawprint/page.py": "modified"}}])
    last_run.check(actual)
    assert actual.problems("report") == ["src/pawprint/page.py has changed since report ran"]


def test_a_param_is_named_with_both_values() -> None:
    Path("params.yaml").write_text("lr: 0.5\nunfrozen:\n  epochs: 4\n")
    with pytest.raises(
        ValueError, match=r"ones: lr is 0\.5 in params\.yaml, but the run used 0\.1, and 1"
    ):
        last_run.check(
            status(train_unfrozen=[{"changed deps": {"params.yaml": {"lr": "modified"}}}])
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"changed outs": {SUMMARY: "modified"}}, f"{SUMMARY} is not what evaluate wrote"),
        ({"changed deps": {MODEL: "modified"}}, f"{MODEL} has changed since evaluate ran"),
        ({"changed deps": {"src/a.py": "new"}}, "evaluate ran without src/a.py"),
        ("changed command", "the command of evaluate in dvc.yaml has changed"),
    ],
)
def test_each_change_has_its_words(change: str | Mapping[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"the current ones: {reason}; `dvc repro` makes it again"):
        last_run.check(status(evaluate=[change]))


def test_files_that_are_not_here_make_no_figure_wrong() -> None:
    actual = status(
        evaluate=[{"changed deps": {MODEL: "deleted"}}],
        train_unfrozen=[{"changed outs": {MODEL: "not in cache"}}],
    )
    last_run.check(actual)
    assert last_run.asides(actual) == [
        f"note: missing: {MODEL}; `dvc pull` gets them if a remote has them, "
        "`dvc repro` makes them again"
    ]


def test_a_part_of_the_graph_is_seen_in_the_lock_alone() -> None:
    stages = json.loads(json.dumps(STAGES))
    stages["train_unfrozen"]["outs"][0]["md5"] = "retrained"
    Path("dvc.lock").write_text(json.dumps({"stages": stages}))
    with pytest.raises(
        ValueError, match="evaluate read another version of models/unfrozen.safetensors"
    ):
        last_run.check(status())


def test_without_a_lock_nothing_says_whose_figures_they_are() -> None:
    Path("dvc.lock").unlink()
    with pytest.raises(ValueError, match="dvc.lock has no run of stage evaluate; `dvc repro`"):
        last_run.check(status())


def test_where_dvc_cannot_say_that_is_said() -> None:
    actual = workspace.status()  # no DVC here
    assert "not inside of a DVC repository" in actual.unknown
    (note,) = last_run.asides(actual)
    assert "because `dvc status` fails: you are not inside" in note


def test_a_damaged_lock_says_how_to_get_another() -> None:
    Path("dvc.lock").write_text("stages: 3")
    with pytest.raises(
        ValueError, match="not in the format that DVC 3 writes; delete it, then `dvc repro`"
    ):
        last_run.check(status())
