"""Train the head, with the body frozen: labels, cache, weights -> models/frozen.safetensors."""

from pathlib import Path

from pawprint.core import params
from pawprint.models import network
from pawprint.runtime import tensor_file
from pawprint.terminal import console
from pawprint.training import lr_finder, session
from pawprint.training.phase import PhaseFiles, run_phase
from pawprint.training.schedule import frozen_max_lrs

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, PRETRAINED = Path("data/labels.csv"), Path("models/pretrained.safetensors")
FOUND, MODEL = Path("reports/lr_find.json"), Path("models/frozen.safetensors")
SUMMARY, TABLE = Path("reports/train_frozen.json"), Path("reports/train_frozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on, lr = params.train_params(p), p.runtime, lr_finder.resolve_lr(p.lr, FOUND)
    ground = {"background": p.presize.background}  # the only key of presize that a model needs
    declared = keys.model_dump() | {"lr": lr, "frozen": p.frozen.model_dump(), "presize": ground}
    run = session.open_session(keys, IMAGES, BLOCKS, INDEX, LABELS, on.device, on.memory)
    tensors, _ = tensor_file.read_tensors(PRETRAINED)
    model = network.create_model(p.arch, len(run.data.classes), p.seed, tensors)
    network.freeze(model, p.optimizer.train_norm)
    max_lrs = frozen_max_lrs(lr, p.frozen.body_ratio, session.GROUPS)
    inputs = [INDEX, LABELS, PRETRAINED]  # not IMAGES, of GB: INDEX has each image's hash
    files = PhaseFiles("frozen", Path(__file__), inputs, MODEL, TABLE, SUMMARY)
    for line in run_phase(run, model, max_lrs, p.frozen, declared, files):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "train_frozen")
