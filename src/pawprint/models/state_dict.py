"""Find the body's tensors in a state dict, however it was saved, by names and shapes."""

from collections.abc import Iterator, Mapping

import torch
import torchvision
from torch import Tensor, nn

from pawprint.core.findings import Findings, shorten
from pawprint.models import network

COUNTER = "num_batches_tracked"  # older files lack these, which nothing reads
Tensors = Mapping[str, Tensor]


def match(arch: str, given: Tensors, source: str, findings: Findings) -> dict[str, Tensor]:
    """The body's part of a state dict, if every name and shape matches the network.

    Args:
        arch: one of params.ARCHITECTURES.
        given: tensors by torchvision's names or by those of our bodies; they may be in a dictionary
            of a checkpoint, or start with a prefix such as DataParallel's `module.`.
        source: the name for errors and notes.
        findings: gets a note on what was left out, except for torchvision's own classifier.

    Raises:
        ValueError: some do not match; with counts and the first names.
    """
    body = network.build_body(torchvision.models.get_model(arch, weights=None))
    model = pick_network(arch, body, given, source, findings)
    check_finite(model, source)
    return align(arch, body, model, source)


def align(arch: str, body: nn.Sequential, model: Tensors, source: str) -> dict[str, Tensor]:
    """The network's tensors by the body's names, in its order and dtypes.

    Raises:
        ValueError: as for `match`.
    """
    targets = body.state_dict()
    tensors = network.body_tensors(model)
    for name, tensor in targets.items():
        if name.endswith(COUNTER):
            tensors.setdefault(name, tensor)
    mismatches = {
        "missing": [name for name in targets if name not in tensors],
        "unknown": [name for name in tensors if name not in targets],
        "of another shape": [
            name
            for name in targets
            if name in tensors and targets[name].shape != tensors[name].shape
        ],
    }
    problems = [
        f"{len(names)} {what} ({shorten(names, 3)})" for what, names in mismatches.items() if names
    ]
    if problems:
        raise ValueError(
            f"{source}: these weights do not fit {arch}: of its {len(targets)} tensors, "
            f"{'; '.join(problems)}; change arch or weights in params.yaml"
        )
    # weights that were saved in half precision are trained on in float32
    return {name: tensors[name].to(targets[name].dtype).contiguous() for name in targets}


def check_finite(tensors: Tensors, source: str) -> None:
    """Raise if a weight is not finite: training would fail only after an epoch.

    Raises:
        ValueError: with the count and the first names.
    """
    sparse = [name for name, tensor in tensors.items() if tensor.layout != torch.strided]
    if sparse:
        raise ValueError(
            f"{source}: {len(sparse)} of its tensors are sparse ({shorten(sparse, 3)}); save them "
            "as dense tensors, with tensor.to_dense()"
        )
    lost = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if lost:
        raise ValueError(
            f"{source}: {len(lost)} of its tensors contain NaN or infinity ({shorten(lost, 3)}); "
            "the file is damaged, or its training diverged; use another one"
        )


def pick_network(
    arch: str, body: nn.Sequential, given: Tensors, source: str, findings: Findings
) -> Tensors:
    """The tensors of the one network that has all tensors of the body, under its or our names.

    All given tensors, if no network has them.

    Raises:
        ValueError: several networks have them.
    """
    fits = dict(networks_in(body, given))
    if not fits:
        return given
    if len(fits) > 1:
        names = ", ".join(repr(prefix.removesuffix("features.").rstrip(".")) for prefix in fits)
        raise ValueError(
            f"{source}: {len(fits)} networks in it fit {arch} ({names}); save the one that you "
            "mean: torch.save(checkpoint[NAME], 'weights.pth')"
        )
    ((prefix, children),) = fits.items()
    # torchvision's classifier lies beside `features`, and is left out without a note
    prefix = prefix.removesuffix("features.")
    inside = {name: name.removeprefix(prefix) for name in given if name.startswith(prefix)}
    inside = {name: respell_names(short, children) for name, short in inside.items()}
    ours = {"features", *network.CLASSIFIERS, *(child for child, _ in body.named_children())}
    taken = {
        name: short
        for name, short in inside.items()
        # numbers stay in: further layers of a larger network are an error in align, not left out
        if (first := short.split(".")[0]) in ours or first.isdecimal()
    }
    rest = [name for name in given if name not in taken]
    if rest:
        under = f"under {prefix.rstrip('.')!r} " if prefix else ""
        findings.notes.append(
            f"{source}: the network {under}is used; left out: {len(rest)} other tensors "
            f"({shorten(rest, 3)})"
        )
    return {short: given[name] for name, short in taken.items()}


def networks_in(body: nn.Sequential, given: Tensors) -> Iterator[tuple[str, dict[str, str]]]:
    """The prefix of a network's names, and the names of its children by those in the file.

    fastai numbers the children of a body, torchvision names them.
    """
    shapes = {n: t.shape for n, t in body.state_dict().items() if not n.endswith(COUNTER)}
    numbers = {child: str(i) for i, (child, _) in enumerate(body.named_children())}
    for spelling in ({}, numbers):
        names = {respell_names(name, spelling): shape for name, shape in shapes.items()}
        first = next(iter(names))
        for prefix in [name.removesuffix(first) for name in given if name.endswith(first)]:
            is_whole = not prefix or prefix.endswith(".")  # else aux_conv1.weight would fit too
            if is_whole and all(
                prefix + name in given and given[prefix + name].shape == shape
                for name, shape in names.items()
            ):
                yield prefix, {number: child for child, number in spelling.items()}


def respell_names(name: str, children: Mapping[str, str]) -> str:
    """The name of a tensor, with another name for its child of the body."""
    first, dot, rest = name.partition(".")
    return children.get(first, first) + dot + rest
