"""`pawprint summary` as a user runs it: what it shows, and what it finds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pawprint.core import yaml_file
from pawprint.curation.dry_run import PICTURES, PRETRAINED
from pawprint.curation.stage_outputs import check_fetched, check_ran
from pawprint.data import splits
from pawprint.runtime import tensor_file
from tests.conftest import picture
from tests.test_stages import own_pictures, run

STEPS = [
    *("found", "sample", "labelled", "split", "presized", "augmented", "batched"),
    *("network", "loss"),
]


def summary(project: Path, fails: bool = False) -> str:
    command = [sys.executable, "-c", "from pawprint.cli import main; main.main()", "summary"]
    process = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert (process.returncode != 0) == fails, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process.stdout + process.stderr


def files(project: Path) -> set[Path]:
    return {path for path in project.rglob("*") if path.is_file()}


def test_a_sample_walks_through_the_whole_chain(project: Path) -> None:
    assert run("fetch", project).returncode == 0
    before = files(project)
    metrics = summary(project)
    assert [line.split()[0] for line in metrics.splitlines()] == [*STEPS, "Nothing"]
    assert "1,797 images" in metrics and "train 1,438, valid 359" in metrics
    assert "8×8 px -> 32×32×3 uint8, 0 to " in metrics
    assert "23 batches of 63 per epoch" in metrics
    assert "body 4×512×1×1 -> head 4×10" in metrics and "guessing gives 2.30" in metrics
    assert files(project) == before


def test_the_loss_before_training_is_the_recipes(project: Path) -> None:
    """With other dropout in the head, another loss."""
    assert run("fetch", project).returncode == 0
    before, path = summary(project).splitlines(), project / "params.yaml"
    path.write_text(path.read_text().replace("dropout: 0.5", "dropout: 0.0"))
    after = summary(project).splitlines()
    assert before[-2].startswith("loss ") and before[-2] != after[-2]
    assert before[:-2] == after[:-2]


def test_before_fetch_it_says_what_to_run(project: Path) -> None:
    (line,) = summary(project, fails=True).splitlines()
    assert line == "wrong      data/raw/pictures: not here yet; run `dvc repro fetch`"


@pytest.fixture
def mine(project: Path) -> Path:
    """24 cats and 24 dogs; every fault is added by its test."""
    contents = {
        f"{name}_{i}.jpg": picture(seed=start + i)
        for name, start in (("cat", 0), ("dog", 100))
        for i in range(24)
    }
    own_pictures(project, contents)
    return project


def test_names_without_a_label_are_the_first_thing_wrong(mine: Path) -> None:
    (mine / "mine" / "IMG7.jpg").write_bytes(picture(seed=7))
    assert run("fetch", mine).returncode == 0
    lines = summary(mine, fails=True).splitlines()
    assert lines[-1].startswith("wrong      1 of 49 images get no label")
    assert "IMG7.jpg" in lines[-1] and "fix the rule in datasets.yaml" in lines[-1]
    assert [line.split()[0] for line in lines[:9]] == STEPS  # the rest is shown all the same


def test_a_class_that_training_never_sees_is_wrong(mine: Path) -> None:
    for name in ("ape_1.jpg", "elk_1.jpg"):
        (mine / "mine" / name).write_bytes(picture(seed=ord(name[0])))
    # ape_1.jpg is the first of 50 names: a seed by which it falls to valid, elk_1.jpg to train
    image_sizes = {seed: splits.random_split(50, 0.2, seed) for seed in range(40)}
    seed = next(s for s, side in image_sizes.items() if (side[0], side[49]) == ("valid", "train"))
    text = (mine / "params.yaml").read_text().replace("  seed: 42 ", f"  seed: {seed} ")
    (mine / "params.yaml").write_text(text)
    assert run("fetch", mine).returncode == 0
    metrics = summary(mine, fails=True)
    assert "1 of 4 classes have no image in train, so they cannot be learned: ape" in metrics
    assert (
        "note       train has" in metrics
        and "1 of elk" in metrics
        and "look at macro_f1" in metrics
    )
    assert "an epoch has only 1 batch," in metrics and "lower batch_size (64)" in metrics


def test_copies_across_the_split_are_noted(mine: Path) -> None:
    for i in range(12):
        (mine / "mine" / f"cat_{100 + i}.jpg").write_bytes(picture(seed=i))
    assert run("fetch", mine).returncode == 0
    metrics = summary(mine)
    assert "note" in metrics and "with equal bytes are on both sides of the split" in metrics


def test_a_picture_that_cannot_be_decoded_is_named(mine: Path) -> None:
    for path in (mine / "mine").glob("cat_*.jpg"):
        path.write_bytes(path.read_bytes()[:150])
    assert run("fetch", mine).returncode == 0
    last = summary(mine, fails=True).splitlines()[-1]
    assert "cannot be decoded" in last and "presize.on_error: skip" in last


def test_weights_of_another_network_are_named(project: Path) -> None:
    assert run("fetch", project).returncode == 0
    (project / "models").mkdir()
    tensor_file.write_tensors(project / "models/pretrained.safetensors", {"x": torch.zeros(1)}, {})
    last = summary(project, fails=True).splitlines()[-1]
    assert last.endswith("not weights for resnet18; run `dvc repro weights`")


def test_pictures_of_another_data_set_are_not_taken_for_this_one(project: Path) -> None:
    assert run("fetch", project).returncode == 0
    lock = {"stages": {"fetch": {"params": {"params.yaml": {"dataset": "pets"}}}}}
    (project / "dvc.lock").write_text(json.dumps(lock))
    (line,) = summary(project, fails=True).splitlines()
    assert "still from pets, but params.yaml has dataset: digits; run `dvc repro fetch`" in line


def test_pictures_and_weights_of_an_earlier_run_are_told(project: Path) -> None:
    """A hash that `pawprint new --update` wrote, and weights that were set since."""
    block = yaml_file.load(project / "datasets.yaml")["digits"]
    old = {**block, "count": 5, "label": {"from": "folder"}}
    fetch: dict[str, Any] = {
        "params": {"params.yaml": {"dataset": "digits"}, "datasets.yaml": {"digits": old}}
    }
    (project / "data/raw/pictures").mkdir(parents=True)
    (project / "dvc.lock").write_text(json.dumps({"stages": {"fetch": fetch}}))
    check_fetched(PICTURES, "digits")  # of the same pictures, under another rule
    fetch["outs"] = [{"path": "data/raw/pictures", "md5": "0" * 32}]  # as after `git checkout`
    (project / "dvc.lock").write_text(json.dumps({"stages": {"fetch": fetch}}))
    with pytest.raises(
        ValueError, match="differs from what fetch wrote by dvc.lock.*`dvc checkout`"
    ):
        check_fetched(PICTURES, "digits")
    old["pictures"] = {"url": "elsewhere"}
    (project / "dvc.lock").write_text(json.dumps({"stages": {"fetch": fetch}}))
    with pytest.raises(
        ValueError, match=r"data/raw/pictures: from an earlier run: digits\.pictures"
    ):
        check_fetched(PICTURES, "digits")
    ran = {"params": {"params.yaml": {"weights": "DEFAULT", "arch": "resnet18"}}}
    with pytest.raises(ValueError, match="the run used DEFAULT; run `dvc repro weights`"):
        check_ran(PRETRAINED, "weights", {"weights": ran}, Path("params.yaml"), ("weights ",))
