"""What a model of ratings says of a user or an item."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from pawprint import factors, files, ranking, tables, yaml12
from pawprint.factors import Card, Dot, Network


@dataclass(frozen=True)
class Said:
    """One item of an answer."""

    item: str
    score: float  # a predicted rating, or a cosine


def user_row(name: str, known: Sequence[str]) -> int:
    """The row of a user in the tables.

    Raises:
        ValueError: train has no rating by this user.
    """
    if name in known:
        return known.index(name) + 1
    raise ValueError(unknown(name, known, "users", []))


def item_row(name: str, known: Sequence[str]) -> int:
    """The row of an item in the tables, also where its case differs or only a part is given.

    Raises:
        ValueError: train has no rating of it, or several names hold this part.
    """
    folded = name.casefold()
    for hits in (
        [one for one in known if one == name],
        [one for one in known if one.casefold() == folded],
        [one for one in known if folded in one.casefold()],
    ):
        if len(hits) == 1:
            return known.index(hits[0]) + 1
    raise ValueError(unknown(name, known, "items", hits))


def unknown(name: str, known: Sequence[str], what: str, hits: Sequence[str]) -> str:
    """What to give instead of a name that is none of these, or part of several."""
    near = hits or difflib.get_close_matches(name, known, 5, 0.5) or known[:3]
    shown = ", ".join(yaml12.one_line(one, 60) for one in near[:5])
    why = f"is a part of {len(hits)} names among" if hits else "is none of"
    return (
        f"{yaml12.one_line(name, 80)!r} {why} the {len(known):,} {what} that the model was trained "
        f"on; give a whole name, such as {shown}"
    )


def recommended(
    network: Dot | Network, card: Card, user: str, seen: Iterable[str], top: int
) -> list[Said]:
    """The items with the highest predicted ratings, without those that the user has rated.

    Raises:
        ValueError: train has no rating by this user.
    """
    place = torch.tensor([user_row(user, card.users)])
    with torch.no_grad():
        found = network.of_all(place)
    known = set(seen)
    is_seen = torch.tensor([[item in known for item in card.items]])
    left = min(top, len(card.items) - int(is_seen.sum()))
    chosen = ranking.best(found, is_seen, left)[0].tolist()
    return [Said(card.items[i], found[0, i].item()) for i in chosen]


def similar(network: Dot | Network, card: Card, item: str, top: int) -> list[Said]:
    """The items whose factors have the highest cosine with this one's.

    Raises:
        ValueError: train has no rating of this item.
    """
    place = item_row(item, card.items) - 1
    cosines = alike(item_factors(network), [place])[0]
    cosines[place] = -torch.inf
    order = cosines.sort(descending=True, stable=True).indices[:top].tolist()
    return [Said(card.items[i], cosines[i].item()) for i in order if i != place]


def alike(
    table: Float64[Tensor, "item factor"], places: Sequence[int]
) -> Float64[Tensor, "chosen item"]:
    """Cosines between some rows and all."""
    units = functional.normalize(table, dim=1)
    return units[list(places)] @ units.T


def item_factors(network: Dot | Network) -> Float64[Tensor, "item factor"]:
    """The factors of the items that train knows."""
    _, items = network.tables()
    return items[1:].detach().cpu().double()


def biases(network: Dot | Network, card: Card, counts: Float[Tensor, " item"]) -> pd.DataFrame:
    """Columns item, ratings (in train), bias; the highest bias first. Empty without biases."""
    names = {"item": card.items, "ratings": counts.long().tolist()}
    if not isinstance(network, Dot) or (tables := network.bias_tables()) is None:
        return pd.DataFrame(columns=[*names, "bias"])
    column = tables[1][1:].detach().cpu().double().tolist()
    made = pd.DataFrame({**names, "bias": column})
    return made.sort_values("bias", ascending=False, kind="stable", ignore_index=True)


def neighbours(
    network: Dot | Network, card: Card, counts: Float[Tensor, " item"], most: int
) -> pd.DataFrame:
    """Columns item, nearest, cosine, for the items that are rated most."""
    rows = [
        (card.items[i], one.item, one.score)
        for i in popular(counts, most)
        for one in similar(network, card, card.items[i], 1)
    ]
    return pd.DataFrame(rows, columns=["item", "nearest", "cosine"])


def popular(counts: Float[Tensor, " item"], most: int) -> list[int]:
    """The items that are rated most, from 0; of equal ones the first."""
    chosen: list[int] = counts.sort(descending=True, stable=True).indices[:most].tolist()
    return chosen


@dataclass(frozen=True)
class Place:
    """Where the project of the ratings lies: in collab/, or here."""

    folder: Path

    @property
    def model(self) -> Path:
        """What stage train wrote."""
        return self.folder / "models/factors.safetensors"

    @property
    def table(self) -> Path:
        """What stage split wrote."""
        return self.folder / "data/ratings.csv"


def place() -> Place:
    """The project of the ratings, seen from the working folder."""
    return Place(Path("collab") if Path("collab/dvc.yaml").is_file() else Path())


def answers(user: str | None, item: str | None, top: int) -> list[Said]:
    """What the last model recommends to a user, or the items that are similar to an item.

    Raises:
        FileNotFoundError: a stage has not run.
        ValueError: train knows no such user or item, or the ratings are others now.
    """
    where = place()
    network, card = factors.read(where.model)
    if user is None:
        return similar(network, card, item or "", top)
    if files.digest(where.table) != card.data:
        raise ValueError(
            f"{where.table}: not the ratings that {where.model} was trained on, so what a user has "
            f"rated is not known; run `dvc repro` in {where.folder.resolve().name}/"
        )
    table = tables.read(where.table, ["user", "item"], "str")
    return recommended(network, card, user, table.loc[table["user"] == user, "item"], top)
