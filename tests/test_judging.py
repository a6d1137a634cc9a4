"""Test-time augmentation against the average taken by hand."""

from dataclasses import asdict

import pytest
import torch
from torch import nn

from pawprint.evaluation import evaluate
from pawprint.models import network
from pawprint.models.model_file import ModelCard
from pawprint.vision import loader
from pawprint.vision.classification import Classification
from pawprint.vision.resample import InputSpec
from tests import small


@pytest.fixture(scope="module")
def model() -> network.Network:
    """One that answers differently to every picture, which an untrained deep one hardly does."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU())
    head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 15 * 15, 3))
    return network.Network(body, head)


def predict_with(model: network.Network, kind: evaluate.Tta, seed: int = 0) -> torch.Tensor:
    data = small.dataset()
    how = evaluate.EvalConfig(InputSpec(32), 4, kind, small.STRENGTHS, seed)
    return evaluate.predict_views(model, data.cache, data.splits["valid"], how)


def test_none_is_the_plain_prediction(model: network.Network) -> None:
    data = small.dataset()
    plain = loader.predict(model, data.cache, data.splits["valid"], InputSpec(32), 4)
    assert torch.equal(predict_with(model, "none"), plain)


def test_flip_is_the_mean_of_both_pictures(model: network.Network) -> None:
    data = small.dataset()
    part = data.splits["valid"]
    with torch.no_grad():
        shown = torch.cat([x for x, _ in loader.eval_batches(data.cache, part, InputSpec(32), 64)])
        both = [Classification().activation(model(x)) for x in (shown, shown.flip(3))]
    outputs = Classification().activation(predict_with(model, "flip"))
    assert torch.allclose(outputs, (both[0] + both[1]) / 2, atol=1e-5)


def test_augmented_is_a_quarter_plain_and_three_quarters_changed(
    model: network.Network,
) -> None:
    data = small.dataset()
    part = data.splits["valid"]
    plain, *changed = evaluate.tta_views("augmented", len(part), small.STRENGTHS, 0)
    assert plain == (0.25, None) and [weight for weight, _ in changed] == [0.1875] * 4
    expected = 0.25 * Classification().activation(predict_with(model, "none"))
    for _, draws in changed:
        assert draws is not None
        outputs = loader.predict(model, data.cache, part, InputSpec(32), 64, draws)
        expected += 0.1875 * Classification().activation(outputs)
    result = Classification().activation(predict_with(model, "augmented"))
    assert torch.allclose(result, expected, atol=1e-5)
    assert not torch.equal(
        result, Classification().activation(predict_with(model, "augmented", seed=1))
    )


def test_the_judging_is_as_the_model_was_trained_but_for_what_evaluate_changes() -> None:
    keys = {"supersample": 2, **asdict(small.STRENGTHS)}
    params = {"augment": keys, "seed": 7}
    model_card = ModelCard("resnet18", ["a", "b"], 64, 128, [], [], params, "", {})
    plain = evaluate.eval_config(model_card, None, "none", 16)
    assert plain == evaluate.EvalConfig(InputSpec(64, 2), 16, "none", small.STRENGTHS, 7)
    assert evaluate.eval_config(model_card, 96, "flip", 16).input_spec == InputSpec(96, 2)
