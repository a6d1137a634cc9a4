"""Training that cannot succeed: a sane result, or a line that says what, where and how to mend.

Real stages on a handful of made pictures; an exception that none of them expects fails the test.
"""

import hashlib
import importlib
import io
import json
import re
import signal
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

from pawprint.core.findings import Findings
from pawprint.models import model_file
from pawprint.runtime import tensor_file
from pawprint.terminal import console
from tests.conftest import ROOT, picture
from tests.copies import shrunk
from tests.test_scarcity import change
from tests.test_stages import own_pictures, run

Record = Callable[[str, object], None]
FIRST = ("fetch", "label", "presize", "weights")
TRAINING = ("lr_find", "train_frozen", "lr_find_unfrozen", "train_unfrozen")
LAST = ("evaluate", "report")
ALL = (*FIRST, "preview", *TRAINING, *LAST)


@dataclass(frozen=True)
class Stages:
    """A small project with pictures of our own, and what its stages say."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def set(self, **keys: Any) -> None:
        """Other params: `frozen__epochs=3` is the key `epochs` of the section `frozen`."""
        change(self.folder, **keys)

    def hold(self, pictures: Mapping[str, bytes], **block: Any) -> None:
        """These pictures, whose class stands before the `_` of their name."""
        own_pictures(self.folder, dict(pictures), **block)
        self.set(dataset="mine")

    def end(self, stage: str) -> tuple[int, str]:
        """The exit code, and what it said last: on stderr where it failed, else on stdout."""
        self.capture.readouterr()
        code = 0
        try:
            console.run_stage(importlib.import_module(f"stages.{stage}").main, stage)
        except SystemExit as ended:
            assert isinstance(ended.code, int)
            code = ended.code
        out, err = self.capture.readouterr()
        assert bool(err) == bool(code), err
        for path in self.folder.glob("reports/**/*.json"):
            json.loads(path.read_text(), parse_constant=pytest.fail)
        assert not list(self.folder.rglob("*.tmp"))
        return code, err or out

    def work(self, *stages: str) -> str:
        """What the last of these says, where all end well."""
        message = ""
        for stage in stages:
            code, message = self.end(stage)
            assert code == 0, message
        return message

    def fail(self, stage: str, lines: int = 1) -> str:
        """What a stage says that ends with 1, each line with its name."""
        code, message = self.end(stage)
        assert code == 1, message
        actual = message.splitlines()
        assert len(actual) == lines and all(line.startswith(f"{stage}: ") for line in actual), (
            message
        )
        return message


@pytest.fixture
def stages(project: Path, capsys: pytest.CaptureFixture[str]) -> Stages:
    """In float32, so that the numbers are much the same on all processors."""
    text = shrunk((ROOT / "presets/digits.yaml").read_text())
    (project / "params.yaml").write_text(text)
    output = Stages(project, capsys)
    output.set(precision="float32", batch_size=8)
    return output


@pytest.fixture(autouse=True)
def afterwards() -> Any:
    yield
    torch.use_deterministic_algorithms(False)


def pictures(each: int, *classes: str) -> dict[str, bytes]:
    """As many of each class, none like another."""
    return {
        f"{name}_{i}.jpg": picture(seed=1000 * number + i)
        for number, name in enumerate(classes or ("cat", "dog"))
        for i in range(each)
    }


def plain(grey: int) -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (grey, grey, grey)).save(file, "PNG")
    return file.getvalue()


LOST = r"the loss became (nan|inf) at step \d+ with learning rate \d.*; try a lower lr, precision"
LOST_ON_VALID = r"the loss on valid became (nan|inf) in epoch 0, so training diverged; try a low"


@pytest.mark.parametrize(
    ("phase", "batch_size", "expected"),
    [("frozen", 4, LOST), ("frozen", 64, LOST_ON_VALID), ("unfrozen", 4, LOST)],
    ids=["frozen", "frozen, of one step", "unfrozen"],
)
def test_a_rate_far_too_high_stops_and_leaves_no_model(
    stages: Stages, phase: str, batch_size: int, expected: str
) -> None:
    stages.hold(pictures(16))
    stages.set(batch_size=batch_size)
    stages.work(*FIRST)
    if phase == "frozen":
        stages.set(lr=1e6)
    else:
        stages.work("train_frozen", "lr_find_unfrozen")
        stages.set(unfrozen__lr_min=None, unfrozen__lr_max=1e6)
    assert re.search(expected, stages.fail(f"train_{phase}"))
    assert not Path(f"models/{phase}.safetensors").exists()
    assert not list(Path(".scratch").rglob("*.safetensors"))  # no epoch went well
    assert json.loads(Path(f"reports/train_{phase}.json").read_text()) == {phase: {"epochs": 0}}
    stages.set(lr=2e-3, unfrozen__lr_max=2e-3)
    stages.work(f"train_{phase}")


def test_the_state_that_is_kept_is_the_last_good_one(stages: Stages) -> None:
    stages.hold(pictures(16))
    stages.set(lr=1e4, frozen__epochs=40, frozen__div=1e9, frozen__pct_start=0.99, batch_size=16)
    stages.work(*FIRST)
    code, output = stages.end("train_frozen")
    assert code == 1
    done = len(pd.read_csv("reports/train_frozen.csv"))
    assert 0 < done < 40
    (state,) = Path(".scratch").rglob("state.safetensors")
    tensors, text = tensor_file.read_tensors(state)
    assert len(text["history"]) == done
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert stages.fail("train_frozen") == output  # at once, and at the same step
    stages.set(lr=1e-3, frozen__epochs=1)
    assert "resumed" not in stages.work("train_frozen")


@pytest.mark.long
def test_the_same_holds_for_stages_that_run_as_dvc_runs_them(stages: Stages) -> None:
    stages.hold(pictures(16))
    stages.set(batch_size=4)
    stages.work(*FIRST, "train_frozen", "lr_find_unfrozen")
    stages.set(lr=1e6, unfrozen__lr_min=None, unfrozen__lr_max=1e6)
    for name in ("train_frozen", "train_unfrozen"):
        process = run(name, stages.folder)
        assert process.returncode == 1
        assert re.fullmatch(f"{name}: {LOST}.*\n", process.stderr)


def test_a_class_of_one_picture_is_never_learned_nor_split(stages: Stages) -> None:
    stages.hold(pictures(8) | {"eel_0.jpg": picture(seed=9)})
    seen = set()
    stages.work("fetch")
    for seed in range(6):
        stages.set(label__seed=seed)
        code, output = stages.end("label")
        seen.add(code)
        if code:
            assert "1 of 3 classes have no image in train, so they cannot be learned: eel" in output
            assert "add images of them" in output
        else:
            assert re.search("no image in valid, so their error rate is unknown: .*eel", output)
    assert seen == {0, 1}
    stages.set(label__split="stratified", label__seed=0)  # which would put the eel into valid
    output = stages.fail("label")  # and nothing about a split that was never made
    assert "1 targets have only one image and cannot be stratified: eel; add images" in output


@pytest.mark.long
def test_a_class_without_valid_pictures_is_trained_judged_and_shown(stages: Stages) -> None:
    stages.hold(pictures(8) | {"eel_0.jpg": picture(seed=9)})
    stages.set(label__seed=1)
    stages.work(*ALL)
    scores = pd.read_csv("reports/per_class.csv").set_index("label")
    assert scores.loc["eel", "n"] == 0
    assert not scores.isna().any().any()
    judged = json.loads(Path("reports/evaluate.json").read_text())
    assert judged["n"] == 3 and 0 <= judged["macro_f1"] <= 1


def list_names(folder: Path, **lists: list[str]) -> dict[str, str]:
    """The block's `lists`: an archive of these."""
    with tarfile.open(folder / "lists.tar", "w") as archive:
        for name, names in lists.items():
            (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in names))
            archive.add(folder / f"{name}.txt", f"{name}.txt")
    return {"url": "lists.tar", **{name: f"{name}.txt" for name in lists}}


