"""fastai itself beside us, in one process: the same weights and batches, or the same draws."""

import copy
import gc
import importlib
import itertools
import math
import os
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from scipy.stats import ks_2samp
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from pawprint.models import network
from pawprint.models.network import NORMS, Network
from pawprint.runtime import rng
from pawprint.training import loop, lr_finder
from pawprint.training.optimizer import adamw
from pawprint.training.schedule import ExponentialRamp, OneCycle
from pawprint.training.workload import ImageWorkload
from pawprint.vision import augment, resample
from pawprint.vision.augment import AugmentConfig, AugmentParams
from pawprint.vision.resample import InputSpec
from tests import small

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    if os.environ.get("CI"):  # there a skip would hide that it is missing
        importlib.import_module("fastai.vision.all")
    fastai: Any = pytest.importorskip("fastai.vision.all")

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]

CLASSES, STEPS, BATCH, SIDE = 5, 20, 8, 64
Batches = list[tuple[Tensor, Tensor]]
PEAKS = {"frozen": [3e-3] * 3, "unfrozen": [1e-5, 1e-4, 1e-3]}


@pytest.fixture(autouse=True)
def two_threads() -> None:
    torch.set_num_threads(2)


@pytest.fixture
def doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """fastai's running mean of the loss begins in float32, which no float64 loss can join."""

    def reset(self: Any) -> None:
        self.count, self.val = 0, torch.zeros((), dtype=torch.float64)

    monkeypatch.setattr(fastai.AvgSmoothLoss, "reset", reset)


def batches(dtype: torch.dtype) -> Batches:
    rng = torch.Generator().manual_seed(1)
    pictures = torch.randn(STEPS, BATCH, 3, SIDE, SIDE, generator=rng).to(dtype)
    targets = torch.randint(0, CLASSES, (STEPS, BATCH), generator=rng)
    return list(zip(pictures, targets, strict=True))


def both(dtype: torch.dtype) -> tuple[Network, nn.Sequential]:
    """Our network and fastai's, of the same initial weights, without dropout."""
    torch.manual_seed(0)
    ours = network.build_model("resnet18", CLASSES).to(dtype)
    for layer in ours.head:
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    head = fastai.create_head(512, CLASSES, ps=0.0).to(dtype)
    values = zip(head.state_dict(), ours.head.state_dict().values(), strict=True)
    head.load_state_dict(dict(values))
    body = copy.deepcopy(ours.body).to(memory_format=torch.contiguous_format)
    return ours, nn.Sequential(body, head)


class Seen(fastai.Callback):  # type: ignore[misc]
    """Loss, rates and momenta of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.rates: list[list[float]] = []
        self.momenta: list[float] = []

    def before_step(self) -> None:
        self.losses.append(self.learn.loss.item())
        self.rates.append([group["lr"] for group in self.learn.opt.hypers])
        self.momenta.append(self.learn.opt.hypers[-1]["mom"])


@dataclass(frozen=True)
class Told(OneCycle):
    """fastai's rates and momenta to the last bit: it computes them in float32, ours in float64."""

    seen: Seen

    def at(self, step: int) -> tuple[list[float], float]:
        return self.seen.rates[step], self.seen.momenta[step]


def learner(model: nn.Module, given: Batches) -> tuple[Any, Seen]:
    items = [(x, y) for pictures, targets in given for x, y in zip(pictures, targets, strict=True)]
    loaders = [fastai.DataLoader(part, bs=BATCH, num_workers=0) for part in (items, items[:BATCH])]
    seen = Seen()
    learn = fastai.Learner(
        # fastai's own CrossEntropyLossFlat computes in float32, whatever it is given
        fastai.DataLoaders(*loaders), model, loss_func=nn.CrossEntropyLoss(), cbs=seen,
        splitter=fastai.model_meta[torchvision.models.resnet18]["split"],
    )  # fmt: skip
    return learn, seen


def ours_run(
    model: Network, given: Iterator[tuple[Tensor, Tensor]], schedule: OneCycle | ExponentialRamp
) -> Iterator[float]:
    groups, decayed = network.parameter_groups(model), network.decay_by_parameter(model)
    optimizer = adamw(groups, decayed, small.SETTINGS)
    state = loop.init_state(model, optimizer, torch.float32)
    workload = ImageWorkload(small.dataset(), small.recipe(), "x")
    for loss in loop.train_one_epoch(state, given, workload, schedule, 0):
        yield loss.item()


