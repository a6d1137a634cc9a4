"""The target of `pawprint new`: what --target writes, and what its numbers and points look like."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pawprint.core import label_cells
from pawprint.core.findings import Findings, shorten
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.task import TASKS

NEEDS = {  # options, where --target stands alone
    "labels": "--csv FILE --name-column X --label-column Y --separator S",
    "points": "--csv FILE --name-column NAME --label-column X,Y",
    "number": "--csv FILE --name-column X --label-column Y, or --pattern '^(\\d+)_' on the name",
}
PHOTO_PRESETS = {  # for photographs; the last two have a split that a dataset may lack
    **{"label": "pets-resnet34", "number": "pets-resnet34"},
    **{"labels": "pascal --keep label", "points": "biwi --keep label"},
}


def entry_target(target: str | None, rule: Mapping[str, Any]) -> dict[str, str]:
    """The block's key `target`; empty for one label, the default.

    Raises:
        ValueError: there is no rule for a target for which none is suggested.
    """
    if not rule and target in NEEDS:
        raise ValueError(
            f"--target {target} needs a rule: {NEEDS[target]}; only rules for one label are "
            "suggested"
        )
    target = target or ("labels" if "separator" in rule else "label")
    return {} if target == "label" else {"target": target}


def check_values(
    image_labels: Mapping[str, str | None],
    images: Sequence[CachedImage],
    target: str,
    findings: Findings,
) -> None:
    """Errors: numbers or points from which nothing is learned, or points outside of their image.

    A note: points that seem to be fractions of the image.
    """
    good = {image.name: image for image in images if not image.error}
    cells = {name: cell for name, cell in image_labels.items() if cell and name in good}
    if label_cells.CELLS[target].min_classes or not cells:
        return
    values = {name: label_cells.coordinates(cell) for name, cell in cells.items()}
    if target == "points" and lacks_points(values, findings):
        return
    if len({*map(tuple, values.values())}) == 1:
        # of the cells that can be read: the others may differ
        if not findings.errors:
            findings.errors.append(
                f"all images have the {target} {next(iter(cells.values()))}: there is nothing to "
                "learn; fix `label` in datasets.yaml, or these values"
            )
        return
    # by the code of the stages, so that nothing is written which they refuse
    task, names = TASKS[target], [name for name in cells if good[name].width]  # decoded now
    texts = [cells[name] for name in names]
    try:
        sizes = [(good[name].width, good[name].height) for name in names]
        image_sizes = torch.tensor(sizes, dtype=torch.float32).reshape(-1, 2)
        fitted = task.fit([*cells.values()])
        task.check(fitted.encode(texts, fitted.classes(texts), image_sizes), names, image_sizes)
    except ValueError as error:
        findings.errors.append(str(error))


def lacks_points(values: Mapping[str, Sequence[float]], findings: Findings) -> bool:
    """Whether some images lack a point, which is an error; a note if all seem to be fractions."""
    most = max(map(len, values.values()))
    if fewer := [name for name, numbers in values.items() if len(numbers) < most]:
        findings.errors.append(
            f"{len(fewer)} of {len(values)} images have fewer than {most // 2} points: "
            f"{shorten(fewer)}; fill all of their cells, or remove these images"
        )
    if all(0 <= x <= 1 for numbers in values.values() for x in numbers):
        findings.notes.append(
            "all points lie between 0 and 1, as if they were fractions of the image; write px from "
            "the upper left corner: x times the width, y times the height"
        )
    return bool(fewer)


def values_lines(image_labels: Mapping[str, str | None], target: str) -> list[tuple[str, str]]:
    """A word and a text: how many images have numbers or points, and their range."""
    cells = [cell for cell in image_labels.values() if cell]
    if label_cells.CELLS[target].min_classes or not cells:
        return []
    describe = describe_points if target == "points" else describe_numbers
    return [(target, f"{len(cells):,} images{describe(cells)}")]


def describe_numbers(cells: Sequence[str]) -> str:
    """The smallest, the median and the largest, as they are written.

    >>> describe_numbers(["10", "9.5", "-1e3"])
    ', smallest -1e3, median 9.5, largest 10'
    """
    ordered = sorted(cells, key=label_cells.number)
    return f", smallest {ordered[0]}, median {ordered[len(ordered) // 2]}, largest {ordered[-1]}"


def describe_points(cells: Sequence[str]) -> str:
    """How many points an image has, and where they lie.

    >>> describe_points(["1 2 30 4.5", "10 0 20 3"])
    ' with 2 points each: x 1 to 30, y 0 to 4.5 px'
    """
    images = [label_cells.coordinates(cell) for cell in cells]
    counts = {len(numbers) // 2 for numbers in images}
    many = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    x, y = ([value for numbers in images for value in numbers[start::2]] for start in (0, 1))
    return (
        f" with {many} {'point' if many == '1' else 'points'} each: x {min(x):g} to {max(x):g}, "
        f"y {min(y):g} to {max(y):g} px"
    )
