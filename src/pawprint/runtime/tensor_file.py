"""Tensors and one JSON text in a safetensors file: data, no code.

Equal runs give equal bytes: no time, path, host or device in it.
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
    """Tensors and a JSON object in one safetensors file."""
    # safetensors refuses other strides, so channels-last weights are stored in plain order
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with files.atomic_write(path) as temporary:
        try:
            save_file(plain, temporary, {KEY: json.dumps(text, sort_keys=True)})
        except SafetensorError as error:
            raise _system_error(error, path) from error


def _system_error(error: SafetensorError, path: Path) -> OSError:
    """The error that Rust tells in words, as in "No space left on device (os error 28)"."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number is None:
        return OSError(f"{path}: {error}")
    code = int(number[1])
    words = os.strerror(code) if os.name == "posix" else str(error)
    return OSError(code, words, str(path), code)  # the last one counts on Windows alone: its number


def read_tensors(path: Path, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors, or none of them, and the JSON object.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a safetensors file, or not one of ours.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such model file; `dvc repro` in the project's folder makes one"
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
            f"{path}: not a model file of pawprint's"
            f"{' any more: it is cut or damaged; copy it again' if is_cut else f': {remedy}'}"
        ) from error


def parse(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The same of a whole file's bytes, of which it is known that they are ours."""
    # by hand: safetensors reads this JSON from a path only, and other processes have just bytes
    end = 8 + int.from_bytes(content[:8], "little")  # of the header: its length, then JSON
    return load(content), json.loads(json.loads(content[8:end])["__metadata__"][KEY])


def versions() -> dict[str, str]:
    """The versions on which a model's bytes depend."""
    return {name: version(name) for name in ("pawprint", "torch", "torchvision")}


IMAGES, RATINGS, BODY = "a model of images", "a model of ratings", "weights of a body alone"


def describe_content(text: Mapping[str, Any]) -> str:
    """What a file of ours is, by its JSON object."""
    if not text:
        return BODY
    if "users" in text:
        return RATINGS
    return "the state of a training that was broken off" if "history" in text else IMAGES