@pytest.mark.usefixtures("doubles")
@pytest.mark.parametrize("phase", ["frozen", "unfrozen"])
def test_twenty_steps_end_with_fastais_weights(phase: str) -> None:
    given = batches(torch.float64)
    ours, theirs = both(torch.float64)
    learn, seen = learner(theirs, given)
    if phase == "frozen":
        network.freeze(ours, train_norm=True)
        learn.freeze()
        rate: Any = 3e-3
    else:
        rate = slice(1e-5, 1e-3)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, rate)
    cycle = OneCycle(PEAKS[phase], STEPS, 0.25, 25.0, 1e5)
    for step in range(STEPS):
        rates, momentum = cycle.at(step)
        assert rates == pytest.approx(seen.rates[step], rel=1e-6)
        assert momentum == pytest.approx(seen.momenta[step], rel=1e-6)
    losses = list(ours_run(ours, iter(given), Told([], STEPS, 0.25, 25.0, 1e5, seen)))
    assert losses == pytest.approx(seen.losses, abs=1e-10)
    pairs = zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True)
    for (name, mine), other in pairs:
        assert torch.allclose(mine, other, rtol=0, atol=1e-8), name


def test_the_first_loss_in_float32_is_fastais() -> None:
    given = batches(torch.float32)
    ours, theirs = both(torch.float32)
    learn, seen = learner(theirs, given[:1])
    with learn.no_bar(), learn.no_logging():
        learn.fit(1, 1e-3)
    (first, *_) = ours_run(ours, iter(given[:1]), OneCycle([1e-3] * 3, 20, 0.25, 25.0, 1e5))
    assert first == pytest.approx(seen.losses[0], abs=1e-4)


@pytest.mark.usefixtures("doubles")
def test_the_finder_draws_fastais_curve_and_suggests_its_rates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where fastai writes its snapshot
    given = batches(torch.float64)
    ours, theirs = both(torch.float64)
    learn, _ = learner(theirs, given)
    rules = (fastai.valley, fastai.steep, fastai.minimum, fastai.slide)
    with learn.no_bar(), learn.no_logging():
        targets = learn.lr_find(suggest_funcs=rules, show_plot=False)
        gc.collect()  # here, where its warning of a folder not closed is ignored
    growing = ExponentialRamp(1e-7, 10.0, 100, 3)
    losses = ours_run(ours, itertools.cycle(given), growing)
    points = (
        (growing.at(step)[0][-1], loss) for step, loss in enumerate(itertools.islice(losses, 100))
    )
    curve = list(lr_finder.smooth_curve(points))
    rates, smoothed = zip(*curve, strict=True)
    theirs_curve = [float(loss) for loss in learn.recorder.losses]
    assert list(rates) == pytest.approx([float(rate) for rate in learn.recorder.lrs], rel=1e-9)
    assert list(smoothed) == pytest.approx(theirs_curve, rel=1e-6)
    suggested = lr_finder.suggestions(rates, smoothed, 100)
    for name, value in zip(("valley", "steep", "minimum", "slide"), targets, strict=True):
        assert suggested[name] == float(f"{value:.1e}"), name


FAMILIES = ("resnet18", "resnet34", "resnet50", "mobilenet_v3_small", "efficientnet_b0")


@pytest.mark.parametrize("arch", FAMILIES)
def test_head_groups_and_trained_norms_are_fastais(arch: str) -> None:
    build = getattr(torchvision.models, arch)
    theirs = fastai.create_vision_model(build, 37, pretrained=False)
    ours = network.build_model(arch, 37)
    for mine, other in zip(ours.body.parameters(), theirs[0].parameters(), strict=True):
        assert mine.shape == other.shape
    mine_kinds = [type(layer).__name__ for layer in ours.head]
    other_kinds = [type(layer).__name__ for layer in theirs[1]]
    assert mine_kinds == ["ConcatPool", *other_kinds[2:]]  # its pooling, then Flatten
    for mine, other in zip(ours.head.parameters(), theirs[1].parameters(), strict=True):
        assert mine.shape == other.shape
        assert mine.mean().item() == pytest.approx(other.mean().item(), abs=4e-3)
        if mine.ndim > 1:
            assert mine.std().item() == pytest.approx(other.std().item(), rel=0.03)
    split = fastai.model_meta.get(build, {"split": fastai.default_split})["split"]
    groups = [sum(p.numel() for p in group) for group in split(theirs)]
    rows = [sum(p.numel() for p in group) for group in network.parameter_groups(ours)]
    # fastai cuts the body of resnets alone; of the others it makes one group, of ours the first two
    assert rows == groups if len(groups) == 3 else [rows[0] + rows[1], rows[2]] == groups
    network.freeze(ours, train_norm=True)
    items = [(torch.zeros(3, 8, 8), torch.tensor(0))] * 4
    loaders = fastai.DataLoaders(*[fastai.DataLoader(items, bs=2, num_workers=0)] * 2)
    learn = fastai.Learner(loaders, theirs, loss_func=fastai.CrossEntropyLossFlat(), splitter=split)
    learn.freeze()
    trained = [p.requires_grad for p in ours.parameters()]
    assert trained == [p.requires_grad for p in theirs.parameters()]
    norms = sum(isinstance(module, NORMS) for module in ours.body.modules())
    assert sum(trained) == 2 * norms + 6


