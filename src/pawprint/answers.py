"""What a model says of a new picture, in words: for each kind of target in its own."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pawprint import cells, points, targets, untrusted
from pawprint.modelfile import Card
from pawprint.presize import Presized

NONE = "none of these"
Shares = list[tuple[str, float]]  # classes with their probabilities, likeliest first


@runtime_checkable
class Answer(Protocol):
    """One picture's."""

    @property
    def file(self) -> str:
        """The picture."""

    @property
    def told(self) -> dict[str, Any]:
        """What JSON says of it, beside `file`."""

    @property
    def cells(self) -> Sequence[str]:
        """What a CSV says of it, beside `file`."""

    @property
    def words(self) -> str:
        """What a person is told of it."""


@dataclass(frozen=True)
class Named:
    """One class."""

    file: str
    label: str | None  # None: no class reaches the least probability
    probability: float  # 0-1, of the likeliest class
    top: Shares  # the likeliest classes

    @property
    def told(self) -> dict[str, Any]:
        """label, probability, top."""
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "top": rounded(self.top),
        }

    @property
    def cells(self) -> Sequence[str]:
        """label, probability."""
        return (self.label or "", f"{self.probability:.6f}")

    @property
    def words(self) -> str:
        """The label, its probability, what else it may be."""
        return f"{self.label or NONE} {self.probability:.2f}{others(self.top[1:])}"


@dataclass(frozen=True)
class Tagged:
    """Any number of classes."""

    file: str
    labels: Shares  # above the threshold
    top: Shares  # the likeliest classes

    @property
    def told(self) -> dict[str, Any]:
        """labels, top."""
        return {"labels": [label for label, _ in self.labels], "top": rounded(self.top)}

    @property
    def cells(self) -> Sequence[str]:
        """The labels, the probability of the likeliest class."""
        labels = cells.BETWEEN.join(label for label, _ in self.labels)
        return (labels, f"{self.top[0][1]:.6f}")

    @property
    def words(self) -> str:
        """The labels with their probabilities, or that there are none, and what else may be."""
        said = ", ".join(f"{label} {share:.2f}" for label, share in self.labels) or NONE
        return said + others([pair for pair in self.top if pair not in self.labels])


@dataclass(frozen=True)
class Placed:
    """Points in the picture."""

    file: str
    points: list[tuple[float, float]]  # x, y in px of the original

    @property
    def told(self) -> dict[str, Any]:
        """points: a list of x, y."""
        return {"points": [[round(x, 2), round(y, 2)] for x, y in self.points]}

    @property
    def cells(self) -> Sequence[str]:
        """x, y of each point."""
        return [f"{value:.2f}" for point in self.points for value in point]

    @property
    def words(self) -> str:
        """x and y of each point."""
        return "; ".join(f"x {x:.1f}, y {y:.1f}" for x, y in self.points) + " px"


def named(
    picture: Presized, seen: Float[Tensor, " c"], card: Card, top: int, least: float | None
) -> Named:
    """The likeliest class, if its probability is `least` or more."""
    found = ranked(targets.Label().activated(seen[None])[0], card)
    label, share = found[0]
    return Named(picture.name, label if share >= (least or 0) else None, share, found[:top])


def tagged(
    picture: Presized, seen: Float[Tensor, " c"], card: Card, top: int, least: float | None
) -> Tagged:
    """The classes whose probability is above the model's threshold (or `least` or more)."""
    found = ranked(targets.Labels().activated(seen[None])[0], card)
    at = 0.5 if card.threshold is None else card.threshold
    said = [(c, p) for c, p in found if (p > at if least is None else p >= least)]
    return Tagged(picture.name, said, found[:top])


def placed(
    picture: Presized, seen: Float[Tensor, " c"], card: Card, top: int, least: float | None
) -> Placed:
    """The places in pixels.

    Raises:
        ValueError: a least probability is asked for.
    """
    if least is not None:
        raise ValueError("this model says points, which have no probability: no --min-probability")
    pairs = points.pairs(seen[None])[0].tolist()
    width, height = picture.width / 2, picture.height / 2
    return Placed(picture.name, [((x + 1) * width, (y + 1) * height) for x, y in pairs])


# by kind, from the picture, what the network sees in it, the model's card, top, least
ANSWERS: dict[str, Callable[[Presized, Tensor, Card, int, float | None], Answer]] = {
    "label": named,
    "labels": tagged,
    "points": placed,
}


def header(card: Card) -> str:
    """The names of what `as_csv` gives."""
    names = {"label": ["label", "probability"], "labels": ["labels", "probability"]}
    return ",".join(["file", *names.get(card.target, card.classes)])


def ranked(shares: Float[Tensor, " c"], card: Card) -> Shares:
    """All classes, likeliest first."""
    values, order = shares.sort(descending=True)
    return [(card.classes[i], p) for i, p in zip(order.tolist(), values.tolist(), strict=True)]


def rounded(top: Shares) -> list[list[str | float]]:
    """Six decimals."""
    return [[label, round(share, 6)] for label, share in top]


def others(rest: Shares) -> str:
    """What else it may be, in brackets."""
    said = ", ".join(f"{label} {share:.2f}" for label, share in rest)
    return f"  ({said})" if said else ""


def as_json(answer: Answer, is_ascii: bool = False) -> str:
    """One object; if `is_ascii`, in letters that every encoding has."""
    return json.dumps({"file": answer.file, **answer.told}, ensure_ascii=is_ascii)


def as_csv(answer: Answer) -> str:
    """One line.

    A name that a spreadsheet would run as a formula gets a `./` in front: the same file.
    """
    line = io.StringIO()
    name = f"./{answer.file}" if untrusted.FORMULA.match(answer.file) else answer.file
    csv.writer(line, lineterminator="\n").writerow((name, *answer.cells))
    return line.getvalue()[:-1]


def as_text(answer: Answer) -> str:
    """One line for a person."""
    name = answer.file if answer.file.isprintable() else repr(answer.file)
    return f"{name}  {answer.words}"