@pytest.mark.parametrize(
    ("train", "valid", "expected"),
    [
        ("cat dog", "cat dog eel", "1 of 3 classes have no image in train.*: eel; add images"),
        (
            "cat dog",
            "",
            "no image in valid; change label.split, label.valid_fraction or label.seed",
        ),
        ("cat", "cat", "all images are of one class, cat, but a classifier needs .* label.pattern"),
    ],
)
def test_lists_that_leave_nothing_to_learn_or_to_judge_stop(
    stages: Stages, train: str, valid: str, expected: str
) -> None:
    lists = {
        "train": [f"{name}_{i}" for name in train.split() for i in range(3)],
        "valid": [f"{name}_{i}" for name in valid.split() for i in range(3, 5)],
    }
    contents = pictures(5, "cat", "dog", "eel")
    stages.hold(contents, lists=list_names(stages.folder, **lists))
    stages.set(label__split="official")
    stages.work("fetch")
    assert re.search(expected, stages.fail("label"))
    assert not Path("data/labels.csv").exists()


@pytest.mark.parametrize(("each", "classes"), [(8, ("cat",)), (2, ("cat",)), (1, ("cat", "dog"))])
def test_too_little_to_tell_anything_apart_stops(
    stages: Stages, each: int, classes: tuple[str, ...]
) -> None:
    stages.hold(pictures(each, *classes))
    stages.set(label__valid_fraction=0.5)
    stages.work("fetch")
    output = stages.fail("label")
    assert "all images are of one class, cat" in output or "1 of 2 classes have no image" in output
    assert not Path("data/labels.csv").exists()


