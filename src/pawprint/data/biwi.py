"""The centre of a head in an image, from its pose and the camera: the layout of the Biwi dataset.

Next to each DIR/frame_N_rgb.jpg (or .png) are DIR/frame_N_pose.txt, whose 12 numbers are a rotation
and then the head's centre in mm in front of the camera, and DIR/rgb.cal, whose first 9 numbers are
the camera's matrix. Source: G. Fanelli et al., Random Forests for Real Time 3D Face Analysis, IJCV
2013.
"""

import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pawprint.core.findings import Findings, shorten
from pawprint.storage import archives

CAMERA, POSE, NUMBERS = "rgb.cal", "_pose.txt", 12


def read_cells(archive: Path, names: Sequence[str], findings: Findings) -> dict[str, str]:
    """`x y` of the head's centre in px, for each image that has both files.

    Args:
        archive: the archive with the files and the images.
        names: the paths of the images.
        findings: collects images without these files, and damaged files.
    """
    selected = {file for name in names for file in beside(name)}
    texts = dict(archives.read_files(archive, selected & set(archives.file_names(archive))))
    cells, absent, odd = dict[str, str](), list[str](), list[str]()
    for name in names:
        pose, camera = beside(name)
        if pose not in texts or camera not in texts:
            absent.append(name)
        elif place := centre(numbers(texts[pose]), numbers(texts[camera])):
            cells[name] = f"{place[0]:.3f} {place[1]:.3f}"
        else:
            odd.append(f"{pose} with {camera}")
    for faulty, problem in (
        (absent, f"images without the files *{POSE} and {CAMERA} next to them"),
        (odd, f"poses that are not {NUMBERS} numbers with a head before the camera"),
    ):
        if faulty:
            findings.errors.append(
                f"{len(faulty)} {problem}: {shorten(faulty)}; fix the archive or folder, or remove "
                "these images"
            )
    return cells


def beside(name: str) -> tuple[str, str]:
    """The paths of an image's pose file and camera file.

    >>> beside("biwi/01/frame_00003_rgb.jpg")
    ('biwi/01/frame_00003_pose.txt', 'biwi/01/rgb.cal')
    """
    path = PurePosixPath(name)
    stem = path.stem.removesuffix("_rgb")
    return str(path.with_name(stem + POSE)), str(path.with_name(CAMERA))


def numbers(data: bytes) -> list[float]:
    """All numbers of a text; empty if it contains anything else."""
    try:
        return [float(word) for word in data.decode("ascii").split()]
    except ValueError:
        return []


def centre(pose: Sequence[float], camera: Sequence[float]) -> tuple[float, float] | None:
    """x and y of the head's centre in px, by the camera's matrix; None if there is none.

    >>> centre([1, 0, 0, 0, 1, 0, 0, 0, 1, 100, -50, 1000], [500, 0, 320, 0, 510, 240, 0, 0, 1])
    (370.0, 214.5)
    """
    if len(pose) != NUMBERS or len(camera) < 9 or not all(map(math.isfinite, [*pose, *camera])):
        return None
    x, y, z = pose[9:]
    # the division would mirror a head that is behind the camera
    if z <= 0:
        return None
    # as in fastbook's chapter 6: distortion and the camera's pose, also in rgb.cal, are left out
    return camera[0] * x / z + camera[2], camera[4] * y / z + camera[5]
