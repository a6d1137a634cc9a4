"""Find a learning rate for the network: models/frozen.safetensors -> reports/lr_find_unfrozen.*."""

from pathlib import Path

from pawprint.core import params
from pawprint.models import model_file
from pawprint.runtime import distributed
from pawprint.terminal import console
from pawprint.training import lr_finder, session
from pawprint.training.phase import lr_curve

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, PARENT = Path("data/labels.csv"), Path("models/frozen.safetensors")
SUMMARY, TABLE = Path("reports/lr_find_unfrozen.json"), Path("reports/lr_find_unfrozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, find, on = params.train_params(p), p.lr_find, p.runtime
    run = session.open_session(keys, IMAGES, BLOCKS, INDEX, LABELS, on.device, on.memory)
    model, _ = model_file.read(PARENT)
    points = lr_curve(run, model, find, session.GROUPS, "lr_find_unfrozen")
    curve = list(console.progress_bar(points, "lr_find_unfrozen", find.steps))
    distributed.exit_other_processes()
    print(f"lr_find_unfrozen: {lr_finder.write_suggestions(TABLE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "lr_find_unfrozen")
