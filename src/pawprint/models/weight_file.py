"""Read a file of weights, safetensors or torch's format; for any other, say what it is.

Only tensors are unpickled.
"""

import json
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pawprint.core.findings import shorten
from pawprint.runtime import tensor_file
from pawprint.storage import file_type

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how torch.save began until torch 1.6
ONNX = re.compile(rb"\x08[\x01-\x20](\x12|:|B|\x1a)", re.DOTALL)  # IR version, then the producer
MAX_HEADER = 100_000_000  # bytes, of safetensors
MEMBERS = {  # of zip archives that hold no state dict, and how to get one of them
    "constants.pkl": (
        "a TorchScript archive",
        "save its tensors: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')",
    ),
    "model.weights.h5": ("a model of Keras", "give a state dict of PyTorch"),
    "archive_format": (
        "a program of torch.export",
        "save its tensors: torch.save(torch.export.load(FILE).state_dict, 'weights.pth')",
    ),
}
SAVE = "save only the state dict, where it was made: torch.save(model.state_dict(), 'weights.pth')"
CODE = "that could run any code when it is loaded"
DAMAGED = "truncated or damaged: copy or download it again"
UNREADABLE = (  # torch raises the others on files that are cut or garbled
    *(UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError),
    *(AttributeError, AssertionError, OverflowError, struct.error),
)


@dataclass(frozen=True)
class WeightFile:
    """The content of a file of weights."""

    tensors: dict[str, Tensor]  # of a dictionary in a dictionary by both names, a dot between
    model_card: dict[str, Any] | None = None  # of a model file of ours


def read(path: Path) -> WeightFile:
    """The tensors of a state dict, or of one in a checkpoint; `torch.load` loads nothing else.

    Raises:
        ValueError: the file is something else; with what it is, and what to do.
    """
    with path.open("rb") as file:
        head = file.read(file_type.HEAD_BYTES)
    # safetensors has no magic number: the length of a header, then its JSON
    if 0 < int.from_bytes(head[:8], "little") < MAX_HEADER and head[8:9] == b"{":
        return _read_safetensors(path)
    if what := _other(path, head):
        raise ValueError(f"{path}: not a file of weights: {what}")
    try:
        with warnings.catch_warnings(), path.open("rb") as file:  # not the path, of whose suffix
            warnings.simplefilter("ignore")  # torch would conclude something
            content = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ValueError(f"{path}: not a file of weights: {_reason(error)}") from error
    if not isinstance(content, Mapping) or not (tensors := dict(_flat(content))):
        what = f"an object without named tensors (type {type(content).__name__})"
    elif "param_groups" in content:  # its moments are tensors by name as well
        what = "an optimizer's state"
    else:
        return WeightFile(tensors)
    raise ValueError(f"{path}: not a state dict, which maps names to tensors, but {what}; {SAVE}")


def _read_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(tensor_file.KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        return WeightFile(tensors, None if text is None else json.loads(text))
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a file of weights: safetensors, but {DAMAGED}") from error


def _other(path: Path, head: bytes) -> str:
    """What a file is that torch.load cannot read, and what to do; empty if it may read it."""
    if head.startswith(LEGACY):
        return ""
    if head.startswith(b"PK"):
        return _other_zip(path)
    if ONNX.match(head):
        return f"a model in protobuf, as ONNX and TensorFlow write it; {SAVE}"
    file_kind = file_type.identify(head)
    if file_kind.name == "a pickle":
        return f"a pickle of Python's own, {CODE}; {SAVE}"
    what = "of an unknown kind" if file_kind is file_type.UNKNOWN else file_kind.name
    return f"it is {what}; {file_kind.advice or f'give a .pth or .safetensors file: {SAVE}'}"


def _other_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError):
        return DAMAGED
    # before data.pkl, which a TorchScript archive holds too
    for name, (what, advice) in MEMBERS.items():
        if name in names:
            return f"{what}; {advice.replace('FILE', repr(str(path)))}"
    if "data.pkl" in names:
        return ""
    return f"a zip archive that torch.save did not write (it holds {shorten(sorted(names), 3)})"


def _reason(error: Exception) -> str:
    """Why torch.load failed: code in the file, which it reports only as text, or damage."""
    if code := re.search(r"GLOBAL ([\w.]+)", str(error)):
        more = f"a pickled checkpoint that contains more than tensors (first: {code[1]})"
        return f"{more}, {CODE}; {SAVE}"
    return DAMAGED


def _flat(content: object, where: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in dictionaries, by their names."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    elif isinstance(content, Tensor):
        yield where, content
