import ast
import inspect
import math
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pawprint.core.params import Finder, OneCycleParams
from pawprint.models import network
from pawprint.models.network import NORMS, Network
from pawprint.runtime import distributed, rng
from pawprint.training import loop
from pawprint.training.checkpoint import CheckpointStore, fingerprint
from pawprint.training.optimizer import adamw, set_lrs
from pawprint.training.phase import lr_curve, train_epochs
from pawprint.training.schedule import OneCycle
from pawprint.training.session import GROUPS, ImageSession
from pawprint.vision import loader
from pawprint.vision.classification import Classification
from pawprint.vision.resample import InputSpec
from tests import small
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def cycle(epochs: int = 2) -> OneCycleParams:
    return OneCycleParams(epochs=epochs, pct_start=0.25, div=25.0, div_final=1e5)


def histories(
    session: ImageSession, model: Network, store: CheckpointStore, epochs: int = 2, lr: float = 1e-2
) -> Iterator[Sequence[loop.Epoch]]:
    """Train as a stage of the frozen phase would."""
    state, workload = session.init_state(model), session.workload("frozen")
    return train_epochs(state, workload, [lr] * 3, cycle(epochs), store)


def train_small(folder: Path, seed: int = 0, frozen: bool = True, mapped: bool = False) -> Network:
    model = network.create_model("resnet18", 3, seed, {})
    if frozen:
        network.freeze(model, train_norm=True)
    list(histories(small.session(seed, mapped), model, CheckpointStore("t", str(seed), folder)))
    return model


