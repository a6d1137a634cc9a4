"""Tensors and one JSON text in a safetensors file: data without code.

Equal runs give equal bytes: the file contains no time, path, host or device.
"""

import json
import os
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from pawprint.core import files

KEY = "pawprint"  # one key: safetensors writes several in random order
START = f'"{KEY}":'.encode()  # stands among a model file's first bytes


def write_tensors(path: Path, tensors: Mapping[str, Tensor], text: Mapping[str, Any]) -> None:
    """Write tensors and a JSON object to one safetensors file."""
    # safetensors refuses other strides, so channels-last weights are stored in plain order
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with files.atomic_write(path) as temporary:
        try:
            save_file(plain, temporary, {KEY: json.dumps(text, sort_keys=True)})
        except SafetensorError as error:
            raise _system_error(error, path) from error


def _system_error(error: SafetensorError, path: Path) -> OSError:
    """The OSError for an error of Rust's, such as "No space left on device (os error 28)"."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number is None:
        return OSError(f"{path}: {error}")
    code = int(number[1])
    words = os.strerror(code) if os.name == "posix" else str(error)
    return OSError(code, words, str(path), code)  # the last one counts on Windows alone: its number


def read_tensors(path: Path, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors (or skip them) and the JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a safetensors file, or not a Pawprint file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such model file; run `dvc repro` in the project's folder to make one"
        )
    try:
        with safe_open(path, "pt") as file:
            text = json.loads((file.metadata() or {})[KEY])
            names = file.keys() if tensors else ()
            return {name: file.get_tensor(name) for name in names}, text
    except (SafetensorError, KeyError, ValueError) as error:
        with path.open("rb") as file:
            is_cut = START in file.read(64)
        remedy = "give one that a train stage wrote, such as models/unfrozen.safetensors"
        raise ValueError(
            f"{path}: a truncated or damaged Pawprint model file; copy it again"
            if is_cut
            else f"{path}: not a Pawprint model file; {remedy}"
        ) from error


def parse(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The same for the bytes of a complete file that is known to be ours."""
    # by hand: safetensors reads this JSON from a path only, and other processes have just bytes
    end = 8 + int.from_bytes(content[:8], "little")  # of the header: its length, then JSON
    return load(content), json.loads(json.loads(content[8:end])["__metadata__"][KEY])


def versions() -> dict[str, str]:
    """The package versions that a model's bytes depend on."""
    return {name: version(name) for name in ("pawprint", "torch", "torchvision")}


IMAGES, RATINGS, BODY = "a model of images", "a model of ratings", "weights of a body only"


def describe_content(text: Mapping[str, Any]) -> str:
    """What a Pawprint file is, by its JSON object."""
    if not text:
        return BODY
    if "users" in text:
        return RATINGS
    return "the state of an interrupted training" if "history" in text else IMAGES
