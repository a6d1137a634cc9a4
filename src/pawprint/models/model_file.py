"""A model as data: tensors and one JSON text in a safetensors file, without code.

The text has everything that a prediction needs besides the tensors, and the model's origin.
Equal runs give equal bytes: the file contains no time, path, host or device.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from pawprint.core.params import Augment
from pawprint.models import network
from pawprint.models.network import Network
from pawprint.runtime import tensor_file
from pawprint.runtime.tensor_file import IMAGES

NO_SCALE = ("scale", None)  # is not written, so that other targets' files keep their bytes


@dataclass(frozen=True)
class ModelCard:
    """The metadata of a model file."""

    arch: str
    classes: list[str]  # of the outputs
    size: int | str  # px, as the network sees a picture; or HEIGHTxWIDTH
    presize: int  # px, of the cache it was trained from
    mean: list[float]
    std: list[float]
    params: dict[str, Any]  # declared by the stage that wrote it
    data: str  # sha256 of index.csv and labels.csv
    versions: dict[str, str]
    # defaults are for files that were written before there was the key
    target: str = "label"  # or labels, points, number
    threshold: float | None = None  # probability above which one of several labels is said
    scale: list[float] | None = None  # mean and deviation of numbers, by the training images
    background: str | None = None  # of transparent parts; None: of before, when they were dropped

    @property
    def supersample(self) -> int:
        """Samples per side of each pixel of the model's input."""
        return int(self.params["augment"]["supersample"])

    @property
    def augment(self) -> Augment:
        """The augmentation used in training."""
        return Augment(**self.params["augment"])


def write(path: Path, model: nn.Module, model_card: ModelCard) -> None:
    """The network's parameters and buffers, with their card."""
    text = {key: value for key, value in asdict(model_card).items() if (key, value) != NO_SCALE}
    tensor_file.write_tensors(path, model.state_dict(), text)


def read(path: Path) -> tuple[Network, ModelCard]:
    """Read the network, on the CPU and in evaluation mode, and its card.

    Raises:
        FileNotFoundError, ValueError: as for `read_tensors`; or the tensors do not match its arch.
    """
    tensors, text = tensor_file.read_tensors(path)
    model_card = _card(path, text)
    model = network.build_model(model_card.arch, len(model_card.classes))
    with _explain_mismatch(path):
        model.load_state_dict(tensors, strict=True)
    return model.eval(), model_card


def read_card(path: Path) -> ModelCard:
    """The metadata of a model file.

    Raises:
        FileNotFoundError, ValueError: as for `read`.
    """
    _, text = tensor_file.read_tensors(path, tensors=False)
    return _card(path, text)


def _card(path: Path, text: Mapping[str, Any]) -> ModelCard:
    if (content := tensor_file.describe_content(text)) != IMAGES:
        raise ValueError(
            f"{path}: {content}, not {IMAGES}; give a file that a train stage wrote, such as "
            "models/unfrozen.safetensors"
        )
    with _explain_mismatch(path):
        return ModelCard(**text)


@contextmanager
def _explain_mismatch(path: Path) -> Iterator[None]:
    try:
        yield
    except (TypeError, RuntimeError) as error:  # fields of the card; tensors of load_state_dict
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path}: not a model file of this version: {reason}; train it again: `dvc repro`"
        ) from error
