"""Train the whole network: models/frozen.safetensors -> models/unfrozen.safetensors."""

from pathlib import Path

from pawprint.core import params
from pawprint.models import model_file
from pawprint.terminal import console
from pawprint.training import lr_finder, session
from pawprint.training.phase import PhaseFiles, run_phase
from pawprint.training.schedule import unfrozen_max_lrs

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, PARENT = Path("data/labels.csv"), Path("models/frozen.safetensors")
FOUND, MODEL = Path("reports/lr_find_unfrozen.json"), Path("models/unfrozen.safetensors")
SUMMARY, TABLE = Path("reports/train_unfrozen.json"), Path("reports/train_unfrozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on = params.train_params(p), p.runtime
    ground = {"background": p.presize.background}  # the only key of presize that a model needs
    cycle = {"unfrozen": p.unfrozen.model_dump()}
    declared = keys.model_dump() | {"lr": p.lr, **cycle, "presize": ground}
    run = session.open_session(keys, IMAGES, BLOCKS, INDEX, LABELS, on.device, on.memory)
    model, parent = model_file.read(PARENT)
    lr_max = lr_finder.resolve_lr(p.unfrozen.lr_max, FOUND)
    max_lrs = unfrozen_max_lrs(parent.params["lr"], p.unfrozen.lr_min, lr_max, session.GROUPS)
    inputs = [INDEX, LABELS, PARENT, FOUND]
    files = PhaseFiles("unfrozen", Path(__file__), inputs, MODEL, TABLE, SUMMARY)
    for line in run_phase(run, model, max_lrs, p.unfrozen, declared, files):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "train_unfrozen")
