"""The real dvc command in collab/, in a copy of the project: the twin, offline."""

import json
import re
import signal
from pathlib import Path

import pytest

from tests.copies import (
    call,
    edit,
    end_process,
    fresh_copy,
    lock_out_of_step,
    outs,
    running,
    stages_run,
    wait_for,
)

pytestmark = pytest.mark.dvc
STAGES = ["fetch", "split", "lr_find", "train", "evaluate"]


@pytest.fixture(scope="module")
def built_ratings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy in which the ratings have been built, and what dvc said; the tests follow on it."""
    root = fresh_copy(tmp_path_factory.mktemp("ratings") / "project")
    assert not lock_out_of_step(tmp_path_factory.mktemp("step"), "collab")
    for stale in (root / "collab/reports").glob("*.*"):
        stale.unlink()
    (root / "collab/dvc.lock").unlink()
    output = call(root / "collab", "dvc", "repro")
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-qm", "built", "--allow-empty")  # equal bytes on one machine
    return root, output


def test_the_twin_is_built_and_a_second_run_does_nothing(built_ratings: tuple[Path, str]) -> None:
    root, message = built_ratings
    assert sorted(stages_run(message)) == sorted(STAGES)
    again = call(root / "collab", "dvc", "repro")
    assert "up to date" in again and not stages_run(again)
    judged = json.loads((root / "collab/reports/evaluate.json").read_text())
    assert list(judged) == ["mse", "rmse", "mae", "noise", "n"]
    assert judged["noise"] < judged["rmse"] < 1.05 * judged["noise"]
    ranked = json.loads((root / "collab/reports/ranking.json").read_text())
    assert ranked["ndcg"] > ranked["popular_ndcg"]  # its users rate more of what they like


def test_the_pictures_see_nothing_of_it(built_ratings: tuple[Path, str]) -> None:
    root, _ = built_ratings
    assert "collab" not in call(root, "dvc", "metrics", "show", "--json")
    assert "collab" not in call(root, "dvc", "stage", "list", "--all")
    assert "rmse" in call(root / "collab", "dvc", "metrics", "show", "--json")
    assert call(root, "git", "status", "--short") == ""


def test_another_rate_reads_nothing_again_and_searches_no_rate(
    built_ratings: tuple[Path, str],
) -> None:
    folder = built_ratings[0] / "collab"
    edit(folder, "lr: 0.01 ", "lr: 0.02 ")
    output = call(folder, "dvc", "repro", "--dry")
    edit(folder, "lr: 0.02 ", "lr: 0.01 ")
    assert stages_run(output) == ["train"]  # and evaluate, if another model comes out


def test_a_killed_training_goes_on_to_the_same_bytes_when_forced(
    built_ratings: tuple[Path, str],
) -> None:
    folder = built_ratings[0] / "collab"
    before = outs(folder)
    process = running(folder, "dvc", "repro", "--single-item", "--force", "train")
    wait_for(process, r"^ +3 ")
    assert end_process(process, signal.SIGKILL) == -9
    assert not (folder / "models/factors.safetensors").exists()
    output = call(folder, "dvc", "repro", "--single-item", "--force", "train")
    (done,) = re.findall(r"resumed after epoch (\d+)", output)
    epochs = [int(epoch) for epoch in re.findall(r"^ +(\d+) +\d\.", output, re.M)]
    assert int(done) >= 4 and epochs == list(range(10))
    assert outs(folder) == before
    assert not (folder / ".scratch").exists()
