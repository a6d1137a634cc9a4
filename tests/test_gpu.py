"""What only a GPU can show; skipped where there is none."""

from collections.abc import Iterator

import pytest
import torch

from pawprint import batches, devices, networks, optimizers, training
from pawprint.augment import Strengths
from pawprint.cache import Cache
from pawprint.dataset import Dataset, Part
from pawprint.sampling import View
from pawprint.schedules import OneCycle
from pawprint.training import Recipe
from tests import small

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def cuda() -> Iterator[torch.device]:
    yield devices.prepared("cuda", 2)
    torch.use_deterministic_algorithms(False)


def there(data: Dataset, device: torch.device) -> Dataset:
    assert isinstance(data.cache.store, torch.Tensor)
    stored = Cache(data.cache.names, data.cache.sides, data.cache.store.to(device), device)
    parts = {
        name: Part(part.rows, part.targets.to(device), part.names, part.labels, part.kind)
        for name, part in data.parts.items()
    }
    return Dataset(stored, data.classes, parts, data.digest, data.kind)


def test_no_step_of_an_epoch_waits_for_the_device(cuda: torch.device) -> None:
    data = there(small.dataset(), cuda)
    recipe = Recipe(View(32), 8, 0, devices.dtype("auto", cuda), small.STRENGTHS, 0.0, data.kind)
    network = networks.fresh("resnet18", 3, 0, {}).to(cuda)
    optimizer = optimizers.adamw(
        networks.groups(network), networks.is_decayed(network), small.SETTINGS
    )
    state = training.started(network, optimizer, recipe.kind)
    cycle = OneCycle([1e-3] * 3, 100, 0.25, 25.0, 1e5)

    def epoch(number: int) -> torch.Tensor:
        found = training.Pictures(data, recipe, "unfrozen").batches(number)
        return torch.stack(list(training.steps(state, found, cycle, 4 * number, recipe)))

    epoch(0)  # what is set up once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = epoch(1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses.isfinite().all()


def test_the_batches_are_those_of_the_processor(cuda: torch.device) -> None:
    strengths: Strengths = small.STRENGTHS
    here, far = small.dataset(), there(small.dataset(), cuda)
    for mine, other in zip(
        batches.augmented(here.cache, here.parts["train"], strengths, View(32), 8, 0, "x", 0),
        batches.augmented(far.cache, far.parts["train"], strengths, View(32), 8, 0, "x", 0),
        strict=True,
    ):
        assert torch.equal(mine[1], other[1].cpu())
        assert torch.allclose(mine[0], other[0].cpu(), atol=1e-3)
