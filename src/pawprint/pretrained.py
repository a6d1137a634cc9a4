"""The body's initial weights: a name of torchvision's or a local file -> checked tensors.

Nothing is unpickled but tensors: of torchvision's registry only the URL is taken.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from urllib.parse import urlsplit

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pawprint import downloads, files, networks
from pawprint.findings import listed
from pawprint.params import is_file_name


def tensors(
    arch: str, weights: str | None, sha256: str | None, advance: Callable[[int], object]
) -> dict[str, Tensor]:
    """The body's tensors for `arch`, by the names of its network; none if `weights` is empty.

    Args:
        arch: one of params.ARCHITECTURES.
        weights: empty, a name such as DEFAULT or IMAGENET1K_V1, or a .pth or .safetensors file.
        sha256: of the local file.
        advance: told the bytes of each piece that arrives from the network.

    Raises:
        FileNotFoundError: no such local file.
        ConnectionError: torchvision's file could not be fetched.
        ValueError: unknown name, wrong hash, not a file of tensors, not of this arch, or NaN.
    """
    if not weights:
        return {}
    if is_file_name(weights):
        path = local(Path(weights), sha256)
    else:
        path = published(arch, weights, advance)
    content = read(path)
    check_finite(content, weights)
    return matched(arch, content, weights)


def local(path: Path, sha256: str | None) -> Path:
    """The path, once its bytes have the hash.

    Raises:
        FileNotFoundError, ValueError: as for `tensors`.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; mend `weights` in params.yaml (a path from the project's root)"
        )
    found = files.digest(path)
    if found != sha256:
        raise ValueError(
            f"{path}: sha256 is {found}, not {sha256}; put the right file there, or the new hash "
            "into weights_sha256"
        )
    return path


def published(arch: str, name: str, advance: Callable[[int], object]) -> Path:
    """torchvision's file of that name, fetched, its hash checked against the one in its name.

    Raises:
        ConnectionError, ValueError: as for `tensors`.
    """
    known = torchvision.models.get_model_weights(arch)
    if name not in known.__members__:
        raise ValueError(
            f"params.yaml: weights is {name!r}: torchvision has {', '.join(known.__members__)} for "
            f"{arch}; or give the path of a .pth or .safetensors file"
        )
    url = known[name].url
    prefix = Path(urlsplit(url).path).stem.rsplit("-", 1)[-1]  # resnet34-b627a593.pth
    path = downloads.fetched(url, downloads.STORE / Path(url).name, advance)
    found = files.digest(path)
    if not found.startswith(prefix):
        path.unlink()
        raise ValueError(f"{url}: sha256 {found} does not begin with {prefix}; try again")
    return path


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict; `torch.load` is told to take nothing else.

    Raises:
        ValueError: the file is no such thing.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, SafetensorError, KeyError) as error:
        raise ValueError(f"{path}: not a file of weights: {str(error).splitlines()[0]}") from error
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        raise ValueError(f"{path}: not a state dict, which maps names to tensors")
    return dict(content)


def check_finite(tensors: Mapping[str, Tensor], source: str) -> None:
    """Raise where a weight is no number: training would say so only after an epoch.

    Raises:
        ValueError: with the count and the first names.
    """
    lost = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if lost:
        raise ValueError(
            f"{source}: {len(lost)} of its tensors hold NaN or infinity ({listed(lost, 3)}); "
            "the file is damaged, or its training diverged: use another one"
        )


def matched(arch: str, given: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The body's part of a state dict, once every name and shape is the network's own.

    Raises:
        ValueError: some are not; with counts and the first names.
    """
    body = networks.built_body(torchvision.models.get_model(arch, weights=None))
    wanted, found = body.state_dict(), networks.body_tensors(given)
    for name, tensor in wanted.items():  # older files lack these counters, which nothing reads
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, tensor)
    faults = {
        "missing": [name for name in wanted if name not in found],
        "unknown": [name for name in found if name not in wanted],
        "of another shape": [
            name for name in wanted if name in found and wanted[name].shape != found[name].shape
        ],
    }
    said = [f"{len(names)} {what} ({listed(names, 3)})" for what, names in faults.items() if names]
    if said:
        raise ValueError(
            f"{source}: these weights are not of {arch}: of its {len(wanted)} tensors, "
            f"{'; '.join(said)}; change arch or weights in params.yaml"
        )
    return {name: found[name].to(wanted[name].dtype).contiguous() for name in wanted}
