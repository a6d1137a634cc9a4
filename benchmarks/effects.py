"""The effect of options that are off by default, on the photos, paired with the plain recipe.

`python -m benchmarks.effects PICTURES WEIGHTS`, after benchmarks.photographs: its five models
predict again with test-time augmentation and at larger sizes; label smoothing and supersampling are
trained again, in the precision of `auto`. Evaluated in float32.

With many comparisons on the same images, small differences are chance.
"""

import argparse
import statistics
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from benchmarks import pairs, photographs, results
from benchmarks.pairs import Run
from benchmarks.photographs import SEEDS, WORK
from pawprint.evaluation import evaluate
from pawprint.models import model_file
from pawprint.runtime.device import setup_device
from pawprint.terminal import console
from pawprint.vision import dataset

ASKED: Mapping[str, tuple[int | None, evaluate.Tta]] = {
    "plain": (None, "none"),
    "evaluate.tta: flip": (None, "flip"),
    "evaluate.tta: augmented": (None, "augmented"),
    "evaluate.size: 256": (256, "none"),
    "evaluate.size: 288": (288, "none"),
}
TRAINED: Mapping[str, Mapping[str, object]] = {
    "optimizer.label_smoothing: 0.1": {"optimizer.label_smoothing": 0.1},
    "augment.supersample: 1": {"augment.supersample": 1},
}


def request(name: str, size: int | None, tta: evaluate.Tta) -> Run:
    """Predictions of a stored model with these settings."""
    device = setup_device("cpu", 2)
    project = WORK / "project"
    model, model_card = model_file.read(WORK / f"{name}.safetensors")
    folder, labels = project / "data" / "presized", WORK / f"{name}.csv"
    cache = (folder / "images", folder / "blocks.csv", folder / "index.csv")
    data = dataset.load_dataset(*cache, labels, device, 1 << 40)
    how = evaluate.eval_config(model_card, size, tta, 32)
    result, part = evaluate.evaluate(model, data, how)["valid"], data.splits["valid"]
    rows = result.prediction_rows(part.names)
    return {
        "predicted": {str(row[0]): str(row[2]) for row in rows},
        "actual": dict(zip(part.names, part.cells, strict=True)),
        "loss": float(result.loss.mean()),
    }


def line(name: str, runs: list[Run], plain: list[Run]) -> list[str]:
    """Error, loss, and the paired difference from the plain recipe."""
    wrong, base = pairs.wrong(runs), pairs.wrong(plain)
    mean, low, high = (100 * share for share in pairs.difference(wrong, base))
    difference = "" if runs is plain else f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"
    loss = statistics.mean(run["loss"] for run in runs)
    return [name, str(len(wrong)), f"{100 * wrong.mean():.2f}", f"{loss:.3f}", difference]


def main() -> None:
    """Predict, train what is missing, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--train", nargs="*", choices=list(TRAINED), default=list(TRAINED))
    given = parser.parse_args()
    torch.set_num_threads(2)
    project = photographs.prepare(given.pictures.resolve(), given.weights.resolve())
    actual = {
        option: [request(f"auto-{seed}", size, tta) for seed in SEEDS]
        for option, (size, tta) in ASKED.items()
    }
    for option in given.train:
        for seed in SEEDS:
            name = f"{option.split(':')[0]}-{seed}"
            weights = given.weights.resolve()
            photographs.write_params(project, weights, seed, TRAINED[option])
            photographs.keep(name, partial(photographs.ours, project, name))
        actual[option] = [request(f"{option.split(':')[0]}-{seed}", None, "none") for seed in SEEDS]
    head = ("option", "n", "error %", "loss", "points from plain (95 %)")
    rows = [line(option, runs, actual["plain"]) for option, runs in actual.items()]
    results.put(
        "What the options do",
        f"{results.machine()} The five splits and models of the photographs, judged in float32; "
        "paired with the plain recipe by image and split.\n\n" + results.table(head, rows),
    )
    print(results.table(head, rows))


if __name__ == "__main__":
    console.run_command(main, "effects")
