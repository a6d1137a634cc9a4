"""Networks that predict a rating from the factors of its user and its item, and their file.

Source: fastbook chapter 8; fastai 2.8's collab.py and layers.py for names and initial values.
Row 0 of every table is for users and items that training has not seen.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int32, Int64
from torch import Tensor, nn
from torch.nn import functional

from pawprint.runtime import rng, tensor_file

Span = tuple[float, float]


@dataclass(frozen=True)
class RatingsCard:
    """The metadata of a model file."""

    kind: str  # dot, bias or network
    users: list[str]  # row 1 of the users' tables is the first
    items: list[str]
    factors: list[int]  # of a user, of an item
    hidden: int  # units of the network's layer
    span: list[float] | None  # between which it predicts; None: any number
    params: dict[str, Any]  # declared by the stage that wrote it
    data: str  # sha256 of ratings.csv
    versions: dict[str, str]


def embedding(rows: int, columns: int) -> nn.Embedding:
    """A table with normal initial values, sd 0.01; beyond 2 sd the remainder, as in fastai."""
    layer = nn.Embedding(rows, columns)
    with torch.no_grad():
        layer.weight.normal_().fmod_(2).mul_(0.01)
    return layer


def stack_tables(rows: Sequence[int], columns: int) -> nn.Parameter:
    """Tables with these numbers of rows, stacked."""
    return nn.Parameter(torch.cat([embedding(count, columns).weight for count in rows]).detach())


def sigmoid_range(outputs: Float[Tensor, "*shape"], span: Span | None) -> Float[Tensor, "*shape"]:
    """Map the outputs to a range by a sigmoid."""
    if span is None:
        return outputs
    low, high = span
    above = torch.sigmoid(outputs) * (high - low)
    return above + low if low else above


class EmbeddingDotBias(nn.Module):
    """The dot product of a user's and an item's factors, optionally with a bias of each.

    Users and items are in one table, users first, so a batch needs one look-up per pass.
    """

    first: Int32[Tensor, " pair=2"]

    def __init__(
        self, users: int, items: int, factors: int, has_biases: bool, span: Span | None
    ) -> None:
        """Tables for this many users and items, each with a row 0."""
        super().__init__()
        self.span, self.rows = span, [users + 1, items + 1]
        self.factors = stack_tables(self.rows, factors)
        self.biases = stack_tables(self.rows, 1) if has_biases else None
        first = torch.tensor([0, users + 1], dtype=torch.int32)
        self.register_buffer("first", first, persistent=False)

    def forward(self, pairs: Int32[Tensor, "rating pair=2"]) -> Float[Tensor, " rating"]:
        """The ratings of these rows of the users and the items."""
        # one look-up instead of two saves 40 of 320 µs a step; embedding_bag was 50 slower, and the
        # whole step written by hand as one autograd function no faster
        rows = pairs + self.first
        outputs = torch.linalg.vecdot(*functional.embedding(rows, self.factors).unbind(1))
        if self.biases is not None:
            outputs = outputs + functional.embedding(rows, self.biases).sum((1, 2))
        return sigmoid_range(outputs, self.span)

    def tables(self) -> tuple[Float[Tensor, "user factor"], Float[Tensor, "item factor"]]:
        """The factors of the users and of the items."""
        users, items = torch.split(self.factors, self.rows)
        return users, items

    def bias_tables(self) -> tuple[Float[Tensor, " user"], Float[Tensor, " item"]] | None:
        """The biases of the users and of the items, if it has any."""
        if self.biases is None:
            return None
        users, items = torch.split(self.biases.squeeze(1), self.rows)
        return users, items

    def of_all(self, users: Int64[Tensor, " user"]) -> Float[Tensor, "user item"]:
        """The ratings of all items (row 1 first) by these users: one product of matrices."""
        # pair by pair it would take minutes for 70,000 users and 10,000 items
        theirs, items = self.tables()
        outputs = theirs[users] @ items[1:].T
        if (biases := self.bias_tables()) is not None:
            outputs = outputs + biases[0][users, None] + biases[1][1:]
        return sigmoid_range(outputs, self.span)


class EmbeddingNN(nn.Module):
    """One layer on a user's factors and an item's, side by side."""

    def __init__(
        self, users: int, items: int, factors: tuple[int, int], hidden: int, span: Span | None
    ) -> None:
        """Tables for this many users and items, each with its number of factors."""
        super().__init__()
        self.span = span
        self.users, self.items = embedding(users + 1, factors[0]), embedding(items + 1, factors[1])
        self.layers = nn.Sequential(
            nn.Linear(sum(factors), hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, pairs: Int32[Tensor, "rating pair=2"]) -> Float[Tensor, " rating"]:
        """The ratings of these rows of the users' and the items' tables."""
        users, items = pairs.unbind(1)
        both = torch.cat([self.users(users), self.items(items)], 1)
        return sigmoid_range(self.layers(both).squeeze(1), self.span)

    def tables(self) -> tuple[Float[Tensor, "user factor"], Float[Tensor, "item factor"]]:
        """The factors of the users and of the items."""
        return self.users.weight, self.items.weight

    def of_all(self, users: Int64[Tensor, " user"]) -> Float[Tensor, "user item"]:
        """The ratings of all items (row 1 first) by these users, pair by pair."""
        items = torch.arange(1, self.items.num_embeddings, device=users.device)
        pairs = torch.cartesian_prod(users, items).int()
        outputs: Tensor = self(pairs)
        return outputs.view(len(users), len(items))


def emb_size_rule(names: int) -> int:
    """fastai's number of factors for this many names; unseen names count as one.

    Source: fastai 2.8's tabular/model.py, emb_sz_rule.

    >>> emb_size_rule(943), emb_size_rule(1634)
    (74, 101)
    """
    return min(600, round(1.6 * math.pow(names + 1, 0.56)))


def factor_counts(factors: int | None, users: int, items: int) -> list[int]:
    """Factors of a user and of an item: the given number, or by fastai's rule."""
    return [factors or emb_size_rule(users), factors or emb_size_rule(items)]