def bits(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_frozen_run_changes_head_and_norms_and_no_other_bit(tmp_path: Path) -> None:
    before, after = bits(network.create_model("resnet18", 3, 0, {})), train_small(tmp_path)
    norms = {
        f"body.{name}" for name, module in after.body.named_modules() if isinstance(module, NORMS)
    }
    for name, tensor in after.state_dict().items():
        layer = name.rsplit(".", 1)[0]
        changed = not torch.equal(tensor, before[name])
        assert changed == (name.startswith("head.") or layer in norms), name


def test_without_train_norm_their_weights_stay_and_their_statistics_move(tmp_path: Path) -> None:
    run, model = small.session(), network.create_model("resnet18", 3, 0, {})
    network.freeze(model, train_norm=False)
    before = bits(model)
    list(histories(run, model, CheckpointStore("t", "x", tmp_path)))
    after = model.state_dict()
    assert torch.equal(after["body.bn1.weight"], before["body.bn1.weight"])
    assert not torch.equal(after["body.bn1.running_mean"], before["body.bn1.running_mean"])


def test_equal_seeds_give_equal_weights_and_others_do_not(tmp_path: Path) -> None:
    first, second, other = (
        bits(train_small(tmp_path / str(i), seed)) for i, seed in enumerate((0, 0, 1))
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.7.weight"], other["head.7.weight"])


def test_the_memory_map_gives_the_same_weights(tmp_path: Path) -> None:
    resident, mapped = (
        bits(train_small(tmp_path / str(mapped), mapped=mapped)) for mapped in (False, True)
    )
    assert all(torch.equal(resident[name], mapped[name]) for name in resident)


def test_the_colour_of_a_picture_is_learned(tmp_path: Path) -> None:
    run, model = small.session(), network.create_model("resnet18", 3, 0, {})
    *_, history = histories(run, model, CheckpointStore("t", "x", tmp_path), epochs=12)
    assert history[-1].metric == 0
    assert history[-1].train_loss < history[0].train_loss


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_run_that_was_broken_off_ends_with_the_same_bytes(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    def run(store: CheckpointStore, stop: int | None = None) -> tuple[Network, int]:
        here, model = small.session(dtype=dtype), network.create_model("resnet18", 3, 0, {})
        epochs = 0
        for history in histories(here, model, store, epochs=3, lr=1e-3):
            epochs += bool(history)
            if len(history) == stop:
                break
        return model, epochs

    whole, _ = run(CheckpointStore("t", "whole", tmp_path))
    broken = CheckpointStore("t", "broken", tmp_path)
    run(broken, stop=1)
    resumed, yields = run(broken)
    assert yields == 1 + 2  # what was saved, then the two that were left
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_no_epochs_pass_the_model_through(tmp_path: Path) -> None:
    run, model = small.session(), network.create_model("resnet18", 3, 0, {})
    before = bits(model)
    store = CheckpointStore("t", "x", tmp_path)
    assert list(histories(run, model, store, epochs=0)) == [[]]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_state_belongs_to_its_params_inputs_code_and_machine(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("1")
    stage = ROOT / "stages/train_frozen.py"
    machine = {"device": "cpu", "instructions": "AVX512", "dtype": "float32"}
    first = fingerprint({"lr": 1e-3}, [tmp_path / "input"], stage, machine)
    assert first == fingerprint({"lr": 1e-3}, [tmp_path / "input"], stage, machine)
    assert first != fingerprint({"lr": 2e-3}, [tmp_path / "input"], stage, machine)
    other = machine | {"device": "NVIDIA H200"}
    assert first != fingerprint({"lr": 1e-3}, [tmp_path / "input"], stage, other)
    (tmp_path / "input").write_text("2")
    assert first != fingerprint({"lr": 1e-3}, [tmp_path / "input"], stage, machine)


def test_a_store_is_empty_after_clear_and_keeps_three_at_most(tmp_path: Path) -> None:
    stores = []
    for i in range(5):
        stores.append(CheckpointStore("t", f"mark{i}", tmp_path))
        stores[-1].lock.release()  # as when its process ends
    assert len(list((tmp_path / "t").iterdir())) == 3
    for store in stores:
        store.clear()
    assert not tmp_path.exists() or not any(tmp_path.iterdir())


def test_a_store_that_is_in_use_is_neither_shared_nor_removed(tmp_path: Path) -> None:
    held = CheckpointStore("t", "held", tmp_path)
    for i in range(5):
        CheckpointStore("t", f"mark{i}", tmp_path).lock.release()
    assert held.folder.is_dir()
    with pytest.raises(ValueError, match="another process is training this experiment"):
        CheckpointStore("t", "held", tmp_path)


def test_no_batch_has_one_picture_alone() -> None:
    assert distributed.steps_per_epoch(9, 2) == 4  # of 2, 2, 2 and 3: BatchNorm cannot work on one
    assert distributed.steps_per_epoch(3, 2) == 1


@given(st.integers(2, 3000), st.integers(3, 300))
def test_batches_are_as_equal_as_can_be(pictures: int, batch_size: int) -> None:
    count = distributed.steps_per_epoch(pictures, batch_size)
    sizes = [len(part) for part in torch.tensor_split(torch.arange(pictures), count)]
    assert sum(sizes) == pictures
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert count == math.ceil(pictures / batch_size)


@pytest.mark.parametrize("batch_size", [5, 8, 32])
def test_every_picture_comes_once_in_an_order_that_no_batch_size_changes(batch_size: int) -> None:
    data = small.dataset()
    train = data.splits["train"]
    numbered = type(train)(
        train.rows, torch.arange(len(train)), train.names, train.cells, train.task
    )
    words = (0, "frozen", 3)
    batches = loader.train_batches(
        data.cache, numbered, small.STRENGTHS, InputSpec(16), batch_size, *words
    )
    order = torch.cat([number for _, number in batches])
    assert torch.equal(order, torch.randperm(32, generator=rng.generator(*words)))


def test_augmentation_of_a_picture_does_not_depend_on_the_batch_size() -> None:
    data = small.dataset()
    own = (data.cache, data.splits["train"], small.STRENGTHS, InputSpec(16))
    rows = [
        torch.cat([x for x, _ in loader.train_batches(*own, size, 0, "frozen", 3)])
        for size in (5, 32)
    ]
    assert torch.allclose(rows[0], rows[1], atol=2e-5)


def test_plain_batches_are_in_order_and_never_random() -> None:
    data = small.dataset()
    part = data.splits["valid"]
    first, second = (
        list(loader.eval_batches(data.cache, part, InputSpec(32), 3)) for _ in range(2)
    )
    assert [len(targets) for _, targets in first] == [3, 3, 2]
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    assert torch.equal(torch.cat([t for _, t in first]), part.targets)


def test_adamw_is_fastais_step_by_step() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2, bias=True).double()
    w, b = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimizer = adamw([list(layer.parameters())], network.decay_by_parameter(layer), small.SETTINGS)
    moments = {0: [torch.zeros_like(w), torch.zeros_like(w)], 1: [torch.zeros_like(b)] * 2}
    for t in range(1, 21):
        lr, beta1 = 0.01 * t, 0.95 - 0.005 * t
        set_lrs(optimizer, [lr], beta1)
        x = torch.randn(4, 3, dtype=torch.float64)
        layer(x).square().sum().backward()
        for i, (p, parameter, decay) in enumerate(((w, layer.weight, 0.01), (b, layer.bias, 0.0))):
            assert parameter.grad is not None
            g, (m, v) = parameter.grad, moments[i]
            p.mul_(1 - lr * decay)
            m = beta1 * m + (1 - beta1) * g
            v = 0.99 * v + 0.01 * g * g
            moments[i] = [m, v]
            p.sub_(lr / (1 - beta1**t) * m / ((v / (1 - 0.99**t)).sqrt() + 1e-5))
        optimizer.step()
        optimizer.zero_grad()
        assert torch.allclose(layer.weight, w, atol=1e-7)
        assert torch.allclose(layer.bias, b, atol=1e-7)


def test_each_group_of_layers_has_its_own_rate() -> None:
    model = network.build_model("resnet18", 3)
    groups = network.parameter_groups(model)
    optimizer = adamw(groups, network.decay_by_parameter(model), small.SETTINGS)
    set_lrs(optimizer, [1e-6, 1e-5, 1e-4], 0.9)
    rate = {id(p): part["lr"] for part in optimizer.param_groups for p in part["params"]}
    for group, expected in zip(groups, (1e-6, 1e-5, 1e-4), strict=True):
        assert {rate[id(p)] for p in group} == {expected}


def test_the_loss_of_the_lessons_worked_example() -> None:
    # activations 0.6734 and 0.2576: softmax 0.6025 and 0.3975; the first is right: -ln 0.6025
    logits = torch.tensor([[0.6734, 0.2576]])
    assert Classification().activation(logits)[0].tolist() == pytest.approx(
        [0.6025, 0.3975], abs=1e-4
    )
    assert Classification().loss(logits, torch.tensor([0])).item() == pytest.approx(
        0.5067, abs=1e-4
    )


def test_the_chapters_table_of_six_activations() -> None:
    # fastbook, chapter 5: two activations of six pictures, their softmax and cross-entropy
    logits = torch.tensor(
        [[0.6734, 0.2576], [0.4689, 0.4607], [-2.2457, -0.3727],
         [4.4164, -1.2760], [0.9233, 0.5347], [1.0698, 1.6187]]
    )  # fmt: skip
    targets = torch.tensor([0, 1, 0, 1, 1, 0])
    first = [0.6025, 0.5021, 0.1332, 0.9966, 0.5959, 0.3661]
    assert Classification().activation(logits)[:, 0].tolist() == pytest.approx(first, abs=1e-4)
    losses = [0.5067, 0.6973, 2.0160, 5.6958, 0.9062, 1.0048]
    assert Classification().per_image_loss(logits, targets).tolist() == pytest.approx(
        losses, abs=1e-4
    )
    assert Classification().loss(logits, targets).item() == pytest.approx(1.8045, abs=1e-4)


def test_label_smoothing_by_hand() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0]])
    log_p = [x - math.log(math.e + 1 + 1 / math.e) for x in (1, 0, -1)]
    expected = -0.9 * log_p[0] - 0.1 / 3 * sum(log_p)
    assert Classification().loss(logits, torch.tensor([0]), 0.1).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_an_average_of_views_is_of_probabilities() -> None:
    logits = torch.tensor([[[2.0, 0.0, -1.0]], [[0.0, 3.0, 1.0]]])
    outputs = Classification().activation(Classification().average_views(logits, [0.25, 0.75]))
    p, q = (Classification().activation(view) for view in logits)
    assert torch.allclose(outputs, 0.25 * p + 0.75 * q, atol=1e-6)


