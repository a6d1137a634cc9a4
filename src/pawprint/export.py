"""A model as ONNX: pictures in, probabilities out, and all that is to be known of both inside.

Needs the extra `export` (onnx, onnxscript, onnxruntime).
"""

import json
import logging
import warnings
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pawprint import files, modelfile, sampling
from pawprint.modelfile import Card
from pawprint.networks import Network
from pawprint.targets import KINDS

CLOSE = 1e-4  # of answers, between torch and onnxruntime
OUTPUTS = {"label": "probabilities", "labels": "probabilities", "points": "places"}
UNITS = {
    "points": "; -1 and 1 are the edges of that part, left and right for x, upper and lower for y"
}


class Exported(nn.Module):
    """The network with its normalisation before it and its answers behind it."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, card: Card) -> None:
        """Take the network as it is."""
        super().__init__()
        self.network, self.kind = network, KINDS[card.target]
        self.register_buffer("mean", torch.tensor(card.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(3, 1, 1))

    def forward(self, pictures: Float[Tensor, "n rgb=3 h w"]) -> Float[Tensor, "n class"]:
        """Probabilities (or places) of pictures whose values are in [0, 1]."""
        return self.kind.activated(self.network((pictures - self.mean) / self.std))


def described(card: Card) -> dict[str, str]:
    """The metadata of the file: one JSON text."""
    height, width = sampling.sides(card.size)
    shape = "square" if height == width else f"part of shape {height}×{width}"
    ground = f"laid on {card.background}" if card.background else "dropped"
    facts = {
        "classes": card.classes,
        "target": card.target,
        "threshold": card.threshold,
        "input": f"pictures: float32, n×3×{height}×{width}, RGB, values 0 to 1",
        "preparation": f"upright, transparency {ground}; the largest centre {shape}, resized "
        "with antialiasing; no normalisation",
        "background": card.background,
        "output": f"{OUTPUTS[card.target]}: float32, n×{len(card.classes)}"
        + UNITS.get(card.target, ""),
        "arch": card.arch,
        "data": card.data,
        "versions": card.versions,
    }
    return {"pawprint": json.dumps(facts, sort_keys=True, ensure_ascii=False)}


def write(model: Path, target: Path) -> str:
    """Write `model` as ONNX, check it, and say how near it is to torch.

    Raises:
        ModuleNotFoundError: the extra is not installed.
        ValueError: no model file of ours, or onnxruntime answers otherwise than torch.
    """
    import onnx

    network, card = modelfile.read(model)
    exported = Exported(network.to(memory_format=torch.contiguous_format), card).eval()
    example = noise(2, card)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), files.replacing(target) as temporary:
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            exported, (example,), dynamo=True, verbose=False, input_names=["pictures"],
            output_names=[OUTPUTS[card.target]],
            dynamic_shapes={"pictures": {0: torch.export.Dim("n")}},
        )  # fmt: skip
        assert program is not None
        made = program.model_proto
        onnx.helper.set_model_props(made, described(card))
        onnx.save(made, temporary)
        apart = difference(temporary, exported, card)
        if apart > CLOSE:
            raise ValueError(
                f"{target}: not written: onnxruntime and torch differ by {apart:.1g}, more than "
                f"{CLOSE:g}; use the versions of constraints.txt: "
                "pip install -c constraints.txt -e '.[export]'"
            )
    size = target.stat().st_size / 1e6
    told = f"{size:.1f} MB, {len(card.classes)} outputs"
    return f"{target}: {told}, within {apart:.0e} of torch"


@torch.no_grad()
def difference(path: Path, exported: Exported, card: Card) -> float:
    """The largest difference of the answers, on noise in batches of 1 and 5."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = 0.0
    for n in (1, 5):
        pictures = noise(n, card)
        (theirs,) = session.run(None, {"pictures": pictures.numpy()})
        found = max(found, (torch.from_numpy(theirs) - exported(pictures)).abs().max().item())
    return found


def noise(n: int, card: Card) -> Float[Tensor, "n rgb=3 h w"]:
    """`n` pictures of the network's size."""
    sides = sampling.sides(card.size)
    return torch.rand(n, 3, *sides, generator=torch.Generator().manual_seed(n))
