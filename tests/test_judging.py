"""Test-time augmentation against the average taken by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pawprint import augment, batches, judging, networks, targets
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
        both = [targets.probabilities(network(x)) for x in (shown, shown.flip(3))]
    made = targets.probabilities(predicted(network, "flip"))
    assert torch.allclose(made, (both[0] + both[1]) / 2, atol=1e-5)


def test_augmented_is_a_quarter_plain_and_three_quarters_changed(
    network: networks.Network,
) -> None:
    data = small.dataset()
    part = data.parts["valid"]
    plain, *changed = judging.views("augmented", len(part), small.STRENGTHS, 0)
    assert plain == (0.25, None) and [weight for weight, _ in changed] == [0.1875] * 4
    expected = 0.25 * targets.probabilities(predicted(network, "none"))
    for _, draws in changed:
        assert draws is not None
        outputs = batches.predicted(network, data.cache, part, View(32), 64, draws)
        expected += 0.1875 * targets.probabilities(outputs)
    made = targets.probabilities(predicted(network, "augmented"))
    assert torch.allclose(made, expected, atol=1e-5)
    assert not torch.equal(made, targets.probabilities(predicted(network, "augmented", seed=1)))


def test_views_of_no_strength_are_the_plain_picture(network: networks.Network) -> None:
    still = replace(small.STRENGTHS, flip=0.0, max_rotate=0.0, max_zoom=1.0, max_warp=0.0)
    still = replace(still, max_lighting=0.0, min_scale=1.0)
    draws = judging.views("augmented", 8, still, 0)[1][1]
    assert draws is not None
    sides = torch.ones(8, 2)  # squares, since the place along the long side stays random
    plain = augment.maps(augment.neutral(8), sides, 32, light=False)
    assert torch.allclose(augment.maps(draws, sides, 32, light=False).matrix, plain.matrix)
