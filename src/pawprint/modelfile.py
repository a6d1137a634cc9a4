"""A model as data: tensors and one JSON text in a safetensors file; no code in it.

The text holds all that a prediction needs beside the tensors, and where the model comes from.
Equal runs give equal bytes: no time, path, host or device.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor, nn

from pawprint import files, networks
from pawprint.networks import Network

IMAGES, RATINGS, BODY = "a model of images", "a model of ratings", "weights of a body alone"
KEY = "pawprint"  # one key: safetensors writes several in random order
START = f'"{KEY}":'.encode()  # stands among a model file's first bytes


@dataclass(frozen=True)
class Card:
    """What a model file says of itself."""

    arch: str
    classes: list[str]  # of the outputs
    size: int | str  # px, as the network sees a picture; or HEIGHTxWIDTH
    presize: int  # px, of the cache it was trained from
    mean: list[float]
    std: list[float]
    params: dict[str, Any]  # declared by the stage that wrote it
    data: str  # sha256 of index.csv and labels.csv
    versions: dict[str, str]
    target: str = "label"  # or labels, or points
    threshold: float | None = None  # probability above which one of several labels is said
    background: str | None = None  # of transparent parts; None: of before, when they were dropped


def write_tensors(path: Path, tensors: Mapping[str, Tensor], text: Mapping[str, Any]) -> None:
    """Tensors and a JSON object in one safetensors file."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with files.replacing(path) as temporary:
        try:
            save_file(plain, temporary, {KEY: json.dumps(text, sort_keys=True)})
        except SafetensorError as error:
            raise _of_the_system(error, path) from error


def _of_the_system(error: SafetensorError, path: Path) -> OSError:
    """The error that Rust tells in words, as in "No space left on device (os error 28)"."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number is None:
        return OSError(f"{path}: {error}")
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path))


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


def parsed(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The same of a whole file's bytes, of which it is known that they are ours."""
    end = 8 + int.from_bytes(content[:8], "little")  # of the header: its length, then JSON
    return load(content), json.loads(json.loads(content[8:end])["__metadata__"][KEY])


def write(path: Path, network: nn.Module, card: Card) -> None:
    """The network's parameters and buffers, with their card."""
    write_tensors(path, network.state_dict(), asdict(card))


def read(path: Path) -> tuple[Network, Card]:
    """The network on the CPU, in evaluation mode, and its card.

    Raises:
        FileNotFoundError, ValueError: as for `read_tensors`; or the tensors are not of its arch.
    """
    tensors, text = read_tensors(path)
    card = _card(path, text)
    network = networks.built(card.arch, len(card.classes))
    with _of_this_version(path):
        network.load_state_dict(tensors, strict=True)
    return network.eval(), card


def card(path: Path) -> Card:
    """What a model file says of itself.

    Raises:
        FileNotFoundError, ValueError: as for `read`.
    """
    _, text = read_tensors(path, tensors=False)
    return _card(path, text)


def kind(text: Mapping[str, Any]) -> str:
    """What a file of ours is, by its JSON object."""
    if not text:
        return BODY
    if "users" in text:
        return RATINGS
    return "the state of a training that was broken off" if "history" in text else IMAGES


def _card(path: Path, text: Mapping[str, Any]) -> Card:
    if kind(text) != IMAGES:
        raise ValueError(
            f"{path}: {kind(text)}, not {IMAGES}: give one that a train stage wrote, such as "
            "models/unfrozen.safetensors"
        )
    with _of_this_version(path):
        return Card(**text)


@contextmanager
def _of_this_version(path: Path) -> Iterator[None]:
    try:
        yield
    except (TypeError, RuntimeError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path}: not a model file of this version: {said}; train it again: `dvc repro`"
        ) from error


def versions() -> dict[str, str]:
    """The versions on which a model's bytes depend."""
    return {name: version(name) for name in ("pawprint", "torch", "torchvision")}
