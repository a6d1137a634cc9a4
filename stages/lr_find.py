"""Find a learning rate for the head, body frozen: labels, cache, weights -> reports/lr_find.*."""

from pathlib import Path

from pawprint.core import params
from pawprint.models import network
from pawprint.runtime import distributed, tensor_file
from pawprint.terminal import console
from pawprint.training import lr_finder, session
from pawprint.training.phase import lr_curve

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, PRETRAINED = Path("data/labels.csv"), Path("models/pretrained.safetensors")
SUMMARY, TABLE = Path("reports/lr_find.json"), Path("reports/lr_find.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, find, on = params.train_params(p), p.lr_find, p.runtime
    run = session.open_session(keys, IMAGES, BLOCKS, INDEX, LABELS, on.device, on.memory)
    tensors, _ = tensor_file.read_tensors(PRETRAINED)
    model = network.create_model(p.arch, len(run.data.classes), p.seed, tensors)
    network.freeze(model, p.optimizer.train_norm)
    points = lr_curve(run, model, find, session.GROUPS, "lr_find")
    curve = list(console.progress_bar(points, "lr_find", find.steps))
    distributed.exit_other_processes()  # not before: all take part in each step
    print(f"lr_find: {lr_finder.write_suggestions(TABLE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "lr_find")
