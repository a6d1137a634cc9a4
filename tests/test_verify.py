"""What verify says of two runs; the run itself is tested with the real dvc command."""

from pawprint import verify

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
    assert verify.differing(before, before) == []
    assert verify.differing(before, {"x": "1", "y": "0"}) == ["y", "z"]


def test_another_machine_or_version_explains_a_difference() -> None:
    other = HERE | {"device": "NVIDIA H200", "versions": {"torch": "2.16.0", "numpy": "2.4"}}
    said = verify.explained(HERE, other)
    assert said.startswith("explained by")
    assert said.endswith(": device cpu -> NVIDIA H200, torch 2.15.0 -> 2.16.0")


def test_the_same_machine_explains_nothing_and_an_unknown_one_is_said_to_be() -> None:
    assert verify.explained(HERE, HERE).startswith("not explained")
    assert "is not known here" in verify.explained({}, HERE)
