"""State dicts of a body, as other programs save them."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from pawprint.core.findings import Findings
from pawprint.models import network, state_dict

State = dict[str, Tensor]


def torchvisions(arch: str) -> State:
    torch.manual_seed(0)
    state: State = torchvision.models.get_model(arch, weights=None).state_dict()
    return state


def body(arch: str) -> nn.Sequential:
    return network.build_body(torchvision.models.get_model(arch, weights=None))


def fastais(arch: str) -> State:
    """As `learn.save` has them: 0 is the body, whose children are numbered, 1 the head."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(arch, weights=None)
    children = [part for name, part in model.named_children() if name not in ("avgpool", "fc")]
    learner = nn.Sequential(nn.Sequential(*children), nn.Linear(1, 1))
    return {f"model.{name}": tensor for name, tensor in learner.state_dict().items()}


def before(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "state_dict.model.", "a.b.c."])
def test_a_network_is_taken_from_under_whatever_its_names_begin_with(
    arch: str, prefix: str
) -> None:
    state, findings = torchvisions(arch), Findings()
    tensors = state_dict.match(arch, before(prefix, state), "w.pth", findings)
    assert tensors.keys() == body(arch).state_dict().keys()
    own = "features." if arch.startswith("mobile") else ""
    assert all(torch.equal(tensor, state[own + name]) for name, tensor in tensors.items())
    assert findings.notes == []  # torchvision's own head may be left out without a word


def test_a_body_that_fastai_has_saved_is_taken_by_its_numbers() -> None:
    findings = Findings()
    tensors = state_dict.match("resnet18", fastais("resnet18"), "w.pth", findings)
    state = torchvisions("resnet18")
    assert all(torch.equal(tensor, state[name]) for name, tensor in tensors.items())
    assert findings.notes == [
        "w.pth: the network under 'model.0' is used; left out: 2 other tensors "
        "(model.1.weight, model.1.bias)"
    ]


@pytest.mark.parametrize(
    ("add", "note"),
    [
        (lambda s: before("model.", s) | {"loss.weight": torch.ones(2)}, "under 'model' is used; "
         "left out: 1 other tensors (loss.weight)"),
        (lambda s: s | {"head.0.weight": torch.ones(2)}, "the network is used; left out: 1 other "
         "tensors (head.0.weight)"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_named(add: Callable[[State], State], note: str) -> None:
    findings = Findings()
    state_dict.match("mobilenet_v3_small", add(torchvisions("mobilenet_v3_small")), "w", findings)
    assert len(findings.notes) == 1 and note in findings.notes[0]


def test_two_networks_that_fit_are_named_and_neither_is_taken() -> None:
    state = torchvisions("mobilenet_v3_small")
    both = before("state_dict.", state) | before("state_dict_ema.", state)
    with pytest.raises(ValueError, match=r"2 networks .* \('state_dict', 'state_dict_ema'\); save"):
        state_dict.match("mobilenet_v3_small", both, "w.pth", Findings())


@pytest.mark.parametrize(
    ("arch", "other"), [("resnet18", "resnet34"), ("efficientnet_b0", "efficientnet_b2")]
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_larger_network_of_the_same_family_is_not_cut_to_size(
    arch: str, other: str, prefix: str
) -> None:
    with torch.device("meta"):
        state = torchvisions(other)
    with pytest.raises(ValueError, match=rf"w\.pth: these weights do not fit {arch}: .* unknown"):
        fill = {name: torch.zeros(tensor.shape) for name, tensor in state.items()}
        state_dict.match(arch, before(prefix, fill), "w.pth", Findings())


def test_names_of_another_library_are_told_with_counts() -> None:
    timm = {"stem.conv.weight": torch.ones(2), "stages.0.0.weight": torch.ones(2)}
    with pytest.raises(
        ValueError,
        match=r"do not fit resnet18: of its 120 tensors, 100 missing \(conv1\.weight, .*; 2 "
        r"unknown "
        r"\(stem\.conv\.weight, stages\.0\.0\.weight\); change arch or weights in params\.yaml",
    ):
        state_dict.match("resnet18", timm, "w.safetensors", Findings())


def test_sparse_tensors_are_refused() -> None:
    state = torchvisions("mobilenet_v3_small")
    state["classifier.3.weight"] = state["classifier.3.weight"].to_sparse()
    with pytest.raises(ValueError, match=r"1 of its tensors are sparse \(classifier\.3\.weight\)"):
        state_dict.match("mobilenet_v3_small", state, "w.pth", Findings())