def test_classes_are_sorted_with_capitals_first() -> None:
    known = Classification().classes(["cat", "Birman", "dog", "cat"])
    assert known == ["Birman", "cat", "dog"]
    assert Classification().encode(["dog", "Birman"], known, torch.ones(2, 2)).tolist() == [
        2,
        0,
    ]


def test_a_loss_that_is_not_finite_stops_with_its_step_and_rate() -> None:
    schedule = OneCycle([0.5], 10, 0.25, 25.0, 1e5)
    with pytest.raises(
        ValueError, match=r"became nan at step 7 with learning rate .* try a lower lr"
    ):
        loop.check_finite_losses([0.1, math.nan], 6, schedule)


def test_training_stops_at_the_step_whose_loss_is_not_finite() -> None:
    taken = []

    def losses() -> Iterator[Tensor]:
        for value in (0.1, math.inf, 0.2):
            taken.append(value)
            yield torch.tensor(value)

    with pytest.raises(ValueError, match="became inf at step 7"):
        loop.collect_finite_losses(losses(), 6, OneCycle([1e-3], 10, 0.25, 25.0, 1e5))
    assert taken == [0.1, math.inf]


class Careless(torch.autograd.Function):
    """Leaves its gradient unset."""

    @staticmethod
    def forward(ctx: object, given: Tensor) -> Tensor:
        return given.clone()

    @staticmethod
    def backward(ctx: object, *given: Tensor) -> Tensor:
        return torch.empty_like(given[0])


