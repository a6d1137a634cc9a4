"""Test-time augmentation against the average taken by hand."""

from dataclasses import asdict

import pytest
import torch
from torch import nn

from pawprint import batches, judging, networks, targets
from pawprint.modelfile import Card
from pawprint.sampling import View
from tests import small


@pytest.fixture(scope="module")
def network() -> networks.Network:
    """One that answers differently to every picture, which an untrained deep one hardly does."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU())
    head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 15 * 15, 3))
    return networks.Network(body, head)


def predicted(network: networks.Network, kind: judging.Kind, seed: int = 0) -> torch.Tensor:
    data = small.dataset()
    how = judging.Judging(View(32), 4, kind, small.STRENGTHS, seed)
    return judging.predicted(network, data.cache, data.parts["valid"], how)


def test_none_is_the_plain_prediction(network: networks.Network) -> None:
    data = small.dataset()
    plain = batches.predicted(network, data.cache, data.parts["valid"], View(32), 4)
    assert torch.equal(predicted(network, "none"), plain)


def test_flip_is_the_mean_of_both_pictures(network: networks.Network) -> None:
    data = small.dataset()
    part = data.parts["valid"]
    with torch.no_grad():
        shown = torch.cat([x for x, _ in batches.ordered(data.cache, part, View(32), 64)])
        both = [targets.Label().activated(network(x)) for x in (shown, shown.flip(3))]
    made = targets.Label().activated(predicted(network, "flip"))
    assert torch.allclose(made, (both[0] + both[1]) / 2, atol=1e-5)


def test_augmented_is_a_quarter_plain_and_three_quarters_changed(
    network: networks.Network,
) -> None:
    data = small.dataset()
    part = data.parts["valid"]
    plain, *changed = judging.views("augmented", len(part), small.STRENGTHS, 0)
    assert plain == (0.25, None) and [weight for weight, _ in changed] == [0.1875] * 4
    expected = 0.25 * targets.Label().activated(predicted(network, "none"))
    for _, draws in changed:
        assert draws is not None
        outputs = batches.predicted(network, data.cache, part, View(32), 64, draws)
        expected += 0.1875 * targets.Label().activated(outputs)
    made = targets.Label().activated(predicted(network, "augmented"))
    assert torch.allclose(made, expected, atol=1e-5)
    assert not torch.equal(made, targets.Label().activated(predicted(network, "augmented", seed=1)))


def test_the_judging_is_as_the_model_was_trained_but_for_what_evaluate_changes() -> None:
    keys = {"supersample": 2, **asdict(small.STRENGTHS)}
    params = {"augment": keys, "seed": 7}
    card = Card("resnet18", ["a", "b"], 64, 128, [], [], params, "", {})
    plain = judging.how(card, None, "none", 16)
    assert plain == judging.Judging(View(64, 2), 16, "none", small.STRENGTHS, 7)
    assert judging.how(card, 96, "flip", 16).view == View(96, 2)
