"""Train the whole network on: models/frozen.safetensors -> models/unfrozen.safetensors."""

from pathlib import Path

from pawprint import console, finder, modelfile, params, phases, schedules, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PARENT = Path("data/labels.csv"), Path("models/frozen.safetensors")
FOUND, MODEL = Path("reports/lr_find_unfrozen.json"), Path("models/unfrozen.safetensors")
SUMMARY, TABLE = Path("reports/train_unfrozen.json"), Path("reports/train_unfrozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on = params.training(p), p.runtime
    ground = {"background": p.presize.background}  # the only key of presize that a model needs
    declared = keys | {"lr": p.lr, "unfrozen": p.unfrozen.model_dump(), "presize": ground}
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    network, parent = modelfile.read(PARENT)
    lr_max = finder.chosen(p.unfrozen.lr_max, FOUND)
    peaks = schedules.peaks(parent.params["lr"], p.unfrozen.lr_min, lr_max, session.GROUPS)
    inputs = [INDEX, LABELS, PARENT, FOUND]
    phase = phases.Phase("unfrozen", Path(__file__), inputs, MODEL, TABLE, SUMMARY)
    for line in phases.completed(run, network, peaks, declared, phase):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run(main, "train_unfrozen")
