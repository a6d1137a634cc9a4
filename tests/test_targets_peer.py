"""fastai itself beside our kinds of target: the same numbers from the same outputs."""

import importlib
import os
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from pawprint.evaluation import multilabel
from pawprint.evaluation.context import EvalContext
from pawprint.vision.keypoints import Keypoints
from pawprint.vision.multilabel import MultiLabel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    if os.environ.get("CI"):  # there a skip would hide that it is missing
        importlib.import_module("fastai.vision.all")
    fastai: Any = pytest.importorskip("fastai.vision.all")

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]
CLASSES = ["cat", "dog", "person"]
SEEDS = range(5)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 2


def result(outputs: Tensor, targets: Tensor, at: float) -> multilabel.MultiLabelResult:
    about = EvalContext(MultiLabel(), CLASSES, (), torch.ones(len(outputs), 2), at)
    return multilabel.multilabel_result(outputs, targets, about)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_loss_and_accuracy_of_labels_are_fastais(seed: int) -> None:
    outputs, targets = draw(seed, 32, 3), (draw(seed + 9, 32, 3) > 0).float()
    theirs = fastai.BCEWithLogitsLossFlat()(outputs, fastai.TensorMultiCategory(targets))
    assert MultiLabel().loss(outputs, targets).item() == pytest.approx(theirs.item(), rel=1e-6)
    for at in (0.2, 0.5, 0.9):
        metrics = result(outputs, targets, at)
        theirs = fastai.accuracy_multi(outputs, targets, thresh=at)
        assert metrics.metrics(15)["accuracy_multi"] == pytest.approx(theirs.item(), abs=1e-6)


@pytest.mark.parametrize("mean", ["micro", "macro"])
def test_f1_is_fastais(mean: str) -> None:
    outputs, targets = draw(0, 50, 3), (draw(9, 50, 3) > 0).float()
    metrics = result(outputs, targets, 0.5)
    metric = fastai.F1ScoreMulti(thresh=0.5, average=mean)
    theirs = metric((outputs.sigmoid() > 0.5).float(), targets)
    assert metrics.metrics(15)[f"{mean}_f1"] == pytest.approx(theirs, abs=1e-6)


def test_average_precision_is_fastais() -> None:
    outputs, targets = draw(0, 50, 3), (draw(9, 50, 3) > 0).float()
    metrics = result(outputs, targets, 0.5)
    metric = fastai.APScoreMulti(average="macro")
    theirs = metric(outputs, targets)
    assert metrics.metrics(15)["map"] == pytest.approx(theirs, abs=1e-6)


def test_labels_are_encoded_as_fastai_does() -> None:
    known = ["person dog", "", "cat", "dog"]
    block = fastai.MultiCategorize()
    block.setup([cell.split() for cell in known])
    ours = MultiLabel().classes([cell.replace(" ", ";") for cell in known])
    assert list(block.vocab) == ours
    hot = fastai.OneHotEncode(c=3)
    for cell in known:
        theirs = hot(block(cell.split()))
        mine = MultiLabel().encode([";".join(sorted(cell.split()))], ours, torch.ones(1, 2))
        assert mine[0].tolist() == theirs.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_points_are_scaled_ranged_and_judged_as_in_fastai(seed: int) -> None:
    pixels = (draw(seed, 8, 2).sigmoid() * torch.tensor([640.0, 480.0])).tolist()
    picture = fastai.PILImage.create(torch.zeros(480, 640, 3, dtype=torch.uint8).numpy())
    theirs = []
    for point in pixels:
        scaler = fastai.PointScaler()
        scaler(picture)
        theirs.append(scaler(fastai.TensorPoint.create(torch.tensor([point]), img_size=(640, 480))))
    cells = [f"{x} {y}" for x, y in pixels]
    image_sizes = torch.tensor([[640.0, 480.0]]).expand(8, 2)
    mine = Keypoints().encode(cells, ["x", "y"], image_sizes)
    assert torch.allclose(mine, torch.stack([t.view(2) for t in theirs]).as_subclass(torch.Tensor),
                          atol=1e-5)  # fmt: skip
    outputs = draw(seed + 9, 8, 2)
    ranged = fastai.SigmoidRange(-1, 1)(outputs)
    assert torch.allclose(Keypoints().activation(outputs), ranged, atol=1e-6)
    loss = fastai.MSELossFlat()(ranged, mine.view(8, 1, 2))
    assert Keypoints().loss(outputs, mine).item() == pytest.approx(loss.item(), rel=1e-5)
