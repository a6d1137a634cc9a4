"""What only a GPU can show; skipped where there is none."""

from collections.abc import Iterator

import pytest
import torch

from pawprint.models import network
from pawprint.runtime.device import resolve_dtype, setup_device
from pawprint.training import loop
from pawprint.training.optimizer import adamw
from pawprint.training.schedule import OneCycle
from pawprint.training.workload import ImageWorkload, Recipe
from pawprint.vision import loader
from pawprint.vision.augment import AugmentConfig
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.image_cache import ImageCache
from pawprint.vision.resample import InputSpec
from tests import small

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def cuda() -> Iterator[torch.device]:
    yield setup_device("cuda", 2)
    torch.use_deterministic_algorithms(False)


def there(data: Dataset, device: torch.device) -> Dataset:
    assert isinstance(data.cache.store, torch.Tensor)
    stored = ImageCache(
        data.cache.names, data.cache.image_sizes, data.cache.store.to(device), device
    )
    parts = {
        name: Split(part.rows, part.targets.to(device), part.names, part.cells, part.task)
        for name, part in data.splits.items()
    }
    return Dataset(stored, data.classes, parts, data.digest, data.task)


def test_no_step_of_an_epoch_waits_for_the_device(cuda: torch.device) -> None:
    data = there(small.dataset(), cuda)
    recipe = Recipe(InputSpec(32), 8, 0, resolve_dtype("auto", cuda), small.STRENGTHS, 0.0)
    model = network.create_model("resnet18", 3, 0, {}).to(cuda)
    optimizer = adamw(
        network.parameter_groups(model), network.decay_by_parameter(model), small.SETTINGS
    )
    state = loop.init_state(model, optimizer, recipe.dtype)
    cycle = OneCycle([1e-3] * 3, 100, 0.25, 25.0, 1e5)

    def epoch(number: int) -> torch.Tensor:
        workload = ImageWorkload(data, recipe, "unfrozen")
        batches = workload.train_batches(number)
        return torch.stack(list(loop.train_one_epoch(state, batches, workload, cycle, 4 * number)))

    epoch(0)  # what is set up once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = epoch(1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses.isfinite().all()


def test_the_batches_are_those_of_the_processor(cuda: torch.device) -> None:
    strengths: AugmentConfig = small.STRENGTHS
    here, far = small.dataset(), there(small.dataset(), cuda)
    for mine, other in zip(
        loader.train_batches(
            here.cache, here.splits["train"], strengths, InputSpec(32), 8, 0, "x", 0
        ),
        loader.train_batches(
            far.cache, far.splits["train"], strengths, InputSpec(32), 8, 0, "x", 0
        ),
        strict=True,
    ):
        assert torch.equal(mine[1], other[1].cpu())
        assert torch.allclose(mine[0], other[0].cpu(), atol=1e-3)
