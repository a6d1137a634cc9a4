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

from pawprint.core import yaml_file
from pawprint.reporting import charts, gallery
from pawprint.reporting.figures import Tables, confusion_counts
from pawprint.reporting.target_display import DISPLAYS
from pawprint.vision.dataset import Dataset
from pawprint.vision.resample import InputSpec

SIDE, MAX_IMAGES = 112, 1500  # px of a picture in the page; pictures at most
CHARTS = {
    "training": "Loss, error and schedule of both phases, by epoch",
    "lr_find": "The learning-rate finder, before each phase",
    "reliability": "How often an answer of some probability is right",
    "scatter": "The predicted number of each valid image over the actual one",
    "thresholds": "What each threshold of a label's probability would give",
}
SHEETS = {
    "most_confused": "Pictures that were mistaken, each beside one of what they were taken for",
    "top_losses": "The largest losses",
    "gradcam": "Where the network looked in its worst mistakes (Grad-CAM)",
    "results": "Valid pictures at random",
}


def render_page(
    data: Dataset,
    input_spec: InputSpec,
    tables: Tables,
    metrics: Mapping[str, float | int],
    params: Mapping[str, Any],
    folder: Path,
) -> str:
    """The page.

    Args:
        data: the dataset.
        input_spec: as evaluate saw the images.
        tables: what evaluate wrote.
        metrics: evaluate.json.
        params: what to show below, `dataset` and `arch` among it.
        folder: where the charts and sheets lie, as PNG files.
    """
    matrix, order = matrix_cells(confusion_counts(tables.predictions, data), data.classes)
    kept = choose_rows(tables.predictions)
    display = DISPLAYS[data.task.name]
    drawn = {name: caption for name, caption in CHARTS.items() if name not in display.blank_figures}
    sheets = {
        name: caption for name, caption in SHEETS.items() if name not in display.blank_figures
    }
    images = {name: as_base64((folder / f"{name}.png").read_bytes()) for name in (*drawn, *sheets)}
    text = (resources("pawprint.reporting") / "page.html").read_text(encoding="utf-8")
    # names and labels may be hostile; a misspelt name in the template is an error, not a gap
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(text).render(
        dataset=params["dataset"],
        arch=params["arch"],
        metrics=metrics,
        title=display.title(metrics),
        sentence=display.sentence(metrics),
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
        params={
            name: "" if value is None else str(value)
            for name, value in yaml_file.flatten(params).items()
        },
        kept=len(kept),
        data=embed_images(data, kept, input_spec),
    )


def choose_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """All images, or if they are too many, the mistakes and then the largest losses."""
    is_right = predictions["actual"] == predictions["predicted"]
    ranked = predictions.assign(right=is_right).sort_values(
        ["right", "loss", "name"], ascending=[True, False, True]
    )
    return ranked.iloc[:MAX_IMAGES].drop(columns="right").sort_values("name")


def matrix_cells(
    counts: Int[np.ndarray, "class class"], classes: Sequence[str]
) -> tuple[list[list[dict[str, Any]]], list[str]]:
    """The confusion matrix with colours, and its classes in the order of the rows."""
    order = charts.cluster_order(counts)
    counts = counts[np.ix_(order, order)]
    fractions = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    colours = (255 * charts.cell_colours(fractions)).round().astype(int)
    rows = [
        [
            {
                "count": int(counts[i, j]),
                "colour": "rgb({},{},{})".format(*colours[i, j]),
                "ink": "#fff" if fractions[i, j] > 0.5 else "#111",
            }
            for j in range(len(order))
        ]
        for i in range(len(order))
    ]
    return rows, [classes[i] for i in order]


def embed_images(data: Dataset, rows: pd.DataFrame, input_spec: InputSpec) -> Markup:
    """The images and what was said of them, as JSON that is safe within a page."""
    names = rows["name"].tolist()
    records = []
    for start in range(0, len(names), 64):
        part = rows.iloc[start : start + 64]
        images = gallery.visible_images(data, "valid", names[start : start + 64], input_spec)
        for row, image in zip(part.to_dict("records"), images, strict=True):
            # value != value: NaN, which JSON does not have
            known = {key: None if value != value else value for key, value in row.items()}
            if known["probability"] is None:
                known["said"], _ = DISPLAYS[data.task.name].result(row)
            records.append(known | {"image": as_base64(thumbnail(image.numpy()))})
    text = json.dumps(records, ensure_ascii=False, sort_keys=True)
    # `<` ends no script and begins no comment in JSON once it is written as an escape
    return Markup(text.replace("<", "\\u003c"))


def thumbnail(image: np.ndarray) -> bytes:
    """A small JPEG."""
    file = io.BytesIO()
    fraction = SIDE / max(image.shape[:2])
    height, width = (round(side * fraction) for side in image.shape[:2])
    Image.fromarray(image).resize((width, height)).save(file, "JPEG", quality=82)
    return file.getvalue()


def as_base64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode("ascii")