def build_model(model_card: RatingsCard) -> EmbeddingDotBias | EmbeddingNN:
    """The network of a card, with initial values from torch's generator."""
    users, items = len(model_card.users), len(model_card.items)
    span = (model_card.span[0], model_card.span[1]) if model_card.span else None
    each = (model_card.factors[0], model_card.factors[1])
    if model_card.kind == "network":
        return EmbeddingNN(users, items, each, model_card.hidden, span)
    return EmbeddingDotBias(users, items, each[0], model_card.kind == "bias", span)


def create_model(model_card: RatingsCard, seed: int) -> EmbeddingDotBias | EmbeddingNN:
    """The network of a card, with the initial values of this seed."""
    with rng.global_seed(seed, "factors"):
        return build_model(model_card)


def decay_by_parameter(model: nn.Module) -> Mapping[nn.Parameter, bool]:
    """Whether weight decay applies to each parameter: to all but the biases of layers.

    The tables of biases are decayed, as in fastai, to regularise them.
    """
    layers = {part.bias for part in model.modules() if isinstance(part, nn.Linear)}
    return {weight: weight not in layers for weight in model.parameters()}


def write(path: Path, model: nn.Module, model_card: RatingsCard) -> None:
    """Write the network's parameters, with their card."""
    tensor_file.write_tensors(path, model.state_dict(), asdict(model_card))


def read(path: Path) -> tuple[EmbeddingDotBias | EmbeddingNN, RatingsCard]:
    """Read the network, on the CPU and in evaluation mode, and its card.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a model file, or it is a model for images.
    """
    tensors, text = tensor_file.read_tensors(path)
    if (kind := tensor_file.describe_content(text)) != tensor_file.RATINGS:
        raise ValueError(f"{path}: {kind}, not one of ratings; `dvc repro` in collab/ trains one")
    try:
        model_card = RatingsCard(**text)
        model = build_model(model_card)
        model.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path}: not a model of ratings of this version: {reason}; train it again: `dvc repro`"
        ) from error
    return model.eval(), model_card
