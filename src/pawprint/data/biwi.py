"""Where a head is in a picture, from its pose and the camera: the layout of the Biwi data set.

Beside each DIR/frame_N_rgb.jpg (or .png) lie DIR/frame_N_pose.txt, whose 12 numbers are a rotation
and then the head's centre in mm before the camera, and DIR/rgb.cal, whose first 9 are the camera's
matrix. Source: G. Fanelli et al., Random Forests for Real Time 3D Face Analysis, IJCV 2013.
"""

import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pawprint.core.findings import Findings, shorten
from pawprint.storage import archives

CAMERA, POSE, NUMBERS = "rgb.cal", "_pose.txt", 12


def read_cells(archive: Path, names: Sequence[str], findings: Findings) -> dict[str, str]:
    """`x y` of the head's centre in px, for each picture whose files say it.

    Args:
        archive: what holds the files, beside the pictures.
        names: paths of the pictures.
        findings: told of pictures without such files, and of files that are damaged.
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
        (absent, f"pictures without the files *{POSE} and {CAMERA} beside them"),
        (odd, f"poses that are not {NUMBERS} numbers with a head before the camera"),
    ):
        if faulty:
            findings.errors.append(
                f"{len(faulty)} {problem}: {shorten(faulty)}; mend the archive or folder, or take "
                "these pictures out"
            )
    return cells


def beside(name: str) -> tuple[str, str]:
    """The paths of a picture's pose and of its camera.

    >>> beside("biwi/01/frame_00003_rgb.jpg")
    ('biwi/01/frame_00003_pose.txt', 'biwi/01/rgb.cal')
    """
    path = PurePosixPath(name)
    stem = path.stem.removesuffix("_rgb")
    return str(path.with_name(stem + POSE)), str(path.with_name(CAMERA))


def numbers(data: bytes) -> list[float]:
    """All of a text; none where something else stands there."""
    try:
        return [float(word) for word in data.decode("ascii").split()]
    except ValueError:
        return []


def centre(pose: Sequence[float], camera: Sequence[float]) -> tuple[float, float] | None:
    """x and y in px of the head's centre, by the camera's matrix; None where nothing can be told.

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
