"""Read the CSVs and arrays that the stages write; a damaged one says how to make it again."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd


def read(
    path: Path,
    columns: Sequence[str],
    dtype: Mapping[str, str] | str,
    absent: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The table in a CSV of ours; its texts stay as they are, also those that read as no value.

    Args:
        path: of the file.
        columns: that it must have.
        dtype: of each column, or of all.
        absent: the text of each column that stands for no number.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged.
    """
    try:
        table = pd.read_csv(path, dtype=dtype, keep_default_na=False, na_values=absent)
    except ValueError as error:  # pandas's own errors are of this kind
        is_text = not isinstance(error, UnicodeDecodeError)
        raise damaged_error(
            path, "no table, or a part of one" if is_text else "not UTF-8"
        ) from error
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise damaged_error(path, f"no column {', '.join(lacking)}")
    return pd.DataFrame(table)


def read_array(path: Path) -> np.ndarray:
    """The array in a .npy file of ours, mapped from the disk.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged.
    """
    try:
        # mapped: the cache of the pets has 4.7 GB, and need not fit the memory
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise damaged_error(path, "no array, or a part of one") from error


def damaged_error(path: Path, what: str) -> ValueError:
    """The error of a file that a stage has not written like this."""
    return ValueError(f"{path}: damaged ({what}); delete it, then `dvc repro`")
