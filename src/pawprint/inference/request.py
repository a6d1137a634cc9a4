"""What is asked of a model about an image."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pawprint.models.model_file import ModelCard

Outputs = Float[Tensor, " output"]  # of one image


@dataclass(frozen=True)
class Request:
    """What is asked of a model."""

    model_card: ModelCard
    top: int  # classes to name
    min_probability: float | None  # below which there is no label; None: the model's threshold


def check_no_minimum(request: Request, what: str) -> None:
    """Raise where a probability is asked of what has none.

    Raises:
        ValueError: with the option.
    """
    if request.min_probability is not None:
        raise ValueError(
            f"this model predicts {what}, which have no probability; leave out --min-probability"
        )
