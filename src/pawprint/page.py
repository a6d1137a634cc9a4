"""reports/report.html: one file with all of a run in it, which needs no network.

Equal runs give equal bytes; `pawprint report --stamp` adds commit and date to a copy.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from pawprint import charts, headlines, mistakes
from pawprint.dataset import Dataset
from pawprint.report import Tables, counts
from pawprint.sampling import View

SIDE, MOST = 112, 1500  # px of a picture in the page; pictures at most
CHARTS = {
    "training": "Loss, error and schedule of both phases, by epoch",
    "lr_find": "The learning-rate finder, before each phase",
    "reliability": "How often an answer of some probability is right",
    "thresholds": "What each threshold of a label's probability would give",
}
SHEETS = {
    "most_confused": "Pictures that were mistaken, each beside one of what they were taken for",
    "top_losses": "The largest losses",
    "gradcam": "Where the network looked in its worst mistakes (Grad-CAM)",
    "results": "Valid pictures at random",
}
EMPTY = {  # figures that mean nothing for a kind: their files are blank
    "label": {"thresholds"},
    "labels": {"reliability", "most_confused"},
    "points": {"reliability", "thresholds", "most_confused", "gradcam"},
}


def rendered(
    data: Dataset,
    view: View,
    tables: Tables,
    metrics: Mapping[str, float | int],
    params: Mapping[str, Any],
    folder: Path,
) -> str:
    """The page.

    Args:
        data: the data set.
        view: as evaluate saw the pictures.
        tables: what evaluate wrote.
        metrics: evaluate.json.
        params: what to show below, `dataset` and `arch` among it.
        folder: where the charts and sheets lie, as PNG files.
    """
    matrix, order = cells(counts(tables.predictions, data), data.classes)
    kept = chosen(tables.predictions)
    empty = EMPTY[data.kind.name]
    drawn = {name: told for name, told in CHARTS.items() if name not in empty}
    sheets = {name: told for name, told in SHEETS.items() if name not in empty}
    images = {name: encoded((folder / f"{name}.png").read_bytes()) for name in (*drawn, *sheets)}
    text = (resources("pawprint") / "page.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(text).render(
        dataset=params["dataset"],
        arch=params["arch"],
        metrics=metrics,
        title=headlines.title(metrics),
        sentence=headlines.sentence(metrics),
        charts=drawn.items(),
        sheets=sheets.items(),
        images=images,
        order=order,
        longest=max(map(len, order), default=0),
        matrix=matrix,
        confused=tables.confused.to_dict("records"),
        classes=tables.scores["label"].tolist(),
        scores=tables.scores.to_dict("records"),
        columns=tables.scores.columns[1:-1].tolist(),
        params=flat(params),
        kept=len(kept),
        data=embedded(data, kept, view),
    )


def chosen(predictions: pd.DataFrame) -> pd.DataFrame:
    """All pictures, or if they are too many, the mistakes and then the largest losses."""
    is_right = predictions["actual"] == predictions["predicted"]
    ranked = predictions.assign(right=is_right).sort_values(
        ["right", "loss", "name"], ascending=[True, False, True]
    )
    return ranked.iloc[:MOST].drop(columns="right").sort_values("name")


def cells(
    counts: Int[np.ndarray, "class class"], classes: Sequence[str]
) -> tuple[list[list[dict[str, Any]]], list[str]]:
    """The confusion matrix with colours, and its classes in the order of the rows."""
    order = charts.clustered(counts)
    counts = counts[np.ix_(order, order)]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    colours = (255 * charts.coloured(shares)).round().astype(int)
    rows = [
        [
            {
                "count": int(counts[i, j]),
                "colour": "rgb({},{},{})".format(*colours[i, j]),
                "ink": "#fff" if shares[i, j] > 0.5 else "#111",
            }
            for j in range(len(order))
        ]
        for i in range(len(order))
    ]
    return rows, [classes[i] for i in order]


def embedded(data: Dataset, rows: pd.DataFrame, view: View) -> Markup:
    """The pictures and what was said of them, as JSON that is safe within a page."""
    names = rows["name"].tolist()
    found = []
    for start in range(0, len(names), 64):
        part = rows.iloc[start : start + 64]
        pictures = mistakes.shown(data, "valid", names[start : start + 64], view)
        for row, picture in zip(part.to_dict("records"), pictures, strict=True):
            known = {key: None if value != value else value for key, value in row.items()}
            if known["probability"] is None:
                known["said"], _ = mistakes.CAPTIONS[data.kind.name](row)
            found.append(known | {"image": encoded(thumbnail(picture.numpy()))})
    text = json.dumps(found, ensure_ascii=False, sort_keys=True)
    # `<` ends no script and begins no comment in JSON once it is written as an escape
    return Markup(text.replace("<", "\\u003c"))


def thumbnail(picture: np.ndarray) -> bytes:
    """A small JPEG."""
    file = io.BytesIO()
    share = SIDE / max(picture.shape[:2])
    height, width = (round(side * share) for side in picture.shape[:2])
    Image.fromarray(picture).resize((width, height)).save(file, "JPEG", quality=82)
    return file.getvalue()


def encoded(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode("ascii")


def flat(params: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested params as one level of dotted names."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        else:
            found[above + name] = "" if value is None else str(value)
    return found