def test_an_operator_that_leaves_memory_unset_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small.session()
    model = network.create_model("resnet18", 3, 0, {})
    state, workload = run.init_state(model), run.workload("frozen")
    monkeypatch.setattr(model, "forward", lambda x: Careless.apply(Network.forward(model, x)))
    rates, was = OneCycle([1e-3] * 3, 10, 0.25, 25.0, 1e5), torch.get_deterministic_debug_mode()
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(ValueError, match="the loss became nan at step 1"):
            list(loop.fit(state, workload, rates, 1))
    finally:
        torch.set_deterministic_debug_mode(was)


def test_a_loss_on_a_processor_is_kept_as_a_number() -> None:
    """As a tensor it would lie between the large blocks of two steps until the epoch's end."""
    kept: list[weakref.ref[Tensor]] = []

    def losses() -> Iterator[Tensor]:
        for value in (0.25, 0.5, 0.75):
            assert all(reference() is None for reference in kept[:-1])
            loss = torch.tensor(value)
            kept.append(weakref.ref(loss))
            yield loss
            del loss

    rates = OneCycle([1e-3], 10, 0.25, 25.0, 1e5)
    assert loop.collect_finite_losses(losses(), 0, rates) == [0.25, 0.5, 0.75]


def test_the_finder_spans_epochs_and_leaves_nothing_behind() -> None:
    run = small.session()
    model = network.create_model("resnet18", 3, 0, {})
    before = torch.random.get_rng_state()
    finder = Finder(start=1e-7, end=10.0, steps=30)
    points = list(lr_curve(run, model, finder, GROUPS, "lr_find"))
    assert len(points) > run.workload("lr_find").steps_per_epoch
    assert [rate for rate, _ in points[:2]] == pytest.approx([1e-7, 1e-7 * 1e8 ** (1 / 30)])
    assert torch.equal(torch.random.get_rng_state(), before)


STEP = (loop.train_one_epoch, loader.render_batches, loader.train_batches, set_lrs)
WAITING = {"item", "cpu", "tolist", "numpy", "synchronize", "nonzero"}


@pytest.mark.parametrize("function", STEP, ids=lambda function: function.__name__)
def test_no_step_waits_for_the_device(function: object) -> None:
    tree = ast.parse(inspect.getsource(function))  # type: ignore[arg-type]
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & WAITING


def test_no_workers_and_no_loaders_are_used() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert "utils.data" not in path.read_text()
