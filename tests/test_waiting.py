"""That no step asks for a number of the device: watched operator by operator, on the processor.

What tests/test_gpu.py shows on a GPU holds here for the same code: `.item()`, `bool()` of a tensor,
boolean masks and `nonzero` are seen (`.tolist()` is not).
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pawprint.models import network
from pawprint.training import loop
from pawprint.training.optimizer import adamw
from pawprint.training.schedule import OneCycle
from pawprint.training.workload import ImageWorkload
from tests import small

WAITING = {
    getattr(torch.ops.aten, name)
    for name in (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "equal",
        "unique_dim",
        "_unique2",
    )
}


class Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what a GPU would have to be waited for."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        masks = [
            part
            for places in args[1:2]
            if isinstance(places, list | tuple)
            for part in places
            if isinstance(part, Tensor) and part.dtype == torch.bool
        ]
        by_mask = func.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put) and masks
        if func.overloadpacket in WAITING or by_mask:
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


def watch() -> TorchDispatchMode:
    return Watched()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("frozen", [True, False])
def test_no_step_asks_for_a_number_of_the_device(dtype: torch.dtype, frozen: bool) -> None:
    torch.set_num_threads(1)
    data, recipe = small.dataset(), small.recipe(dtype=dtype)
    model = network.create_model("resnet18", 3, 0, {})
    if frozen:
        network.freeze(model, train_norm=True)
    groups, decayed = network.parameter_groups(model), network.decay_by_parameter(model)
    state = loop.init_state(model, adamw(groups, decayed, small.SETTINGS), dtype)
    cycle = OneCycle([1e-3] * 3, 100, 0.25, 25.0, 1e5)
    with watch():
        workload = ImageWorkload(data, recipe, "x")
        batches = workload.train_batches(0)
        losses = list(loop.train_one_epoch(state, batches, workload, cycle, 0))
    assert len(losses) == 4 and torch.stack(losses).isfinite().all()


@pytest.mark.parametrize(
    "asks",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
    ],
)
def test_what_waits_is_seen(asks: Callable[[Tensor], object]) -> None:
    with watch(), pytest.raises(AssertionError, match="waits for the device"):
        asks(torch.tensor([1.0, 2.0]))
