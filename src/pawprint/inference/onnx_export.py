"""A model as ONNX: images in, probabilities out, with metadata about both.

Needs the extra `export` (onnx, onnxscript, onnxruntime).
"""

import json
import logging
import warnings
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pawprint.core import files
from pawprint.models import model_file
from pawprint.models.model_file import ModelCard
from pawprint.models.network import Network
from pawprint.vision import resample
from pawprint.vision.task import TASKS

MAX_DIFFERENCE = 1e-4  # of answers, between torch and onnxruntime; of numbers in deviations


class Exported(nn.Module):
    """The network with normalisation before it and its activation after it."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Network, model_card: ModelCard) -> None:
        """Store the network unchanged."""
        super().__init__()
        self.model, self.task = model, TASKS[model_card.target].with_scale(model_card.scale)
        self.register_buffer("mean", torch.tensor(model_card.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(model_card.std).view(3, 1, 1))

    def forward(self, images: Float[Tensor, "n rgb=3 h w"]) -> Float[Tensor, "n class"]:
        """Probabilities (or places) of images whose values are in [0, 1]."""
        return self.task.activation(self.model((images - self.mean) / self.std))


def metadata(model_card: ModelCard) -> dict[str, str]:
    """The metadata of the file: one JSON text."""
    task, (height, width) = TASKS[model_card.target], resample.parse_size(model_card.size)
    shape = "square" if height == width else f"part of shape {height}×{width}"
    ground = f"laid on {model_card.background}" if model_card.background else "dropped"
    facts = {
        "classes": model_card.classes,
        "target": model_card.target,
        "threshold": model_card.threshold,
        "input": f"pictures: float32, n×3×{height}×{width}, RGB, values 0 to 1",
        "preparation": f"upright, transparency {ground}; the largest centre {shape}, resized "
        "with antialiasing; no normalisation",
        "background": model_card.background,
        "output": f"{task.output_name}: float32, n×{len(model_card.classes)}{task.output_note}",
        "arch": model_card.arch,
        "data": model_card.data,
        "versions": model_card.versions,
    }
    return {"pawprint": json.dumps(facts, sort_keys=True, ensure_ascii=False)}


def write(model_path: Path, target: Path) -> str:
    """Write the model file as ONNX, check it, and return how close it is to torch.

    Raises:
        ModuleNotFoundError: the extra is not installed.
        ValueError: not a Pawprint model file, or onnxruntime's output differs from torch's.
    """
    import onnx

    model, model_card = model_file.read(model_path)
    exported = Exported(model.to(memory_format=torch.contiguous_format), model_card).eval()
    example = noise(2, model_card)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), files.atomic_write(target) as temporary:
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            exported, (example,), dynamo=True, verbose=False, input_names=["pictures"],
            output_names=[exported.task.output_name],
            dynamic_shapes={"images": {0: torch.export.Dim("n")}},
        )  # fmt: skip
        assert program is not None
        onnx_model = program.model_proto
        onnx.helper.set_model_props(onnx_model, metadata(model_card))
        onnx.save(onnx_model, temporary)
        _, deviation = model_card.scale or (0.0, 1.0)
        apart = difference(temporary, exported, model_card) / deviation
        if apart > MAX_DIFFERENCE:
            raise ValueError(
                f"{target}: not written: the outputs of onnxruntime and torch differ by "
                f"{apart:.1g}, more than {MAX_DIFFERENCE:g}; use the versions in constraints.txt: "
                "pip install -c constraints.txt -e '.[export]'"
            )
    size = target.stat().st_size / 1e6
    summary = f"{size:.1f} MB, {len(model_card.classes)} outputs"
    return f"{target}: {summary}, within {apart:.0e} of torch"


@torch.no_grad()
def difference(path: Path, exported: Exported, model_card: ModelCard) -> float:
    """The largest difference of the outputs, on noise in batches of 1 and 5."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    largest = 0.0
    for n in (1, 5):
        images = noise(n, model_card)
        (theirs,) = session.run(None, {"pictures": images.numpy()})
        largest = max(largest, (torch.from_numpy(theirs) - exported(images)).abs().max().item())
    return largest


def noise(n: int, model_card: ModelCard) -> Float[Tensor, "n rgb=3 h w"]:
    """`n` images of noise in the network's size."""
    shape = resample.parse_size(model_card.size)
    return torch.rand(n, 3, *shape, generator=torch.Generator().manual_seed(n))
