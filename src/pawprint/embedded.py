"""Data sets that need no network: written here as archives, so that they walk the whole path."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from pawprint import archives


def write_digits(path: Path) -> None:
    """A tar of 1,797 pictures of 8×8 px, named CLASS_NUMBER.png, such as 7_0042.png.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    pictures, labels = load_digits(return_X_y=True)
    greys = np.rint(pictures.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # 0..16 -> 0..255
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number, (grey, label) in enumerate(zip(greys, labels, strict=True)):
            file = io.BytesIO()
            Image.fromarray(grey).save(file, "PNG")
            archives.add(archive, f"digits/{label}_{number:04d}.png", file.getvalue())


WRITERS = {"sklearn:digits": write_digits}  # by the `url` that datasets.yaml gives