@pytest.mark.long
def test_three_pictures_and_a_batch_far_larger_than_them_go_all_the_way(stages: Stages) -> None:
    stages.hold({f"{name}.jpg": picture(seed=i) for i, name in enumerate(("a_0", "a_1", "b_0"))})
    stages.set(label__valid_fraction=0.34, batch_size=4096)
    output = stages.work(*ALL)
    assert output.startswith("report: reports/report.html")
    assert json.loads(Path("reports/evaluate.json").read_text())["n"] == 1


def test_an_odd_number_of_pictures_in_batches_of_two_is_trained_on(stages: Stages) -> None:
    stages.hold(pictures(8) | {"cat_8.jpg": picture(seed=77)})
    stages.set(batch_size=2, label__valid_fraction=0.25)
    stages.work(*FIRST)
    assert len(pd.read_csv("data/labels.csv").query("split == 'train'")) == 13
    stages.work("train_frozen")


def test_a_class_of_which_presize_left_nothing_stops(stages: Stages) -> None:
    dogs = {f"dog_{i}.jpg": b"no picture" for i in range(8)}
    stages.hold(pictures(8, "cat") | pictures(8, "fox") | dogs)
    stages.set(presize__on_error="skip", label__split="stratified")
    stages.work(*FIRST)
    output = stages.fail("train_frozen")
    assert (
        "1 class cannot be learned, because none of the images could be decoded: dog; fix" in output
    )


@pytest.mark.long
def test_pictures_that_are_all_black_go_all_the_way(stages: Stages) -> None:
    stages.hold({f"{name}_{i}.jpg": plain(0) for name in ("cat", "dog") for i in range(8)})
    stages.set(unfrozen__epochs=2)
    stages.work(*ALL)
    assert 0 <= json.loads(Path("reports/evaluate.json").read_text())["error_rate"] <= 1


def test_pictures_that_are_all_alike_are_told_of_in_few_words(stages: Stages) -> None:
    stages.hold({f"{name}_{i}.jpg": plain(128) for name in ("cat", "dog") for i in range(50)})
    stages.work("fetch")
    output = stages.work("label")
    assert "1 groups of images with equal bytes are on both sides" in output
    assert "cat_0.jpg = cat_1.jpg = cat_10.jpg and 97 more" in output
    stages.set(label__on_duplicates="error")
    assert "remove the copies" in stages.fail("label")


