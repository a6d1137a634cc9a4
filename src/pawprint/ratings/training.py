"""Ratings for the loop: batches, the loss of a step, the score of valid, and a session."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float32, Int32
from torch import Tensor, nn
from torch.nn import functional

from pawprint.ratings import dataset, models
from pawprint.ratings.config import TrainParams
from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import EmbeddingDotBias, EmbeddingNN, RatingsCard
from pawprint.runtime import distributed, rng
from pawprint.runtime.device import describe_machine, setup_device
from pawprint.runtime.tensor_file import versions
from pawprint.training import loop
from pawprint.training.loop import Batches, State
from pawprint.training.optimizer import OptimizerConfig, adamw

CHUNK = 1 << 16  # ratings that are predicted together
GROUPS = 1  # all layers have one learning rate


@dataclass(frozen=True)
class RatingWorkload:
    """A loop.Workload for ratings: mean squared error, in float32."""

    data: Ratings
    batch_size: int
    seed: int
    phase: str
    dtype: torch.dtype = torch.float32
    metric: None = None

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch."""
        return distributed.steps_per_epoch(len(self.data.train), self.batch_size)

    def train_batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every rating of train once, in a different order for each epoch."""
        train = self.data.train
        generator = rng.generator(self.seed, self.phase, epoch)
        # each once; fastai 2.8 draws with replacement and sees 63 % of the ratings in an epoch
        order = torch.randperm(len(train), generator=generator).to(train.targets.device)
        # a shuffled copy for the epoch: picking rows for each batch took 20 of 320 µs a step
        columns = (train.pairs[order], train.targets[order])
        chunks = (torch.tensor_split(column, self.steps_per_epoch) for column in columns)
        return zip(*chunks, strict=True)

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean squared error of a batch."""
        return functional.mse_loss(outputs, targets)

    def valid_batches(self) -> Batches:
        """The ratings of valid, in order."""
        valid = self.data.valid
        chunks = (torch.split(column, CHUNK) for column in (valid.pairs, valid.targets))
        return zip(*chunks, strict=True)

    def score(self, outputs: Tensor) -> tuple[float, None]:
        """The mean squared error on valid."""
        targets = self.data.valid.targets.double()
        return functional.mse_loss(outputs.double(), targets).item(), None


@torch.no_grad()
def predict(model: nn.Module, pairs: Int32[Tensor, "rating pair=2"]) -> Float32[Tensor, " rating"]:
    """The ratings that the model predicts, in evaluation mode."""
    model.eval()
    return torch.cat([model(chunk) for chunk in torch.split(pairs, CHUNK)])


def metrics(model: nn.Module, data: Ratings, noise: float | None) -> dict[str, float | int]:
    """mse, rmse and mae on valid, the sd of the noise if known, and n, the number of ratings."""
    errors = predict(model, data.valid.pairs).double() - data.valid.targets.double()
    mse = errors.square().mean().item()
    scores = {"mse": mse, "rmse": math.sqrt(mse), "mae": errors.abs().mean().item()}
    known = {} if noise is None else {"noise": noise}
    return {**scores, **known, "n": len(errors)}


@dataclass(frozen=True)
class RatingSession:
    """A phase.Session for ratings."""

    device: torch.device
    data: Ratings
    model_card: RatingsCard
    optimizer: OptimizerConfig
    batch_size: int
    seed: int

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and dtype, for the record of the run."""
        return describe_machine(self.device, torch.float32)

    @property
    def facts(self) -> dict[str, int]:
        """No further facts."""
        return {}

    def workload(self, phase: str) -> RatingWorkload:
        """The workload of this phase; its name keys the order."""
        return RatingWorkload(self.data, self.batch_size, self.seed, phase)

    def create_model(self) -> EmbeddingDotBias | EmbeddingNN:
        """A model with the initial values of the seed."""
        return models.create_model(self.model_card, self.seed)

    def init_state(self, model: nn.Module) -> State:
        """This model on the device, with an optimizer of all its parameters."""
        model.to(self.device)
        groups, is_decayed = [list(model.parameters())], models.decay_by_parameter(model)
        optimizer = adamw(groups, is_decayed, self.optimizer)
        return loop.init_state(model, optimizer, torch.float32)

    def write_model(
        self, path: Path, model: nn.Module, declared: Mapping[str, Any], max_lrs: Sequence[float]
    ) -> None:
        """Write the model file; its card has what it was trained with."""
        models.write(path, model, replace(self.model_card, params=dict(declared)))


def open_session(params: TrainParams, table: Path, device: str) -> RatingSession:
    """The session of these training keys.

    Args:
        params: the training keys.
        table: ratings.csv from stage split.
        device: auto, cpu, cuda or cuda:N.
    """
    torch_device = setup_device(device, params.threads)
    data, model = dataset.load_ratings(table, torch_device), params.model
    model_card = RatingsCard(
        kind=model.kind,
        users=data.users,
        items=data.items,
        factors=models.factor_counts(model.factors, len(data.users), len(data.items)),
        hidden=model.hidden,
        span=None if model.span is None else list(model.span),
        params=params.model_dump(),
        data=data.digest,
        versions=versions(),
    )
    optimizer = OptimizerConfig(**params.optimizer.model_dump())
    return RatingSession(torch_device, data, model_card, optimizer, params.batch_size, params.seed)
