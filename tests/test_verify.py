"""What verify says of two runs; the run itself is tested with the real dvc command."""

from pathlib import Path

from dvc.utils.serialize import dumps_yaml

from pawprint.experiments import verify
from tests.copies import call

HERE = {"device": "cpu", "dtype": "bfloat16", "versions": {"torch": "2.15.0", "numpy": "2.4"}}


def test_outputs_are_compared_by_path_and_missing_ones_count() -> None:
    lock = {
        "stages": {
            "a": {"outs": [{"path": "x", "md5": "1"}, {"path": "y", "md5": "2"}]},
            "b": {"cmd": "true"},
            "c": {"outs": [{"path": "z", "md5": "3"}]},
        }
    }
    before = verify.outs(lock)
    assert before == {"x": "1", "y": "2", "z": "3"}
    assert verify.differing_outs(before, before) == []
    assert verify.differing_outs(before, {"x": "1", "y": "0"}) == ["y", "z"]


def test_another_machine_or_version_explains_a_difference() -> None:
    other = HERE | {"device": "NVIDIA H200", "versions": {"torch": "2.16.0", "numpy": "2.4"}}
    difference = verify.explain_difference(HERE, other)
    assert difference.startswith("possible cause")
    assert difference.endswith(": device cpu -> NVIDIA H200, torch 2.15.0 -> 2.16.0")


def test_the_same_machine_explains_nothing_and_an_unknown_one_is_said_to_be() -> None:
    assert verify.explain_difference(HERE, HERE).startswith("no known cause")
    assert "is not known here" in verify.explain_difference({}, HERE)


def test_a_project_in_a_subfolder_of_its_repository_is_rebuilt_there(tmp_path: Path) -> None:
    """As collab/ is, whose code lies beside it; and the pictures that git does not bring along."""
    root = tmp_path / "whole/collab"
    root.mkdir(parents=True)
    (tmp_path / "whole/code.txt").write_text("x")
    stage = {"cmd": "cat ../code.txt mine.csv > out.txt", "deps": ["../code.txt"]}
    (root / "dvc.yaml").write_text(dumps_yaml({"stages": {"one": stage | {"outs": ["out.txt"]}}}))
    (root / "params.yaml").write_text("dataset: mine\n")
    (root / "datasets.yaml").write_text("mine:\n  ratings:\n    url: mine.csv\n")
    (root / "mine.csv").write_text("1,2,3\n")
    (root / ".gitignore").write_text("mine.csv\n/out.txt\n")
    call(root, "git", "init", "-q", "..")
    call(root, "dvc", "init", "-q", "--subdir")
    call(root, "dvc", "repro", "-q")
    call(root, "git", "add", "-A", "..")
    call(root, "git", "commit", "-qm", "Built")
    equal, lines = verify.verify_commit(root)
    assert equal and lines[0].startswith("1 of 1 outputs of ")


def test_a_commit_of_several_runs_is_told(tmp_path: Path) -> None:
    stages = {
        "train": {"outs": [{"path": "m", "md5": "new"}]},
        "evaluate": {"deps": [{"path": "m", "md5": "old"}]},
    }
    (tmp_path / "dvc.lock").write_text(dumps_yaml({"stages": stages}))
    (note,) = verify.mixed_run_notes(tmp_path, "abc")
    assert (
        note
        == "note: abc mixes parts of several runs: evaluate read another version of m than train "
        "wrote"
    )
