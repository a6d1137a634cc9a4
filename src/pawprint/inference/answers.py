"""What a model says of a new image: the table of targets, and the answers as text, JSON and CSV."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from pawprint.inference.classification import ClassAnswer
from pawprint.inference.keypoints import PointsAnswer
from pawprint.inference.multilabel import LabelsAnswer
from pawprint.inference.regression import NumberAnswer
from pawprint.models.model_file import ModelCard
from pawprint.storage import sanitize


@runtime_checkable
class Answer(Protocol):
    """One image's."""

    @property
    def file(self) -> str:
        """The image."""

    @property
    def as_dict(self) -> dict[str, Any]:
        """What JSON says of it, beside `file`."""

    @property
    def cells(self) -> Sequence[str]:
        """What a CSV says of it, beside `file`."""

    @property
    def text(self) -> str:
        """What a person reads of it."""


ANSWERS: dict[
    str, type[ClassAnswer] | type[LabelsAnswer] | type[PointsAnswer] | type[NumberAnswer]
] = {
    "label": ClassAnswer,
    "labels": LabelsAnswer,
    "points": PointsAnswer,
    "number": NumberAnswer,
}


def header(model_card: ModelCard) -> str:
    """The names of what `as_csv` gives."""
    return ",".join(["file", *ANSWERS[model_card.target].columns(model_card)])


def as_json(answer: Answer, is_ascii: bool = False) -> str:
    """One object; if `is_ascii`, in letters that every encoding has."""
    return json.dumps({"file": answer.file, **answer.as_dict}, ensure_ascii=is_ascii)


def as_csv(answer: Answer) -> str:
    """One line.

    A name that a spreadsheet would run as a formula gets a `./` in front: the same file.
    """
    line = io.StringIO()
    name = f"./{answer.file}" if sanitize.FORMULA.match(answer.file) else answer.file
    csv.writer(line, lineterminator="\n").writerow((name, *answer.cells))
    return line.getvalue()[:-1]


def as_text(answer: Answer) -> str:
    """One line for a person."""
    name = answer.file if answer.file.isprintable() else repr(answer.file)
    return f"{name}  {answer.text}"
