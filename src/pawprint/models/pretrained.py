"""The body's initial weights: a torchvision name or a local file -> checked tensors.

Only tensors are unpickled; torchvision's registry only provides the URL.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import torchvision
from torch import Tensor

from pawprint.core import files
from pawprint.core.findings import Findings
from pawprint.core.params import is_file_name
from pawprint.data import downloads
from pawprint.models import state_dict, weight_file
from pawprint.models.weight_file import WeightFile
from pawprint.runtime import tensor_file

OUTS = tuple(Path("models", f"{name}.safetensors") for name in ("pretrained", "frozen", "unfrozen"))

NORMALISATION = {  # as sampling does it: ImageNet's, RGB, of values in [0, 1]; a test compares
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def load_pretrained(
    arch: str,
    weights: str | None,
    sha256: str | None,
    on_progress: Callable[[int], object],
    findings: Findings,
) -> dict[str, Tensor]:
    """The body's tensors for `arch`, by the names of its network; empty if `weights` is empty.

    Args:
        arch: one of params.ARCHITECTURES.
        weights: empty, a name such as DEFAULT or IMAGENET1K_V1, or a file: a state dict (.pth,
            .safetensors), a checkpoint that contains one, or a Pawprint model file.
        sha256: the hash of the local file.
        on_progress: called with the size in bytes of each piece from the network.
        findings: collects notes on what was used from a file, and what was left out.

    Raises:
        FileNotFoundError: there is no such local file.
        ConnectionError: torchvision's file could not be downloaded.
        ValueError: unknown name, wrong hash, not a file of tensors, another arch, or NaN.
    """
    if not weights:
        return {}
    if is_file_name(weights):
        path = check_local_file(Path(weights), sha256)
    else:
        path = fetch_published(arch, weights, on_progress)
    content = weight_file.read(path)
    is_own = content.model_card is not None
    tensors = body_of_model_file(arch, content, weights, findings) if is_own else content.tensors
    return state_dict.match(arch, tensors, weights, findings)


def check_local_file(path: Path, sha256: str | None) -> Path:
    """Return the path if its bytes have the hash.

    Raises:
        FileNotFoundError, ValueError: as for `load_pretrained`.
    """
    if path.resolve() in [out.resolve() for out in OUTS]:
        raise ValueError(
            f"{path}: a stage of this project writes this file, so each run would replace it; copy "
            f"it out of models/ (cp {path} /PATH/TO/MY.safetensors) and set `weights` to the copy"
        )
    if not path.is_file():  # an experiment's copy of the project has only what git has
        path = files.project_root() / path
    if not path.is_file():
        what = "a folder; give the file in it" if path.is_dir() else "no such file"
        raise FileNotFoundError(
            f"{path}: {what}; set `weights` in params.yaml to a path from the project's root, or "
            "to an absolute path (not ~, not a URL)"
        )
    actual = files.file_hash(path)
    if actual != sha256:
        raise ValueError(
            f"{path}: sha256 is {actual}, not {sha256}; put the right file there, or set "
            "weights_sha256 to the new hash"
        )
    return path


def fetch_published(arch: str, name: str, on_progress: Callable[[int], object]) -> Path:
    """Download torchvision's file of that name, and check its hash against the one in its name.

    Raises:
        ConnectionError, ValueError: as for `load_pretrained`.
    """
    known = torchvision.models.get_model_weights(arch)
    if name not in known.__members__ and Path(name).is_file():
        raise ValueError(
            f"params.yaml: weights is {name!r}, which means a torchvision name; to mean the file, "
            f"write ./{name}, and set weights_sha256 to its hash"
        )
    if name not in known.__members__:
        raise ValueError(
            f"params.yaml: weights is {name!r}: torchvision has {', '.join(known.__members__)} for "
            f"{arch}; or give the path of a .pth or .safetensors file"
        )
    url = known[name].url
    # torch.hub's rule: the name ends with the first hex digits of the file's sha256
    prefix = Path(urlsplit(url).path).stem.rsplit("-", 1)[-1]  # resnet34-b627a593.pth
    path = downloads.fetch_once(url, downloads.STORE / Path(url).name, on_progress)
    actual = files.file_hash(path)
    if not actual.startswith(prefix):
        path.unlink()  # else fetch_once would take it from the store next time
        raise ValueError(f"{url}: sha256 {actual} does not start with {prefix}; try again")
    return path


def body_of_model_file(
    arch: str, content: WeightFile, source: str, findings: Findings
) -> dict[str, Tensor]:
    """The body in a Pawprint model file; the head is left out.

    Raises:
        ValueError: it has no body, or a body of another arch.
    """
    model_card = content.model_card or {}
    content_type = tensor_file.describe_content(model_card)
    if content_type == tensor_file.BODY and content.tensors:
        return content.tensors
    if content_type == tensor_file.BODY:
        raise ValueError(
            f"{source}: it contains no tensors, because `weights` was empty when it was written; "
            "give a trained model, or leave `weights` empty"
        )
    if content_type != tensor_file.IMAGES:
        raise ValueError(
            f"{source}: it is {content_type}, without a body for images; give a file that a train "
            "stage wrote, such as a copy of models/unfrozen.safetensors"
        )
    if model_card["arch"] != arch:
        raise ValueError(
            f"{source}: its network is {model_card['arch']}, and arch in params.yaml is {arch}; "
            f"set arch to {model_card['arch']}, or give other weights"
        )
    findings.notes.extend(
        f"{source}: its images were normalised with a {key} of {model_card[key]}, yours with {ours}"
        for key, ours in NORMALISATION.items()
        if model_card[key] != ours
    )
    findings.notes.append(
        f"{source}: a Pawprint model with {len(model_card['classes'])} outputs: its body is used, "
        "its head is left out (yours starts from the seed)"
    )
    body = {name: tensor for name, tensor in content.tensors.items() if name.startswith("body.")}
    return {name.removeprefix("body."): tensor for name, tensor in body.items()}
