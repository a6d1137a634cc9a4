"""The params.yaml and datasets.yaml of collab/, typed and checked as a whole."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from pawprint.core import schema, yaml_file
from pawprint.core.params import (
    Count,
    Finder,
    Magnitude,
    Name,
    OneCycleParams,
    Positive,
    Seed,
    Share,
)
from pawprint.core.schema import Section
from pawprint.data import catalog
from pawprint.data.source import Source

FILE = Path("params.yaml")
CATALOGUE = Path("datasets.yaml")
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Split(Section):
    """Which ratings are for valid: random ones, the latest, or the latest one of each user."""

    rule: Literal["random", "time", "one"]
    valid_fraction: Share
    seed: Seed


class Model(Section):
    """What predicts a rating from a user and an item."""

    kind: Literal["dot", "bias", "network"]
    factors: Count | None
    hidden: Count
    low: Finite | None
    high: Finite | None

    @model_validator(mode="after")
    def fits(self) -> "Model":
        """Check two keys together."""
        if (self.low is None) != (self.high is None):
            raise ValueError("model.low and model.high: set both, or leave both empty")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("model.low must be below model.high")
        if self.factors is None and self.kind != "network":
            raise ValueError(f"model.factors is empty: model.kind {self.kind} needs a number")
        return self

    @property
    def span(self) -> tuple[float, float] | None:
        """The range of the predictions; None if it has no bounds."""
        return None if self.low is None or self.high is None else (self.low, self.high)


class Optimizer(Section):
    """The settings of AdamW."""

    weight_decay: Magnitude
    beta2: Share
    eps: Positive


class Evaluate(Section):
    """What stage evaluate measures and shows."""

    k: Count
    relevant: Finite
    shown: Count


class Runtime(Section):
    """The machine's settings; DVC does not track them, because they must not change a result."""

    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]


class TrainParams(Section):
    """The training keys: what both lr_find and train depend on."""

    seed: Seed
    batch_size: Count
    threads: Annotated[int, Field(ge=1, le=1024)]
    model: Model
    optimizer: Optimizer


class Params(TrainParams):
    """The whole of params.yaml."""

    example: ClassVar[str] = "presets/planted.yaml has every key"
    dataset: Name
    lr: Positive | Literal["auto"]
    split: Split
    lr_find: Finder
    train: OneCycleParams
    evaluate: Evaluate
    runtime: Runtime


class Columns(Section):
    """Where ratings are: in which file of the archive, and in which columns.

    Without names, they are the first three columns, and a fourth is the time.
    """

    file: str | None = None  # empty: what was fetched is the table itself
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None

    @model_validator(mode="after")
    def all_are_named_or_none(self) -> "Columns":
        """Check four keys together."""
        columns = [self.user, self.item, self.rating]
        if any([*columns, self.time]) and not all(columns):
            raise ValueError("table.user, table.item and table.rating: name all three, or none")
        return self

    @property
    def names(self) -> dict[str, str]:
        """The column's name for each of ours; empty if they go by position."""
        columns = {"user": self.user, "item": self.item, "rating": self.rating, "time": self.time}
        return {ours: name for ours, name in columns.items() if name}


class Titles(Section):
    """The items' titles: a file of the archive whose first two columns are item and title."""

    file: str
    encoding: Literal["utf-8", "latin-1"] = "utf-8"


class RatingsEntry(Section):
    """A dataset of ratings."""

    example: ClassVar[str] = "collab/datasets.yaml shows whole blocks"
    ratings: Source
    table: Columns = Columns()
    titles: Titles | None = None
    licence: str | None = None


def load(path: Path = FILE) -> Params:
    """The params of this run.

    Raises:
        FileNotFoundError: there is no params.yaml here.
        ValueError: the file is not YAML, or some keys are wrong; the message names every one.
    """
    return schema.validate(Params, yaml_file.load(path), str(path))


def load_ratings_entry(name: str, path: Path = CATALOGUE) -> RatingsEntry:
    """The block of one dataset; raises the errors of `catalog.load_entry`."""
    return catalog.load_entry(RatingsEntry, name, path)


def train_params(params: Params) -> TrainParams:
    """The training keys of this run."""
    return TrainParams(**{name: getattr(params, name) for name in TrainParams.model_fields})
