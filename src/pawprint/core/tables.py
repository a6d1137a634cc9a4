"""Read the CSVs and arrays that the stages write; a damaged file gives an error with its fix."""

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
    """The table in a CSV that a stage wrote; texts such as "NA" stay text.

    Args:
        path: of the file.
        columns: the columns that it must have.
        dtype: the type of each column, or of all.
        absent: for each column, the text that means "no number".

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged.
    """
    try:
        table = pd.read_csv(path, dtype=dtype, keep_default_na=False, na_values=absent)
    except ValueError as error:  # pandas's own errors are of this kind
        is_text = not isinstance(error, UnicodeDecodeError)
        raise damaged_error(
            path, "not a table, or only part of one" if is_text else "not UTF-8"
        ) from error
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise damaged_error(path, f"no column {', '.join(lacking)}")
    return pd.DataFrame(table)


def read_array(path: Path) -> np.ndarray:
    """The array in a .npy file that a stage wrote, memory-mapped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged.
    """
    try:
        # mapped: the cache of the pets has 4.7 GB, and need not fit the memory
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise damaged_error(path, "not an array, or only part of one") from error


def damaged_error(path: Path, what: str) -> ValueError:
    """The error for a file that is not as its stage wrote it."""
    return ValueError(f"{path}: damaged ({what}); delete it, then `dvc repro`")
