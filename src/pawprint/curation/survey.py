"""A look at every picture of a set: classes, sizes, formats, copies, and what cannot be decoded."""

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
    """What was found, in the archive's order; a picture with a fault has no size."""

    images: list[CachedImage]
    formats: Counter[str]
    background: str  # of transparent parts


def background() -> str:
    """The ground of transparent parts that params.yaml asks for; white, if that is not right."""
    try:
        return params.load().presize.background
    except (FileNotFoundError, ValueError):  # the first stage says what is wrong with it
        return "white"


def survey_archive(archive: Path, names: Sequence[str], background: str) -> Survey:
    """Every picture decoded once, by as many threads as there are cores."""
    formats = Counter[str]()

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, data in archives.read_files(archive, names):
            formats.update([image_format(data)])
            yield name, data

    images = cache_writer.decode_all(contents(), SURVEY_SIZE, background, available_cpus())
    return Survey(
        list(console.progress_bar(images, "look at pictures", len(names))), formats, background
    )


def image_format(data: bytes) -> str:
    """The format that a file's first bytes tell, whatever its name says."""
    try:
        return Image.open(io.BytesIO(data), formats=decode.FORMATS).format or "unknown"
    except decode.UNREADABLE:
        return file_type.identify(data[: file_type.HEAD_BYTES]).name


def classes_line(images: int, counted: Counter[str]) -> str:
    """How many, the largest and the smallest."""
    return f"{images:,} pictures, {len(counted):,} classes: {class_counts_text(counted)}"


def class_counts_text(counted: Counter[str]) -> str:
    """The classes with their numbers of pictures, or the largest and the smallest of them."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{label} ({n:,})" for label, n in ordered]
    most = 2 * SHOWN
    if len(words) <= most:
        return shorten(words, most)
    return f"{shorten(words[:SHOWN], most)} … {shorten(words[-SHOWN:], most)}"


def sizes_line(images: Sequence[CachedImage]) -> str:
    """The smallest, the middle and the largest picture, by area."""
    sizes = sorted((x.width * x.height, x.width, x.height) for x in images if not x.fault)
    if not sizes:
        return "none can be decoded"
    ends = {"smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}
    return (
        ", ".join(f"{word} {width}×{height}" for word, (_, width, height) in ends.items()) + " px"
    )


def formats_line(formats: Counter[str]) -> str:
    """Pictures of each format."""
    return ", ".join(f"{name} {n:,}" for name, n in sorted(formats.items()))


def check(survey: Survey, labels: Mapping[str, str | None], findings: Findings) -> None:
    """Notes: pictures that cannot be decoded or are odd, equal bytes, classes of one picture.

    Errors: no picture can be decoded, or none of a class; fewer than two classes.
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
            f"all pictures are of one class, {shorten([*counted])}: two are needed to tell "
            "anything apart; take another rule"
        )
    single = sorted(label for label, n in counted.items() if n == 1)
    if single:
        findings.notes.append(
            f"{len(single)} classes have one picture only, which may fall to valid and not be "
            f"learned: {shorten(single)}"
        )


def check_pixels(survey: Survey, is_strict: bool, findings: Findings) -> None:
    """Notes: pictures that cannot be decoded (an error, if strict, or if none can), or are odd."""
    faults = [f"{x.name} ({x.fault})" for x in survey.images if x.fault]
    if faults:
        is_error = is_strict or len(faults) == len(survey.images)
        (findings.errors if is_error else findings.notes).append(
            f"{len(faults)} of {len(survey.images)} pictures cannot be decoded: "
            f"{shorten(faults, 20)}; fix or remove them, or leave them out by "
            "-S presize.on_error=skip (presize.on_error: skip in params.yaml)"
        )
    good = [(image.name, image.odd) for image in survey.images if not image.fault]
    findings.notes.extend(oddities.notes(good, survey.background))


def check_lost(survey: Survey, labels: Mapping[str, str | None], findings: Findings) -> None:
    """Error: classes of which no picture can be decoded, while others have some."""
    good = {labels[image.name] for image in survey.images if not image.fault}
    lost = sorted({label for label in labels.values() if label} - good)
    if good and lost:
        what = "1 class has" if len(lost) == 1 else f"{len(lost)} classes have"
        findings.errors.append(
            f"{what} no picture that can be decoded, and would be lost: {shorten(lost)}; fix these "
            "pictures, or take them out"
        )


def copies(images: Sequence[CachedImage]) -> list[list[str]]:
    """Groups of names whose bytes are equal."""
    groups = defaultdict(list)
    for image in images:
        groups[image.sha256].append(image.name)
    return [sorted(group) for group in groups.values() if len(group) > 1]
