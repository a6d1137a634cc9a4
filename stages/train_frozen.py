"""Train the head, the body frozen: labels, cache, weights -> models/frozen.safetensors."""

from pathlib import Path

from pawprint import console, finder, modelfile, networks, params, phases, schedules, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PRETRAINED = Path("data/labels.csv"), Path("models/pretrained.safetensors")
FOUND, MODEL = Path("reports/lr_find.json"), Path("models/frozen.safetensors")
SUMMARY, TABLE = Path("reports/train_frozen.json"), Path("reports/train_frozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on, lr = params.training(p), p.runtime, finder.chosen(p.lr, FOUND)
    ground = {"background": p.presize.background}  # the only key of presize that a model needs
    declared = keys | {"lr": lr, "frozen": p.frozen.model_dump(), "presize": ground}
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    tensors, _ = modelfile.read_tensors(PRETRAINED)
    network = networks.fresh(p.arch, len(run.data.classes), p.seed, tensors)
    networks.freeze(network, p.optimizer.train_norm)
    peaks = schedules.frozen_peaks(lr, p.frozen.body_ratio, session.GROUPS)
    inputs = [INDEX, LABELS, PRETRAINED]
    phase = phases.Phase("frozen", Path(__file__), inputs, MODEL, TABLE, SUMMARY)
    for line in phases.completed(run, network, peaks, declared, phase):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run(main, "train_frozen")
