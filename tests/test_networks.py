from dataclasses import replace

import pytest
import torch
import torchvision
from torch import nn

from pawprint.core import params
from pawprint.models import network
from pawprint.models.network import NORMS
from tests import small

BODIES = {  # children of the body that begin the second group, counted by hand
    "resnet18": 6, "resnet34": 6, "resnet50": 6,
    "mobilenet_v2": 7, "mobilenet_v3_small": 4, "mobilenet_v3_large": 7,
    "efficientnet_b0": 4, "efficientnet_v2_s": 4, "convnext_tiny": 4,
}  # fmt: skip


@pytest.mark.parametrize("arch", params.ARCHITECTURES)
def test_every_architecture_gives_a_body_a_head_and_three_groups(arch: str) -> None:
    with torch.device("meta"):
        body = network.build_body(torchvision.models.get_model(arch, weights=None))
        actual = network.feature_shapes(body)
    strides = [stride for stride, _ in actual]
    assert strides == sorted(strides)
    assert strides[-1] == 32
    assert 16 in strides


@pytest.mark.parametrize(("arch", "first"), BODIES.items())
def test_the_second_group_begins_at_stride_16(arch: str, first: int) -> None:
    model = network.build_model(arch, 5)
    early, late, head = network.parameter_groups(model)
    assert id(late[0]) == id(next(model.body[first].parameters()))
    together = [id(p) for p in (*early, *late, *head)]
    assert sorted(together) == sorted(id(p) for p in model.parameters())  # a partition
    assert {id(p) for p in head} == {id(p) for p in model.head.parameters()}


def test_resnet34_is_fastais() -> None:
    model = network.build_model("resnet34", 37)
    sizes = [sum(p.numel() for p in group) for group in network.parameter_groups(model)]
    assert sizes == [1_347_904, 19_936_768, 546_304]
    assert [len(group) for group in network.parameter_groups(model)] == [48, 60, 6]
    network.freeze(model, train_norm=True)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 563_328
    network.freeze(model, train_norm=False)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 546_304


def test_the_head_is_fastais_for_512_features() -> None:
    head = network.build_head(512, 37)
    kinds = [type(layer).__name__ for layer in head]
    assert kinds == [
        *("ConcatPool", "BatchNorm1d", "Dropout", "Linear", "ReLU"),
        *("BatchNorm1d", "Dropout", "Linear"),
    ]
    assert [layer.p for layer in head if isinstance(layer, torch.nn.Dropout)] == [0.25, 0.5]
    first, second = head[3], head[7]
    assert isinstance(first, torch.nn.Linear) and isinstance(second, torch.nn.Linear)
    assert first.bias is None and second.bias is None
    assert tuple(first.weight.shape) == (512, 1024) and tuple(second.weight.shape) == (37, 512)
    assert first.weight.std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.01)
    assert second.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.03)
    for norm in (layer for layer in head if isinstance(layer, torch.nn.BatchNorm1d)):
        assert norm.bias.unique().tolist() == pytest.approx([1e-3])
        assert norm.weight.unique().tolist() == [1]


def test_concat_pool_is_maximum_then_mean() -> None:
    planes = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-4.0, 0.0], [0.0, 0.0]]]])
    assert network.ConcatPool()(planes).tolist() == [[6.0, 0.0, 3.0, -1.0]]


def test_decay_acts_on_convolutions_and_linear_layers_alone() -> None:
    model = network.build_model("mobilenet_v2", 5)
    decayed = network.decay_by_parameter(model)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            assert decayed[parameter] == (not isinstance(module, NORMS) and name != "bias")
            assert decayed[parameter] == (parameter.ndim > 1)


def test_equal_seeds_give_equal_networks_and_the_head_ignores_the_weights() -> None:
    first, second = (network.create_model("resnet18", 3, 7, {}) for _ in range(2))
    other = network.create_model("resnet18", 3, 8, {})
    body = {name: tensor + 1 for name, tensor in other.body.state_dict().items()}
    loaded = network.create_model("resnet18", 3, 7, body)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
    ours, mine, others = (model.state_dict() for model in (loaded, first, other))
    assert torch.equal(ours["body.conv1.weight"], others["body.conv1.weight"] + 1)
    assert torch.equal(ours["head.3.weight"], mine["head.3.weight"])
    assert not torch.equal(others["head.3.weight"], mine["head.3.weight"])


def test_building_a_network_leaves_torchs_generator_alone() -> None:
    before = torch.random.get_rng_state()
    network.create_model("resnet18", 3, 7, {})
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_heads_dropout_is_the_recipes() -> None:
    """0.4 before the last layer means 0.2 before the first; 0 leaves nothing to chance."""
    run, model = small.session(), network.create_model("resnet18", 3, 0, {})
    replace(run, dropout=0.4).init_state(model)
    assert [layer.p for layer in model.head if isinstance(layer, nn.Dropout)] == [0.2, 0.4]
    pictures = torch.rand(4, 3, 64, 64)
    assert not torch.equal(model.train()(pictures), model(pictures))
    replace(run, dropout=0.0).init_state(model)
    assert torch.equal(model.train()(pictures), model(pictures))
