"""Predictions of a model of ratings for a user or an item."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from pawprint.core import files, tables, yaml_file
from pawprint.ratings import models, ranking
from pawprint.ratings.models import EmbeddingDotBias, EmbeddingNN, RatingsCard


@dataclass(frozen=True)
class ScoredItem:
    """One item of an answer."""

    item: str
    score: float  # a predicted rating, or a cosine


def user_row(name: str, known: Sequence[str]) -> int:
    """The row of a user in the tables.

    Raises:
        ValueError: train has no rating by this user.
    """
    if name in known:  # whole names only: 8 is a part of 80, and another user
        return known.index(name) + 1
    raise ValueError(unknown_name(name, known, "users", []))


def item_row(name: str, known: Sequence[str]) -> int:
    """The row of an item in the tables; its case may differ, or only a part may be given.

    Raises:
        ValueError: train has no rating of it, or several names contain this part.
    """
    folded = name.casefold()
    # Alien is found although it is a part of Aliens: the whole name goes before a part
    for hits in (
        [one for one in known if one == name],
        [one for one in known if one.casefold() == folded],
        [one for one in known if folded in one.casefold()],
    ):
        if len(hits) == 1:
            return known.index(hits[0]) + 1
    raise ValueError(unknown_name(name, known, "items", hits))


def unknown_name(name: str, known: Sequence[str], what: str, hits: Sequence[str]) -> str:
    """The message for a name that is none of these, or a part of several."""
    near = hits or difflib.get_close_matches(name, known, 5, 0.5) or known[:3]
    shown = ", ".join(yaml_file.one_line(one, 60) for one in near[:5])
    why = f"is a part of {len(hits)} names among" if hits else "is not one of"
    return (
        f"{yaml_file.one_line(name, 80)!r} {why} the {len(known):,} {what} that the model was "
        f"trained on; give a full name, such as {shown}"
    )


def recommend_items(
    model: EmbeddingDotBias | EmbeddingNN,
    model_card: RatingsCard,
    user: str,
    seen: Iterable[str],
    top: int,
) -> list[ScoredItem]:
    """The items with the highest predicted ratings, except those that the user has rated.

    Raises:
        ValueError: train has no rating by this user.
    """
    place = torch.tensor([user_row(user, model_card.users)])
    with torch.no_grad():
        scores = model.of_all(place)
    known = set(seen)
    is_seen = torch.tensor([[item in known for item in model_card.items]])
    left = min(top, len(model_card.items) - int(is_seen.sum()))
    chosen = ranking.top_k(scores, is_seen, left)[0].tolist()
    return [ScoredItem(model_card.items[i], scores[0, i].item()) for i in chosen]


def similar_items(
    model: EmbeddingDotBias | EmbeddingNN, model_card: RatingsCard, item: str, top: int
) -> list[ScoredItem]:
    """The items whose factors have the highest cosine with those of this item.

    Raises:
        ValueError: train has no rating of this item.
    """
    place = item_row(item, model_card.items) - 1
    cosines = cosine_similarity(item_factors(model), [place])[0]
    cosines[place] = -torch.inf
    order = cosines.sort(descending=True, stable=True).indices[:top].tolist()
    # the item itself sorts last, but is there where `top` is as long as the list
    return [ScoredItem(model_card.items[i], cosines[i].item()) for i in order if i != place]


def cosine_similarity(
    table: Float64[Tensor, "item factor"], places: Sequence[int]
) -> Float64[Tensor, "chosen item"]:
    """Cosines between some rows and all."""
    units = functional.normalize(table, dim=1)
    return units[list(places)] @ units.T


def item_factors(model: EmbeddingDotBias | EmbeddingNN) -> Float64[Tensor, "item factor"]:
    """The factors of the items in train."""
    _, items = model.tables()
    return items[1:].detach().cpu().double()


def biases(
    model: EmbeddingDotBias | EmbeddingNN, model_card: RatingsCard, counts: Float[Tensor, " item"]
) -> pd.DataFrame:
    """Columns item, ratings (in train), bias; the highest bias first. Empty without biases."""
    names = {"item": model_card.items, "ratings": counts.long().tolist()}
    if not isinstance(model, EmbeddingDotBias) or (tables := model.bias_tables()) is None:
        return pd.DataFrame(columns=[*names, "bias"])
    column = tables[1][1:].detach().cpu().double().tolist()
    table = pd.DataFrame({**names, "bias": column})
    return table.sort_values("bias", ascending=False, kind="stable", ignore_index=True)


def neighbours(
    model: EmbeddingDotBias | EmbeddingNN,
    model_card: RatingsCard,
    counts: Float[Tensor, " item"],
    most: int,
) -> pd.DataFrame:
    """Columns item, nearest, cosine, for the most rated items."""
    rows = [
        (model_card.items[i], one.item, one.score)
        for i in most_rated(counts, most)
        for one in similar_items(model, model_card, model_card.items[i], 1)
    ]
    return pd.DataFrame(rows, columns=["item", "nearest", "cosine"])


def most_rated(counts: Float[Tensor, " item"], most: int) -> list[int]:
    """The most rated items, from 0; ties go to the first."""
    chosen: list[int] = counts.sort(descending=True, stable=True).indices[:most].tolist()
    return chosen


@dataclass(frozen=True)
class Place:
    """Where the ratings project is: in collab/, or here."""

    folder: Path

    @property
    def model(self) -> Path:
        """The model that stage train wrote."""
        return self.folder / "models/factors.safetensors"

    @property
    def table(self) -> Path:
        """The table that stage split wrote."""
        return self.folder / "data/ratings.csv"


def place() -> Place:
    """The ratings project, from the working folder."""
    return Place(Path("collab") if Path("collab/dvc.yaml").is_file() else Path())


def answers(user: str | None, item: str | None, top: int) -> list[ScoredItem]:
    """The last model's recommendations for a user, or the items similar to an item.

    Raises:
        FileNotFoundError: a stage has not run.
        ValueError: train has no such user or item, or the ratings have changed.
    """
    where = place()
    model, model_card = models.read(where.model)
    if user is None:
        return similar_items(model, model_card, item or "", top)
    if files.file_hash(where.table) != model_card.data:
        raise ValueError(
            f"{where.table}: not the ratings that {where.model} was trained on, so the items that "
            f"a user has rated are not known; run `dvc repro` in {where.folder.resolve().name}/"
        )
    table = tables.read(where.table, ["user", "item"], "str")
    return recommend_items(model, model_card, user, table.loc[table["user"] == user, "item"], top)
