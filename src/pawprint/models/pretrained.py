"""The body's initial weights: a name of torchvision's or a local file -> checked tensors.

Nothing is unpickled but tensors: of torchvision's registry only the URL is taken.
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
    """The body's tensors for `arch`, by the names of its network; none if `weights` is empty.

    Args:
        arch: one of params.ARCHITECTURES.
        weights: empty, a name such as DEFAULT or IMAGENET1K_V1, or a file: a state dict (.pth,
            .safetensors), a checkpoint that holds one, or a model file of ours.
        sha256: of the local file.
        on_progress: told the bytes of each piece that arrives from the network.
        findings: notes on what was taken of a file, and what was left out.

    Raises:
        FileNotFoundError: no such local file.
        ConnectionError: torchvision's file could not be fetched.
        ValueError: unknown name, wrong hash, not a file of tensors, not of this arch, or NaN.
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
    """The path, once its bytes have the hash.

    Raises:
        FileNotFoundError, ValueError: as for `load_pretrained`.
    """
    if path.resolve() in [out.resolve() for out in OUTS]:
        raise ValueError(
            f"{path}: a stage of this project writes this file, and each run would replace it; "
            f"copy it out of models/ (cp {path} /PATH/TO/MY.safetensors) and set `weights` to the "
            "copy"
        )
    if not path.is_file():  # an experiment's copy of the project has only what git has
        path = files.project_root() / path
    if not path.is_file():
        what = "a folder; name the file in it" if path.is_dir() else "no such file"
        raise FileNotFoundError(
            f"{path}: {what}; set `weights` in params.yaml to a path from the project's "
            "root, or to a whole one (not ~, not a URL)"
        )
    actual = files.file_hash(path)
    if actual != sha256:
        raise ValueError(
            f"{path}: sha256 is {actual}, not {sha256}; put the right file there, or the new hash "
            "into weights_sha256"
        )
    return path


def fetch_published(arch: str, name: str, on_progress: Callable[[int], object]) -> Path:
    """torchvision's file of that name, fetched, its hash checked against the one in its name.

    Raises:
        ConnectionError, ValueError: as for `load_pretrained`.
    """
    known = torchvision.models.get_model_weights(arch)
    if name not in known.__members__ and Path(name).is_file():
        raise ValueError(
            f"params.yaml: weights is {name!r}, which stands for a name of torchvision's; to mean "
            f"the file, write ./{name}, and its hash into weights_sha256"
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
        raise ValueError(f"{url}: sha256 {actual} does not begin with {prefix}; try again")
    return path


def body_of_model_file(
    arch: str, content: WeightFile, source: str, findings: Findings
) -> dict[str, Tensor]:
    """The body in a model file of ours; the head is left out.

    Raises:
        ValueError: it has no body, or one of another arch.
    """
    model_card = content.model_card or {}
    content_type = tensor_file.describe_content(model_card)
    if content_type == tensor_file.BODY and content.tensors:
        return content.tensors
    if content_type == tensor_file.BODY:
        raise ValueError(
            f"{source}: it holds no tensors, since `weights` was empty when it was written; give a "
            "trained model, or leave `weights` empty"
        )
    if content_type != tensor_file.IMAGES:
        raise ValueError(
            f"{source}: it is {content_type}, without the body of a network for images; give a "
            "file that a train stage wrote, such as a copy of models/unfrozen.safetensors"
        )
    if model_card["arch"] != arch:
        raise ValueError(
            f"{source}: its network is {model_card['arch']}, and arch in params.yaml is {arch}; "
            f"set arch to {model_card['arch']}, or give other weights"
        )
    findings.notes.extend(
        f"{source}: its images were normalised by a {key} of {model_card[key]}, yours are by {ours}"
        for key, ours in NORMALISATION.items()
        if model_card[key] != ours
    )
    findings.notes.append(
        f"{source}: a model of ours with {len(model_card['classes'])} outputs: its body is taken, "
        "its head is left out (yours starts from the seed)"
    )
    body = {name: tensor for name, tensor in content.tensors.items() if name.startswith("body.")}
    return {name.removeprefix("body."): tensor for name, tensor in body.items()}