@pytest.mark.parametrize(
    ("start", "end", "steps", "expected"),
    [
        (1e30, 1e31, 25, "the loss diverged after 1 of 25 batches, .* lower lr_find.start"),
        (1e-7, 1e-6, 10, "after \\d+ of 10 batches, .* raise lr_find.steps"),
    ],
)
def test_a_finder_that_finds_nothing_says_so_and_stops_auto_alone(
    stages: Stages, start: float, end: float, steps: int, expected: str
) -> None:
    stages.hold(pictures(8))
    stages.set(lr_find__start=start, lr_find__end=end, lr_find__steps=steps)
    stages.work(*FIRST)
    assert re.search(expected, stages.work("lr_find"))
    assert json.loads(Path("reports/lr_find.json").read_text())["valley"] is None
    stages.set(lr="auto")
    output = stages.fail("train_frozen")
    assert (
        "no valley was found, but the learning rate is `auto`; give a number in params.yaml"
        in output
    )
    stages.set(lr=2e-3, unfrozen__lr_min=None, unfrozen__lr_max="auto")
    stages.work("train_frozen")
    assert re.search(expected, stages.work("lr_find_unfrozen"))
    assert "no valley was found" in stages.fail("train_unfrozen")
    stages.set(unfrozen__lr_max=2e-3)
    stages.work("train_unfrozen", "evaluate")


def poison(name: str, value: float) -> dict[str, Any]:
    """Params that ask for weights of which one number is this."""
    tensors = torchvision.models.mobilenet_v3_small(weights=None).state_dict()
    tensors[name].view(-1)[0] = value
    torch.save(tensors, "mine.pth")
    return {
        "weights": "./mine.pth",
        "weights_sha256": hashlib.sha256(Path("mine.pth").read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("features.0.0.weight", float("nan")), ("features.0.1.running_var", float("inf"))],
)
def test_weights_that_hold_no_number_are_refused(stages: Stages, name: str, value: float) -> None:
    stages.set(**poison(name, value))
    output = stages.fail("weights")
    assert f"./mine.pth: 1 of its tensors contain NaN or infinity ({name}); " in output
    assert not Path("models/pretrained.safetensors").exists()


def broken(path: Path, to: Path) -> None:
    """Write the model again, its first convolution without a number."""
    model, model_card = model_file.read(path)
    with torch.no_grad():
        next(model.parameters())[0] = torch.nan
    to.unlink(missing_ok=True)
    model_file.write(to, model, model_card)


def test_a_model_that_gives_no_numbers_is_never_judged(
    stages: Stages, record_property: Record
) -> None:
    stages.hold(pictures(8))
    stages.work(*FIRST, "train_frozen")
    frozen, whole = Path("models/frozen.safetensors"), Path("models/unfrozen.safetensors")
    broken(frozen, frozen)
    output = stages.work("lr_find_unfrozen")
    assert "the first loss is not finite at any learning rate" in output
    assert "at step 0" in stages.fail("train_unfrozen")
    broken(frozen, whole)
    output = stages.fail("evaluate")
    assert "the model gives no finite outputs for 3 of 3 images: train it again" in output
    assert not Path("reports/evaluate.json").exists()
    asked = importlib.import_module("pawprint.inference.predict")
    with pytest.raises(ValueError, match="gives no finite outputs for 1 of 1 images"):
        list(asked.predict_files(whole, [Path("mine/cat_0.jpg")], 3, 0.0, Findings()))
    record_property("cases", 4)


def test_an_interrupted_stage_says_that_it_can_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        console.run_stage(lambda: signal.raise_signal(signal.SIGINT), "train_frozen")
    assert ended.value.code == 130
    message = "train_frozen: interrupted; nothing was committed; run it again to continue\n"
    assert capsys.readouterr().err == message


def test_a_loss_that_is_huge_still_reads_as_a_table() -> None:
    line = console.table_row([0, 3.25, 2231397571286875503253450752.0, float("inf")])
    assert line.split() == ["0", "3.250000", "2.231e+27", "inf"]
    assert console.table_row([998.5, 1234.5]).split() == ["998.500000", "1234"]
