"""One of several processes that train the small network: `python -m tests.together FOLDER COUNT`.

In float64, BatchNorm in evaluation mode and no dropout, so that the number of processes must not
matter. Each process leaves what it saw, the first one the losses and the weights too.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pawprint.models import network
from pawprint.runtime import distributed
from pawprint.training import loop, session
from pawprint.training.schedule import OneCycle
from pawprint.vision import loader
from tests import small

EPOCHS, BATCH = 2, 7  # 32 pictures: batches of 7, 7, 6, 6, 6


def still(model: nn.Module) -> nn.Module:
    """The network in float64, whose BatchNorm and dropout stay in evaluation mode."""
    for module in model.eval().modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.Dropout):
            module.train = lambda mode=True, module=module: module  # type: ignore[method-assign]
    model.double().register_forward_pre_hook(lambda _, given: (given[0].double(),))
    return model


def note_walks(seen: list[list[str]]) -> Any:
    """loader.render_batches, which also keeps the names of every walk through the pictures."""
    walk = loader.render_batches

    def batches_noted(*given: Any) -> Iterator[loader.Batch]:
        stored, part, maps, chosen, view = given
        chosen = list(chosen)
        seen.append([part.names[i] for rows in chosen for i in rows.tolist()])
        return walk(stored, part, maps, chosen, view)

    return batches_noted


def main(folder: Path, count: int) -> None:
    """Train, and write what was seen."""
    distributed.launch_or_join(count)
    torch.set_num_threads(1)
    recipe = small.recipe(batch_size=BATCH)
    run = session.ImageSession(small.CPU, small.dataset(), recipe, small.SETTINGS, "resnet18")
    model = network.create_model("resnet18", 3, 0, {})
    still(model)
    seen: list[list[str]] = []
    loader.render_batches = note_walks(seen)
    steps, losses = loop.train_one_epoch, []

    def steps_noted(*given: Any) -> Iterator[torch.Tensor]:
        for loss in steps(*given):
            losses.append(loss.item())
            yield loss

    loop.train_one_epoch = steps_noted  # type: ignore[assignment]
    state, workload = run.init_state(model), run.workload("x")
    cycle = OneCycle([1e-3, 2e-3, 3e-3], EPOCHS * workload.steps_per_epoch, 0.25, 25.0, 1e5)
    epochs = list(loop.fit(state, workload, cycle, EPOCHS))
    judged = [[epoch.valid_loss, epoch.metric] for epoch in epochs]
    number = os.environ.get("RANK", "0")
    lines = {"seen": seen, "losses": losses, "judged": judged}
    (folder / f"{number}.json").write_text(json.dumps(lines))
    if distributed.is_main_process():
        torch.save(model.state_dict(), folder / "weights.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
