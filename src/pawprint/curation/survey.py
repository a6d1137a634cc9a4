"""Inspect every image of a set: classes, sizes, formats, copies, and unreadable files."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pawprint.core import params
from pawprint.core.cpus import available_cpus
from pawprint.core.findings import Findings, shorten
from pawprint.storage import archives, file_type
from pawprint.terminal import console
from pawprint.vision import cache_writer, decode, oddities
from pawprint.vision.cache_writer import CachedImage

SHOWN = 3  # classes of each end
SURVEY_SIZE = 8  # px: decoded whole, as presize will, and squeezed to next to nothing


@dataclass(frozen=True)
class Survey:
    """The findings, in the archive's order; an image that cannot be decoded has no size."""

    images: list[CachedImage]
    formats: Counter[str]
    background: str  # of transparent parts


def background() -> str:
    """The background of transparent parts in params.yaml; white if that is not valid."""
    try:
        return params.load().presize.background
    except (FileNotFoundError, ValueError):  # the first stage says what is wrong with it
        return "white"


def survey_archive(
    archive: Path, names: Sequence[str], background: str, known: Mapping[str, str] | None = None
) -> Survey:
    """Decode every image once, with as many threads as cores.

    Args:
        archive: the archive or folder.
        names: of the images.
        background: of transparent parts.
        known: the sha256 of images that have been looked at before, by name; they are not read.
    """
    formats, known = Counter[str](), known or {}
    new = [name for name in names if name not in known]

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, data in archives.read_files(archive, new):
            formats.update([image_format(data)])
            yield name, data

    images = cache_writer.decode_all(contents(), SURVEY_SIZE, background, available_cpus())
    looked_at = list(console.progress_bar(images, "look at images", len(new)))
    seen = [CachedImage(name, None, 0, 0, known[name]) for name in names if name in known]
    return Survey([*looked_at, *seen], formats, background)


def image_format(data: bytes) -> str:
    """The format by a file's first bytes, whatever its name."""
    try:
        return Image.open(io.BytesIO(data), formats=decode.FORMATS).format or "unknown"
    except decode.UNREADABLE:
        return file_type.identify(data[: file_type.HEAD_BYTES]).name


def classes_line(images: int, counted: Counter[str]) -> str:
    """The number of classes, the largest and the smallest."""
    return f"{images:,} images, {len(counted):,} classes: {class_counts_text(counted)}"


def class_counts_text(counted: Counter[str]) -> str:
    """The classes with their numbers of images, or only the largest and the smallest."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{label} ({n:,})" for label, n in ordered]
    most = 2 * SHOWN
    if len(words) <= most:
        return shorten(words, most)
    return f"{shorten(words[:SHOWN], most)} … {shorten(words[-SHOWN:], most)}"


def sizes_line(images: Sequence[CachedImage]) -> str:
    """The smallest, the median and the largest image, by area."""
    sizes = sorted((x.width * x.height, x.width, x.height) for x in images if x.width)
    if not sizes:
        return "none was decoded"
    ends = {"smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}
    return (
        ", ".join(f"{word} {width}×{height}" for word, (_, width, height) in ends.items()) + " px"
    )


def formats_line(formats: Counter[str]) -> str:
    """Images of each format."""
    return ", ".join(f"{name} {n:,}" for name, n in sorted(formats.items()))


def check(survey: Survey, labels: Mapping[str, str | None], findings: Findings) -> None:
    """Notes: images that cannot be decoded or are odd, equal bytes, classes with one image.

    Errors: no image can be decoded, or none of a class; fewer than two classes.
    """
    check_pixels(survey, False, findings)
    check_lost(survey, labels, findings)
    equal = copies(survey.images)
    split = [group for group in equal if len({labels[name] for name in group}) > 1]
    for groups, problem in ((equal, "are equal byte by byte"), (split, "have different labels")):
        if groups:
            first = [shorten(names, 3, " = ") for names in groups]
            findings.notes.append(
                f"{len(groups)} groups of copies {problem}: {shorten(first, 3)}; keep one of each"
            )
    counted = Counter(label for label in labels.values() if label)
    if len(counted) == 1:
        findings.errors.append(
            f"all images are of one class, {shorten([*counted])}, but a classifier needs at least "
            "two; use another rule"
        )
    single = sorted(label for label, n in counted.items() if n == 1)
    if single:
        findings.notes.append(
            f"{len(single)} classes have only one image, which may go to valid and not be learned: "
            f"{shorten(single)}"
        )


def check_pixels(survey: Survey, is_strict: bool, findings: Findings) -> None:
    """Notes: images that cannot be decoded (an error if strict, or if none can), or are odd."""
    errors = [f"{x.name} ({x.error})" for x in survey.images if x.error]
    if errors:
        is_error = is_strict or len(errors) == len(survey.images)
        (findings.errors if is_error else findings.notes).append(
            f"{len(errors)} of {len(survey.images)} images cannot be decoded: "
            f"{shorten(errors, 20)}; fix or remove them, or leave them out with -S "
            "presize.on_error=skip (presize.on_error: skip in params.yaml)"
        )
    good = [(image.name, image.odd) for image in survey.images if not image.error]
    findings.notes.extend(oddities.notes(good, survey.background))


def check_lost(survey: Survey, labels: Mapping[str, str | None], findings: Findings) -> None:
    """Error: classes without any image that can be decoded, while others have some."""
    good = {labels[image.name] for image in survey.images if not image.error}
    lost = sorted({label for label in labels.values() if label} - good)
    if good and lost:
        what = "1 class has" if len(lost) == 1 else f"{len(lost)} classes have"
        findings.errors.append(
            f"{what} no image that can be decoded, and cannot be learned: "
            f"{shorten(lost)}; fix these images, or remove them"
        )


def copies(images: Sequence[CachedImage]) -> list[list[str]]:
    """Groups of names with equal bytes."""
    groups = defaultdict(list)
    for image in images:
        groups[image.sha256].append(image.name)
    return [sorted(group) for group in groups.values() if len(group) > 1]
