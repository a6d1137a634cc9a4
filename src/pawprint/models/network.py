"""The network: a torchvision body, fastai's head, three groups of layers, freezing.

Source: fastai 2.8's vision/learner.py and layers.py. Deviation: concat pooling takes maximum and
mean over the flattened plane, because its gradient is deterministic on GPUs, unlike that of
adaptive pooling.
"""

from collections import OrderedDict
from collections.abc import Mapping

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from pawprint.runtime import rng

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
HIDDEN = 512  # features between the head's two linear layers
CLASSIFIERS = ("classifier", "fc")  # what torchvision has behind its bodies
MIDDLE_STRIDE = 16  # the second group begins where the feature map is 1/16 of the picture


class ConcatPool(nn.Module):
    """N×C×H×W to N×2C: the maximum of each plane, then its mean."""

    def forward(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2"]:
        """Concatenate both poolings."""
        planes = features.flatten(2)
        return torch.cat([planes.max(2).values, planes.mean(2)], 1)


class Network(nn.Module):
    """A body, which extracts features, and a head, which classifies them."""

    def __init__(self, body: nn.Sequential, head: nn.Sequential) -> None:
        """Store body and head unchanged."""
        super().__init__()
        self.body, self.head = body, head

    def forward(self, images: Float[Tensor, "n rgb h w"]) -> Float[Tensor, "n output"]:
        """The outputs for each normalised image."""
        outputs: Tensor = self.head(self.body(images))
        return outputs


def create_model(arch: str, classes: int, seed: int, pretrained: Mapping[str, Tensor]) -> Network:
    """A network with a pretrained body (or one from the seed) and a head from the seed.

    Args:
        arch: one of params.ARCHITECTURES.
        classes: the number of outputs.
        seed: the seed of the initial weights.
        pretrained: the body's tensors by torchvision's names; empty for a body from the seed.
    """
    # the body is drawn even where weights replace it: so the head is the same without them
    with rng.global_seed(seed, "weights"):
        model = build_model(arch, classes)
    if pretrained:
        model.body.load_state_dict(body_tensors(pretrained), strict=True)
    return model


def build_model(arch: str, classes: int) -> Network:
    """Body and head, on the CPU; initial values come from torch's global generator."""
    body = build_body(torchvision.models.get_model(arch, weights=None))
    features = feature_shapes(body)[-1][1]
    model = Network(body, build_head(features, classes))
    # plain order is 7 % faster for resnet18 at 64 px; one network at one size, so not used
    return model.to(memory_format=torch.channels_last)


def build_body(model: nn.Module) -> nn.Sequential:
    """The layers before the global pooling: `features`, or all children up to `avgpool`."""
    if isinstance(features := getattr(model, "features", None), nn.Sequential):
        return features
    parts = [(name, part) for name, part in model.named_children() if name not in ("avgpool", "fc")]
    return nn.Sequential(OrderedDict(parts))


def body_tensors(pretrained: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A torchvision state dict with the names of `build_body`, without its classifier."""
    return {
        name.removeprefix("features."): tensor
        for name, tensor in pretrained.items()
        if name.split(".")[0] not in CLASSIFIERS
    }


def build_head(features: int, classes: int) -> nn.Sequential:
    """fastai's head: concat pooling, 2·features -> 512 -> classes, with BatchNorm and dropout."""
    head = nn.Sequential(
        ConcatPool(),
        nn.BatchNorm1d(2 * features),
        nn.Dropout(0.25),
        nn.Linear(2 * features, HIDDEN, bias=False),  # fastai: no bias, as BatchNorm comes before
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(HIDDEN),
        nn.Dropout(0.5),
        nn.Linear(HIDDEN, classes, bias=False),
    )
    for layer in head:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
        elif isinstance(layer, nn.BatchNorm1d):
            nn.init.constant_(layer.bias, 1e-3)  # fastai's start; torch's is 0
    return head


def set_dropout(model: Network, probability: float) -> None:
    """Set the head's dropout: `probability` before its last layer, half of it before its first.

    Source: `ps` of fastai's create_head.
    """
    first, last = (layer for layer in model.head if isinstance(layer, nn.Dropout))
    first.p, last.p = probability / 2, probability


def feature_shapes(body: nn.Sequential, side: int = 64) -> list[tuple[int, int]]:
    """Stride and channels after each child of the body, found with an image of `side` px."""
    shapes = []
    mode = body.training
    body.eval()  # or BatchNorm's running statistics would move by an image of zeros
    with torch.no_grad():
        x = next(body.parameters()).new_zeros(1, 3, side, side)
        for child in body:
            x = child(x)
            shapes.append((side // x.shape[-1], x.shape[1]))
    body.train(mode)
    return shapes


def parameter_groups(model: Network) -> list[list[nn.Parameter]]:
    """Parameters in three groups: early body, late body (from stride 16 on), head.

    For resnets this is fastai's split, between layer2 and layer3.
    """
    body, head = model.body, model.head
    strides = [stride for stride, _ in feature_shapes(body)]
    cut = next(i for i, stride in enumerate(strides) if stride >= MIDDLE_STRIDE)
    return [list(part.parameters()) for part in (body[:cut], body[cut:], head)]


def freeze(model: Network, train_norm: bool) -> None:
    """Train only the head and, if `train_norm`, the body's normalisation layers.

    Running statistics still change, because the body stays in training mode.
    """
    model.requires_grad_(True)
    for module in model.body.modules():
        trained = train_norm and isinstance(module, NORMS)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(trained)


def decay_by_parameter(model: nn.Module) -> dict[nn.Parameter, bool]:
    """Whether weight decay applies to a parameter: not to normalisation layers and biases."""
    return {
        parameter: not (isinstance(module, NORMS) or name == "bias")
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
    }