def squares(n: int, side: int = 460) -> Tensor:
    """Squares cut from scikit-learn's two photographs, n×side×side×3 uint8."""
    photos = load_sample_images().images
    side_from = 420
    rng = np.random.default_rng(0)
    cut = []
    for i in range(n):
        top, left = rng.integers(0, 427 - side_from), rng.integers(0, 640 - side_from)
        piece = torch.from_numpy(photos[i % 2][top : top + side_from, left : left + side_from])
        cut.append(piece.permute(2, 0, 1).float())
    result = nn.functional.interpolate(torch.stack(cut), (side, side), mode="bicubic")
    return result.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()


def fix_values(values: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: values.to(x.dtype)


def fastais(draws: AugmentParams, size: int | None) -> Any:
    """fastai's affine transform and lighting that draw these values, composed by its own code."""
    how = {"p": 1.0, "size": size}
    tfms = [
        fastai.Flip(draw=fix_values((1 - draws.flip) / 2), **how),
        fastai.Warp(draw_x=fix_values(draws.warp_x), draw_y=fix_values(draws.warp_y), **how),
        fastai.Rotate(draw=fix_values(draws.angle * 180 / math.pi), **how),
        fastai.Zoom(
            draw=fix_values(draws.zoom),
            draw_x=fix_values(draws.zoom_x),
            draw_y=fix_values(draws.zoom_y),
            **how,
        ),
        fastai.Brightness(draw=fix_values(torch.sigmoid(draws.brightness)), p=1.0),
        fastai.Contrast(draw=fix_values(draws.contrast), p=1.0),
    ]
    return fastai.setup_aug_tfms(tfms)


class Crop(fastai.RandomResizedCropGPU):  # type: ignore[misc]
    """fastai's crop of a batch, at the place that is told."""

    def __init__(self, size: int, side: int, top: int, left: int) -> None:
        super().__init__(size)
        self.told = (side, side), (top, left)

    def before_call(self, b: Any, split_idx: int) -> None:
        self.do = True
        self.cp_size, self.tl = self.told


def psnr(a: Tensor, b: Tensor) -> float:
    """Of pictures in [0, 1], in dB."""
    return -10 * math.log10((a - b).double().square().mean().item())


def show(pictures: Tensor, draws: AugmentParams, view: InputSpec, corners: bool = False) -> Tensor:
    """Ours, in [0, 1]; with `corners`, coordinates go from centre to centre of the outer pixels."""
    side = pictures.shape[1]
    chosen = augment.build_transform(draws, torch.ones(len(pictures), 2), side, is_lit=True)
    if corners:
        outer = view.shape[0] / (view.shape[0] - 1)
        chosen = replace(
            chosen,
            matrix=chosen.matrix @ torch.diag(torch.tensor([outer, outer, 1.0])),
            scale=chosen.scale * (side - 1) / side,
        )
    mean, std = (torch.tensor(stat).view(3, 1, 1) for stat in (resample.MEAN, resample.STD))
    return resample.render(pictures, chosen, view) * std + mean


def draw_ours(n: int, **changed: float) -> AugmentParams:
    strengths = AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
    draws = augment.sample_params(n, strengths, rng.generator("peer"))
    values = {name: torch.full((n,), value).double() for name, value in changed.items()}
    return AugmentParams(**(vars(draws) | values))


def test_one_sampling_gives_fastais_picture() -> None:
    # to half of the size, where fastai neither crops nor shrinks first: nothing but the map, and
    # where a coordinate of 1 lies: fastai has it at the outer pixel's centre, we at its edge
    n = 12
    pictures, draws = squares(n), draw_ours(n, area=1.0)
    theirs = fastai.TensorImage(pictures.permute(0, 3, 1, 2).float() / 255)
    for tfm in fastais(draws, 230):
        theirs = tfm(theirs, split_idx=0)
    assert psnr(show(pictures, draws, InputSpec(230), corners=True), theirs) > 100


def test_with_the_crop_it_is_fastais_picture_up_to_its_second_sampling_and_corners() -> None:
    n = 12
    pictures, draws = squares(n), draw_ours(n, area=0.8, crop_x=0.3, crop_y=0.6)
    side = round(math.sqrt(0.8) * 460)
    top, left = int(0.6 * (460 - side + 1)), int(0.3 * (460 - side + 1))
    theirs = fastai.TensorImage(pictures.permute(0, 3, 1, 2).float() / 255)
    affine, light = fastais(draws, None)
    for tfm in (affine, Crop(224, side, top, left), light):
        theirs = tfm(theirs, split_idx=0)
    ours = show(pictures, draws, InputSpec(224))
    moved = draw_ours(
        n, area=0.8, crop_x=0.33, crop_y=0.6
    )  # by one pixel of 460: what a fault costs
    assert psnr(ours, theirs) > 31
    assert psnr(show(pictures, moved, InputSpec(224)), theirs) < psnr(ours, theirs) - 3


DRAWS = 20_000


def fastais_draws() -> dict[str, np.ndarray]:
    """What `aug_transforms(size=224, min_scale=0.75)` draws."""
    torch.manual_seed(0)
    random.seed(0)
    x = fastai.TensorImage(torch.zeros(DRAWS, 1, 1, 1))
    rows = {type(tfm): tfm for tfm in fastai.aug_transforms(size=224, min_scale=0.75)}
    affine, light, crop = (
        rows[kind] for kind in (fastai.Flip, fastai.Brightness, fastai.RandomResizedCropGPU)
    )
    flip, turn, zoom = (f(x).double() for f in affine.aff_fs)
    (warp,) = affine.coord_fs
    warp.before_call(x)
    light.before_call(x, 0)
    image_sizes = []
    for _ in range(DRAWS):
        crop.before_call(fastai.TensorImage(torch.zeros(1, 1, 460, 460)), None)
        image_sizes.append((crop.cp_size[0], *crop.tl))
    side, top, left = np.array(image_sizes).T
    scale = zoom[:, 0, 0]
    inside = scale < 1 - 1e-9
    return {
        "flip": flip[:, 0, 0].numpy(),
        "angle": torch.atan2(turn[:, 0, 1], turn[:, 0, 0]).numpy(),
        "zoom": (1 / scale).numpy(),
        "zoom_x": ((zoom[:, 0, 2] / (1 - scale) + 1) / 2)[inside].numpy(),
        "zoom_y": ((zoom[:, 1, 2] / (1 - scale) + 1) / 2)[inside].numpy(),
        "warp_x": (-1 - warp.targ_pts[:, 0, 1]).double().numpy(),
        "warp_y": (-1 - warp.targ_pts[:, 0, 0]).double().numpy(),
        "brightness": torch.logit(light.fs[0].change.double()).numpy(),
        "contrast": light.fs[1].change.double().numpy(),
        "crop side": side,
        "crop top": top / (460 - side + 1),
        "crop left": left / (460 - side + 1),
    }


def ours_draws() -> dict[str, np.ndarray]:
    draws = draw_ours(DRAWS)
    side = (draws.area.sqrt() * 460).round()
    free = 460 - side + 1
    rows = {name: value.numpy() for name, value in vars(draws).items()}
    rows["zoom_x"] = rows["zoom_x"][rows["zoom"] > 1 + 1e-9]
    rows["zoom_y"] = rows["zoom_y"][rows["zoom"] > 1 + 1e-9]
    rows["crop side"] = side.numpy()
    rows["crop top"] = ((draws.crop_y * free).floor() / free).numpy()
    rows["crop left"] = ((draws.crop_x * free).floor() / free).numpy()
    return rows


def test_all_draws_are_distributed_as_fastais() -> None:
    mine, theirs = ours_draws(), fastais_draws()
    for name, values in theirs.items():
        # rounded: a neutral value that float32 moved by 1e-8 is the same value
        actual = ks_2samp(np.round(mine[name], 6), np.round(values, 6))
        assert actual.pvalue > 0.001, (name, actual)
