"""Where a network looks: Grad-CAM over the body's last features.

Source: Selvaraju et al. 2017, arXiv:1610.02391.
"""

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from pawprint.models.network import Network

WARM = (255.0, 60.0, 0.0)  # RGB of the places that count most


def grad_cam(
    model: Network, batch: Float32[Tensor, "n rgb=3 h w"], classes: Int64[Tensor, " n"]
) -> Float32[Tensor, "n h w"]:
    """How much each place speaks for the class, 0 to 1 in each image; all 0 if nothing does.

    Args:
        model: in evaluation mode.
        batch: normalised images.
        classes: the output that is explained, one per image.
    """
    with torch.no_grad():  # the body needs no gradient: only what reaches its features counts
        features = model.body(batch)
    features = features.detach().requires_grad_()
    with torch.enable_grad():
        # in evaluation mode images do not mix, so one backward pass of the sum serves all
        scores = model.head(features).gather(1, classes[:, None]).sum()
        (gradients,) = torch.autograd.grad(scores, features)
    weights = gradients.mean((2, 3), keepdim=True)
    spoken = (weights * features.detach()).sum(1, keepdim=True).relu()
    whole = functional.interpolate(spoken, batch.shape[2:], mode="bilinear")[:, 0]
    return whole / whole.amax((1, 2), keepdim=True).clamp(min=1e-12)


def overlay(
    images: UInt8[Tensor, "n h w rgb=3"], heat: Float32[Tensor, "n h w"]
) -> UInt8[Tensor, "n h w rgb=3"]:
    """The images, darker where nothing counts and warm where much does."""
    strength = heat[..., None].cpu()
    blended = images.float() * (0.45 + 0.25 * strength) + torch.tensor(WARM) * 0.4 * strength
    return blended.round().clamp(0, 255).byte()
