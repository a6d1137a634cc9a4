"""The networks of ratings: look-up as a product, initial values, ranges, and their file."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from pawprint.ratings import models
from pawprint.runtime import tensor_file
from tests.ratingtables import model_card, ratings

SPAN = (0.0, 5.5)


def test_an_embedding_is_the_product_with_one_hot_vectors() -> None:
    table = models.embedding(7, 3).double()
    rows = torch.tensor([4, 0, 6, 4])
    one_hot = functional.one_hot(rows, 7).double().requires_grad_()
    looked_up, product = table(rows), one_hot @ table.weight
    assert torch.equal(looked_up, product)
    (by_index,) = torch.autograd.grad(looked_up.square().sum(), table.weight)
    (by_product,) = torch.autograd.grad(product.square().sum(), table.weight)
    assert torch.allclose(by_index, by_product, rtol=1e-12, atol=0)
    assert by_index[[1, 2, 3, 5]].count_nonzero() == 0


def test_a_rating_is_worked_out_by_hand() -> None:
    model = models.EmbeddingDotBias(1, 1, 2, True, SPAN)
    biases = model.bias_tables()
    assert biases is not None
    rows = ([1.0, 2.0], [0.5, -1.0], 0.25, 0.75)
    for table, row in zip((*model.tables(), *biases), rows, strict=True):
        table.data[1] = torch.tensor(row)
    outputs = model(torch.tensor([[1, 1]], dtype=torch.int32))
    logit = 1 * 0.5 - 2 * 1 + 0.25 + 0.75  # -0.5
    assert outputs.item() == pytest.approx(5.5 / (1 + math.exp(-logit)))
    assert outputs.item() == pytest.approx(2.0765, abs=1e-4)


def test_without_a_range_it_is_the_plain_product() -> None:
    model = models.EmbeddingDotBias(2, 3, 4, False, None)
    outputs = model(torch.tensor([[2, 3]], dtype=torch.int32))
    users, items = model.tables()
    assert outputs.item() == pytest.approx((users[2] @ items[3]).item())


def test_a_layer_sees_both_factors_side_by_side() -> None:
    model = models.EmbeddingNN(5, 6, (3, 2), 4, None)
    both = torch.cat([model.users.weight[5], model.items.weight[1]])
    a, b, c, d = model.layers.parameters()
    outputs = model(torch.tensor([[5, 1]], dtype=torch.int32)).item()
    expected = c[0] @ (a @ both + b).clamp(min=0) + d[0]
    assert outputs == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["dot", "bias", "network"])
def test_the_ratings_of_all_items_are_those_of_each_pair(kind: str) -> None:
    data = ratings()
    model = models.create_model(model_card(data, kind, 4, SPAN), 0)
    users = torch.tensor([3, 0, 7])
    result = model.of_all(users)
    assert result.shape == (3, len(data.items))
    for row, user in enumerate(users.tolist()):
        pairs = torch.tensor([[user, item + 1] for item in range(len(data.items))])
        assert torch.allclose(result[row], model(pairs.int()), atol=1e-6)


@given(st.floats(-50, 50), st.floats(-3, 3), st.floats(0.1, 9))
def test_a_range_holds_every_output(output: float, low: float, width: float) -> None:
    result = models.sigmoid_range(torch.tensor([output]), (low, low + width)).item()
    assert low - 1e-5 <= result <= low + width + 1e-5


def test_initial_values_are_small_and_wrapped_beyond_two() -> None:
    torch.manual_seed(0)
    values = models.embedding(1000, 50).weight
    assert values.abs().max() < 0.02
    # of a normal's variance 0.7385 lies within 2 sd, and the remainders beyond add 0.0115
    assert values.std().item() == pytest.approx(0.01 * math.sqrt(0.75), abs=8e-5)


@pytest.mark.parametrize("kind", ["dot", "bias", "network"])
def test_equal_seeds_give_equal_values_and_unknown_names_have_a_row(kind: str) -> None:
    data = ratings()
    one, two, other = (models.create_model(model_card(data, kind), seed) for seed in (0, 0, 1))
    assert [len(table) for table in one.tables()] == [len(data.users) + 1, len(data.items) + 1]
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.tables()[1], other.tables()[1])


def test_the_rule_of_sizes_is_fastais_on_the_chapters_counts() -> None:
    assert models.factor_counts(None, 943, 1634) == [
        74,
        101,
    ]  # as fastbook prints, with #na# counted
    assert models.factor_counts(50, 943, 1634) == [50, 50]
    assert models.emb_size_rule(10**6) == 600


def test_all_tables_are_decayed_and_the_biases_of_layers_are_not() -> None:
    data = ratings()
    for kind, spared in (("bias", set()), ("network", {"layers.0.bias", "layers.2.bias"})):
        model = models.create_model(model_card(data, kind), 0)
        decayed = models.decay_by_parameter(model)
        names = {name for name, weight in model.named_parameters() if not decayed[weight]}
        assert names == spared


@pytest.mark.parametrize("kind", ["dot", "bias", "network"])
def test_a_model_file_gives_back_what_was_written(tmp_path: Path, kind: str) -> None:
    data = ratings()
    written = model_card(data, kind, None if kind == "network" else 4, SPAN)
    model = models.create_model(written, 0)
    models.write(tmp_path / "a", model, written)
    models.write(tmp_path / "b", model, written)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    read, lines = models.read(tmp_path / "a")
    assert lines == written
    assert torch.equal(read(data.valid.pairs), model(data.valid.pairs))


def test_a_model_of_another_version_says_to_train_it_again(tmp_path: Path) -> None:
    tensor_file.write_tensors(tmp_path / "m", {"x": torch.zeros(1)}, {"users": [], "sort": "dot"})
    with pytest.raises(ValueError, match="of this version: .*; train it again: `dvc repro`"):
        models.read(tmp_path / "m")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    tensor_file.write_tensors(tmp_path / "m", {"x": torch.zeros(1)}, {"arch": "resnet18"})
    with pytest.raises(
        ValueError, match="a model of images, not one of ratings; `dvc repro` in collab"
    ):
        models.read(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match="dvc repro"):
        models.read(tmp_path / "none")
    data = ratings()
    written = model_card(data, "dot")
    tensor_file.write_tensors(tmp_path / "n", {"x": torch.zeros(1)}, vars(written))
    with pytest.raises(ValueError, match="not a model of ratings of this version: .*Missing key"):
        models.read(tmp_path / "n")
